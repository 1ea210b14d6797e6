// The commands under `stint with`, as the API sees them: who may ask for what, and what is lent now. Which builds a command speaks
// of, and when it ends, is the engine's to know; the size of the pool is that of the settings.
import { HttpError, mayChange, type Peer, whoMay } from '../api/call.ts';
import type { OpenWith, WithOpened, WithStatus } from '../api/schema.ts';
import type { EngineHandle } from '../engine/handle.ts';
import { userName } from '../process/groups.ts';
import { ancestorsOf } from '../process/lineage.ts';
import { relativesOf } from '../process/proc.ts';
import type { Remembered } from './remembered.ts';
import type { Settings } from './settings.ts';

/** Nobody needs so many at once. */
const MAX_WITHS = 1000;

interface Lent extends WithStatus {
  /** Called when it counts, or when its process is gone already. */
  begun: (() => void) | undefined;
}

export class Withs {
  readonly #engine: Pick<EngineHandle, 'lend'>;
  readonly #settings: Settings;
  readonly #group: number | undefined;
  readonly #system: boolean;
  readonly #lent = new Map<number, Lent>();
  readonly #remembered: Remembered;
  /** What was lent before this process went on, until the engine says that it still is. */
  readonly #before: ReadonlyMap<number, WithStatus>;
  #nextId: number;

  /** @param group whose members may change the machine's pool, beside root */
  constructor(
    engine: Pick<EngineHandle, 'lend'>,
    {
      settings,
      group,
      system,
      remembered,
    }: { settings: Settings; group: number | undefined; system: boolean; remembered: Remembered },
  ) {
    this.#engine = engine;
    this.#settings = settings;
    this.#group = group;
    this.#system = system;
    this.#remembered = remembered;
    const before = remembered.read<Minutes>(MINUTES);
    this.#nextId = before?.nextId ?? 1;
    this.#before = new Map(before?.lent.map((one) => [one.id, one]));
  }

  get size(): number {
    return this.#lent.size;
  }

  /** The engine has said of all that it knows that they hold: the others have ended. */
  settle(): void {
    for (const id of this.#before.keys()) if (!this.#lent.has(id)) this.#settings.takeBack(id);
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

  /** Resolves when it counts; it does as long as the calling process lives. @throws HttpError 403, 410, 503 */
  async open({ label, slots, ...terms }: OpenWith, caller: Peer): Promise<WithOpened> {
    const trusted = mayChange(caller, this.#group);
    if (!trusted && slots !== undefined) throw new HttpError(403, whoMay(caller, this.#group));
    if (!trusted && this.#system && terms.class === 'interactive')
      throw new HttpError(403, `class interactive: ${whoMay(caller, this.#group)}`);
    if (caller.pid === 0) throw new HttpError(403, 'the caller is outside the pid namespace of the daemon');
    if (this.#lent.size >= MAX_WITHS) throw new HttpError(503, `${MAX_WITHS} commands have lent settings already`);
    const { pid, uid } = caller;
    const has = this.#answeredBefore(pid, { label, slots, class: terms.class, weight: terms.weight });
    if (has !== undefined) return { id: has };
    const id = this.#nextId++;
    const status = { id, label, pid, user: userName(uid), uid, since: Date.now(), ...terms };
    await new Promise<void>((begun) => {
      this.#lent.set(id, { ...status, ...(slots !== undefined && { slots }), begun });
      this.#engine.lend(id, { pids: lineOf(pid), uid, trusted, terms });
    });
    if (!this.#lent.has(id)) throw new HttpError(410, 'the process is gone');
    return { id };
  }

  /** The same that the process was lent before this one went on: it asks again, as its answer was lost. */
  #answeredBefore(pid: number, asked: Record<keyof OpenWith, unknown>): number | undefined {
    const same = (one: WithStatus) =>
      one.pid === pid && (['label', 'slots', 'class', 'weight'] as const).every((key) => one[key] === asked[key]);
    return this.list.find((one) => this.#before.has(one.id) && same(one))?.id;
  }

  /** The engine knows it, and will tell when its process ends; `inside`: the build that it speaks of. */
  holds(id: number, inside: number | undefined): void {
    const before = this.#before.get(id);
    const one = this.#lent.get(id) ?? (before && { ...before, begun: undefined });
    if (one === undefined) return;
    this.#lent.set(id, one);
    if (inside !== undefined) one.build = inside;
    if (one.slots !== undefined) this.#settings.lend(id, one.slots);
    const { begun } = one;
    one.begun = undefined;
    this.#remember();
    begun?.();
  }

  over(id: number): void {
    const one = this.#lent.get(id);
    this.#lent.delete(id);
    this.#settings.takeBack(id);
    this.#remember();
    one?.begun?.();
  }

  #remember(): void {
    const minutes: Minutes = { nextId: this.#nextId, lent: this.list };
    this.#remembered.write(MINUTES, minutes);
  }
}

/** What is remembered of what is lent. */
interface Minutes {
  nextId: number;
  lent: WithStatus[];
}

const MINUTES = 'withs';

/** Makes what was lent before this process went on count in the pool's size again, until `settle`. */
export function lendAgain(settings: Settings, remembered: Remembered): void {
  for (const { id, slots } of remembered.read<Minutes>(MINUTES)?.lent ?? [])
    if (slots !== undefined) settings.lend(id, slots);
}

/** A process and those above it, nearest first. */
function lineOf(pid: number): number[] {
  const self = relativesOf(pid);
  return [pid, ...(self === undefined ? [] : ancestorsOf(self)).map((kin) => kin.pid)];
}
