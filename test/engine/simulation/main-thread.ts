// The daemon's main thread on the simulated machine: it answers what the engine asks, as src/engine/handle.ts does, but when the
// schedule says so; and it opens, changes and ends builds as the API would.
import type { FromEngine, Snapshot, ToEngine } from '../../../src/engine/messages.ts';
import type { Lineage } from '../../../src/process/lineage.ts';
import { decode } from '../../nodes/fuse/kernel.ts';
import type { Client } from './client.ts';
import type { Crowd } from './crowd.ts';
import type { Machine } from './machine.ts';

const OWN = 6;
const FOLDER = { nodeid: OWN, pid: process.pid };

/** A build that was opened by the API. */
export interface Opened {
  readonly id: number;
  readonly root: Client;
  readonly lease: boolean;
  /** Where its clients find their slots, once it has started. */
  path: string | undefined;
  /** It is part of another build. */
  within: boolean;
  over: boolean;
}

export class MainThread {
  readonly wakeFd: number;
  /** What it will do when it runs. */
  readonly tasks: (() => void)[] = [];
  readonly opened = new Map<number, Opened>();
  /** What some processes have is not counted: if they return it, that may count for others. */
  unsure = false;
  readonly #machine: Machine;
  readonly #inbox: ToEngine[] = [];
  readonly #timers: { at: number; run: () => void }[] = [];
  /** Epolls that are waited for while the engine waits for requests only. */
  readonly #watched: number[] = [];
  #crowd!: Crowd;
  #onSnapshot: ((snapshot: Snapshot) => void) | undefined;
  #nextId = 0;
  #stopped = false;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.wakeFd = machine.open({ kind: 'event', count: 0 });
  }

  /** Whose lineage it tells. */
  set crowd(crowd: Crowd) {
    this.#crowd = crowd;
    crowd.onEnd = (client) => this.#hungUp(client);
  }

  /** The next message for the engine. */
  receive(): ToEngine | undefined {
    return this.#inbox.shift();
  }

  tell(message: ToEngine): void {
    if (this.#stopped) return;
    this.#stopped = message.type === 'stop';
    this.#inbox.push(message);
    this.#machine.signal(this.wakeFd);
  }

  heard(message: FromEngine): void {
    this.#machine.moved();
    switch (message.type) {
      case 'who':
        this.tasks.push(() => this.#answer(message.request, this.#lineageOf(message.tid)));
        break;
      case 'pipe':
        this.tasks.push(() => this.#openPipe(message));
        break;
      case 'status':
        this.tasks.push(() => this.#answer(message.request, '{}'));
        break;
      case 'quiet':
        this.#watched.push(message.others);
        break;
      case 'alarm':
        this.#timers.push({ at: this.#machine.now + message.after, run: () => this.#rouse('alarm') });
        break;
      case 'snapshot':
        this.#onSnapshot?.(message.snapshot);
        this.#onSnapshot = undefined;
        break;
      case 'started': {
        const build = this.opened.get(message.id);
        if (build === undefined) break;
        build.path = message.path;
        build.within = message.within !== undefined;
        break;
      }
      case 'exited':
        this.#machine.drop(message.pidfd);
        break;
      case 'failed':
      case 'ended': {
        const build = this.opened.get(message.id);
        if (build === undefined) break;
        build.over = true;
        if (build.lease && this.#crowd.disown(build.root)) this.unsure = true;
        break;
      }
      case 'unmounted':
        throw new Error('the engine lost its mount');
    }
  }

  snapshot(then: (snapshot: Snapshot) => void): void {
    this.#onSnapshot = then;
    this.tell({ type: 'snapshot', request: 0 });
  }

  /** `root` asks for a build, or for a lease of `min` to `max` slots. */
  openBuild(root: Client, lease?: { min: number; max: number }): void {
    const id = 2 * this.#nextId++ + 1;
    this.opened.set(id, { id, root, lease: lease !== undefined, path: undefined, within: false, over: false });
    const { pid, uid } = root;
    const facts = {
      kind: 'run' as const,
      label: `build ${id}`,
      since: 0,
      cwd: '/',
      rootPid: pid,
      uid,
      groups: [uid],
      cgroup: '',
    };
    this.tell({ type: 'open', id, facts, implicit: 1, ...(lease && { lease: { ...lease, signal: 10 } }) });
  }

  /** Whether a build that it opened is not over. */
  isRoot(client: Client): boolean {
    return [...this.opened.values()].some(({ root, over }) => root === client && !over);
  }

  /** The `stint run` or lease that it is in, as far as that is known. */
  runAround(client: Client): Opened | undefined {
    const opened = [...this.opened.values()].filter(({ path, within }) => path !== undefined && !within);
    for (const one of [client, ...client.ancestors]) {
      const found = opened.findLast(({ root, over }) => root === one && !over);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Whether it, or any process above it, ever asked for a lease. */
  mayBeLeased(client: Client): boolean {
    const roots = new Set([...this.opened.values()].filter(({ lease }) => lease).map(({ root }) => root));
    for (let one: Client | undefined = client; one !== undefined; one = one.parent) if (roots.has(one)) return true;
    return false;
  }

  /** Whether it waits for nothing but the engine. */
  get busy(): boolean {
    return this.tasks.length > 0;
  }

  run(pick: number): void {
    this.tasks.splice(pick % this.tasks.length, 1)[0]?.();
  }

  /** Does what is due, and tells when something else will be. */
  settle(): number {
    const { now } = this.#machine;
    for (const watched of this.#watched.splice(0)) {
      if (this.#machine.rings(watched)) this.#rouse('wake');
      else this.#watched.push(watched);
    }
    for (const timer of this.#timers.splice(0)) {
      if (timer.at <= now) timer.run();
      else this.#timers.push(timer);
    }
    return Math.min(Number.POSITIVE_INFINITY, ...this.#timers.map(({ at }) => at));
  }

  /** A connection of the API ends with its process: what it waits for is not wanted any more. */
  #hungUp(client: Client): void {
    for (const { id, root, path, over } of this.opened.values())
      if (root === client && path === undefined && !over) this.tell({ type: 'cancel', id });
  }

  #rouse(name: 'wake' | 'alarm'): void {
    this.#machine.device.ask('LOOKUP', { header: FOLDER, tail: `${name}\0`, answered: () => {} });
  }

  #answer(request: number, answer: unknown): void {
    this.tell({ type: 'answer', request, answer });
  }

  /** Each end is opened by its name in the mount, which the engine has to answer for. */
  #openPipe({ request, id, returnId }: Extract<FromEngine, { type: 'pipe' }>): void {
    const ends: number[] = [];
    const wanted = [
      { id, reads: true, writes: false },
      { id, reads: false, writes: true },
      ...(returnId === 0 ? [] : [{ id: returnId, reads: true, writes: true }]),
    ];
    const next = (): void => {
      const one = wanted[ends.length];
      if (one === undefined) {
        const [readEnd, writeEnd, returnEnd = -1] = ends;
        this.#answer(request, { readEnd, writeEnd, returnEnd });
        return;
      }
      const answered = ({ error, body }: { error: number; body: Buffer }): void => {
        this.#machine.moved();
        if (error === 0) {
          const { nodeid } = decode('fuse_entry_out', body) as { nodeid: bigint };
          ends.push(this.#machine.open({ kind: 'fifo', end: this.#machine.fifo(Number(nodeid)).open(one) }));
          this.tasks.unshift(next);
          return;
        }
        for (const end of ends) this.tasks.push(() => this.#machine.drop(end));
        this.tasks.push(() => this.#answer(request, undefined));
      };
      this.#machine.device.ask('LOOKUP', { header: FOLDER, tail: `${one.id}\0`, answered });
    };
    next();
  }

  #lineageOf(tid: number): Lineage | undefined {
    const client = this.#crowd.byThread(tid);
    if (client === undefined) return undefined;
    const kin = ({ pid, start, program }: Client) => ({ pid, start, comm: program });
    const { uid, session, ancestors, program } = client;
    const known = { uid, gid: uid, groups: [], cgroup: '', program, cwd: '/', label: program, makeflags: true };
    return { ...kin(client), ...known, ancestors: ancestors.map(kin), session: kin(session) };
  }
}
