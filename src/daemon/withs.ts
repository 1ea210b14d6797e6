// The commands under `stint with`, as the API sees them: who may ask for what, and what is lent now. Which builds a command speaks
// of, and when it ends, is the engine's to know; the size of the pool is that of the settings.
import { HttpError, mayChange, type Peer, whoMay } from '../api/call.ts';
import type { OpenWith, WithOpened, WithStatus } from '../api/schema.ts';
import type { EngineHandle } from '../engine/handle.ts';
import { userName } from '../process/groups.ts';
import { ancestorsOf } from '../process/lineage.ts';
import { ownerOf } from '../process/owners.ts';
import { relativesOf } from '../process/proc.ts';
import type { Settings } from './settings.ts';

/** No user needs so many at once; each takes a descriptor. */
const MAX_WITHS = 1000;

/** Who may do what in the machine's pool. */
export interface MachineRights {
  /** Whose members may change it, beside root. */
  group: number;
  /** Why `caller` may not take slots; undefined when it may. */
  refuse(caller: Peer): string | undefined;
}

interface Lent extends WithStatus {
  /** Called when it counts, or when its process is gone already. */
  begun: ((failure?: string) => void) | undefined;
}

export class Withs {
  readonly #engine: Pick<EngineHandle, 'lend'>;
  readonly #settings: Settings;
  readonly #group: number | undefined;
  readonly #refuse: ((caller: Peer) => string | undefined) | undefined;
  readonly #lent = new Map<number, Lent>();
  /** Those that were lent before this process went on. */
  readonly #before = new Set<number>();
  #nextId = 1;

  constructor(
    engine: Pick<EngineHandle, 'lend'>,
    { settings, machine }: { settings: Settings; machine: MachineRights | undefined },
  ) {
    this.#engine = engine;
    this.#settings = settings;
    this.#group = machine?.group;
    this.#refuse = machine?.refuse;
  }

  get size(): number {
    return this.#lent.size;
  }

  /** Those that count now, oldest first. */
  get list(): WithStatus[] {
    return [...this.#lent.values()].flatMap(({ begun, ...status }) => (begun === undefined ? [status] : []));
  }

  /** The numbers of those that process `pid` is below, or is. */
  above(pid: number): number[] {
    if (this.#lent.size === 0) return [];
    const pids = lineOf(pid);
    return [...this.#lent.values()].filter((one) => pids.includes(one.pid)).map(({ id }) => id);
  }

  /** Slots that the pool will have at most while these run, and that in words. */
  most(ids: readonly number[]): { slots: number; reason: string } {
    const lent = ids.map((id) => this.#lent.get(id)?.slots ?? Number.POSITIVE_INFINITY);
    const slots = Math.min(this.#settings.most, ...lent);
    return { slots, reason: `the pool has ${slots} ${slots === 1 ? 'slot' : 'slots'}` };
  }

  /** Resolves when it counts; it does as long as the calling process lives. @throws HttpError 403, 410, 503 */
  async open({ label, slots, ...terms }: OpenWith, caller: Peer): Promise<WithOpened> {
    const trusted = mayChange(caller, this.#group);
    const { pid, uid } = caller;
    if (!trusted) {
      const refusal = this.#refuse?.(caller);
      if (refusal !== undefined) throw new HttpError(403, refusal);
      if (slots !== undefined) throw new HttpError(403, whoMay(caller, this.#group));
      if (terms.class === 'interactive') throw new HttpError(403, `class interactive: ${whoMay(caller, this.#group)}`);
    }
    if (pid === 0) throw new HttpError(403, 'the caller is outside the pid namespace of the daemon');
    const has = this.#answeredBefore(pid, { label, slots, class: terms.class, weight: terms.weight });
    if (has !== undefined) return { id: has };
    const own = [...this.#lent.values()].filter((one) => ownerOf(one.uid) === ownerOf(uid));
    if (own.length >= MAX_WITHS)
      throw new HttpError(503, `${MAX_WITHS} commands of user ${userName(uid)} have lent settings already`);
    const id = this.#nextId++;
    const status = { id, label, pid, user: userName(uid), uid, since: Date.now(), ...terms };
    const failure = await new Promise<string | undefined>((begun) => {
      this.#lent.set(id, { ...status, ...(slots !== undefined && { slots }), begun });
      this.#engine.lend(id, { pids: lineOf(pid), uid, trusted, terms, status: { ...status, slots } });
    });
    if (!this.#lent.has(id))
      throw failure === undefined ? new HttpError(410, 'the process is gone') : new HttpError(503, failure);
    return { id };
  }

  /** The same that the process was lent before this one went on: it asks again, as its answer was lost. */
  #answeredBefore(pid: number, asked: Record<keyof OpenWith, unknown>): number | undefined {
    const same = (one: WithStatus) =>
      one.pid === pid && (['label', 'slots', 'class', 'weight'] as const).every((key) => one[key] === asked[key]);
    return this.list.find((one) => this.#before.has(one.id) && same(one))?.id;
  }

  /** One that was lent by a daemon before this one. */
  lent(id: number, inside: number | undefined, status: unknown): void {
    this.#nextId = Math.max(this.#nextId, id + 1);
    this.#before.add(id);
    this.#lent.set(id, { ...(status as WithStatus), begun: () => {} });
    this.holds(id, inside);
  }

  /** The engine knows it, and will tell when its process ends; `inside`: the build that it speaks of. */
  holds(id: number, inside: number | undefined): void {
    const one = this.#lent.get(id);
    if (one === undefined) return;
    if (inside !== undefined) one.build = inside;
    if (one.slots !== undefined) this.#settings.lend(id, one.slots);
    one.begun?.();
    one.begun = undefined;
  }

  over(id: number, failure?: string): void {
    const one = this.#lent.get(id);
    this.#lent.delete(id);
    this.#settings.takeBack(id);
    one?.begun?.(failure);
  }
}

/** A process and those above it, nearest first. */
function lineOf(pid: number): number[] {
  const self = relativesOf(pid);
  return [pid, ...(self === undefined ? [] : ancestorsOf(self)).map((kin) => kin.pid)];
}
