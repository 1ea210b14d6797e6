// The daemon's main thread on the simulated machine: it answers what the engine asks, as src/engine/handle.ts does, but when the
// schedule says so; and it opens, changes and ends builds as the API would. When the engine process is killed it is that of the next
// one, and whoever has called the API asks again.
import assert from 'node:assert/strict';
import { DEFAULT_POLICY, type Policy, STRICT_POLICY } from '../../../src/core/policy.ts';
import type { Lent } from '../../../src/core/settings.ts';
import type { FromEngine, Snapshot, ToEngine } from '../../../src/engine/messages.ts';
import type { Rules } from '../../../src/engine/standings.ts';
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
  /** Slots that it asks for at once, if it is a lease. */
  readonly lease: { min: number; max: number } | undefined;
  /** Where its clients find their slots, once it has started. */
  path: string | undefined;
  /** It is part of another build. */
  within: boolean;
  /** The engine was told to end it. */
  ending: boolean;
  over: boolean;
}

/** What counts for the pool, and is told to each engine. */
export interface Settings {
  capacity: number;
  /** What the machine can bear. */
  limit: number;
  /** Whether anything may be given beyond the limit. */
  generous: boolean;
  /** Slots that BOUND_USER may have, or 0: any number. */
  most: number;
  /** Slots that the builds under CAP may have together. */
  cap: number;
}

/** One of the two users; see client.ts. */
export const BOUND_USER = 1000;
/** A bound like those of control groups. */
const CAP = 'cap';

export class MainThread {
  readonly settings: Settings;
  /** The numbers of the builds that are under CAP. */
  readonly bound = new Set<number>();
  wakeFd: number;
  /** What it will do when it runs. */
  tasks: (() => void)[] = [];
  readonly opened = new Map<number, Opened>();
  /** What some processes have is not counted: if they return it, that may count for others. */
  unsure = false;
  /** What the next engine goes on with is what the last one had. */
  trusts = true;
  readonly #machine: Machine;
  #inbox: ToEngine[] = [];
  #timers: { at: number; run: () => void }[] = [];
  /** Epolls that are waited for while the engine waits for requests only. */
  #watched: number[] = [];
  /** Builds of which the next engine has not told yet that it goes on with them. */
  readonly #unheardOf = new Set<Opened>();
  #crowd!: Crowd;
  #onSnapshot: ((snapshot: Snapshot) => void) | undefined;
  #nextId = 0;
  #lastWith = 0;
  #stopped = false;

  constructor(machine: Machine, settings: Settings) {
    this.#machine = machine;
    this.settings = settings;
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

  /** The engine process was killed, and nobody hears what is said. */
  die(): void {
    this.wakeFd = -1;
    this.tasks = [];
    this.#inbox = [];
    this.#timers = [];
    this.#watched = [];
    this.#onSnapshot = undefined;
  }

  /** This is the main thread of the next engine process from now on. */
  restart(): void {
    this.wakeFd = this.#machine.open({ kind: 'event', count: 0 });
    for (const build of this.opened.values()) if (!build.over && !build.within) this.#unheardOf.add(build);
  }

  tell(message: ToEngine): void {
    if (this.#stopped || this.wakeFd === -1) return;
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
        this.#end(build);
        break;
      }
      case 'appeared': {
        const build = this.opened.get(message.id);
        if (build === undefined) break;
        assert.ok(!this.trusts || (!build.over && !build.within), `build ${message.id} was over`);
        build.path = message.path;
        this.#unheardOf.delete(build);
        if (this.bound.has(build.id)) this.bind(build, true);
        break;
      }
      case 'restored':
        this.#askAgain(message.last);
        break;
      case 'unmounted':
        throw new Error('the engine lost its mount');
    }
  }

  /** Tells the engine what was changed. */
  set(what: Exclude<keyof Settings, 'generous' | 'most'> | 'policy' | 'rules'): void {
    const { capacity, limit, cap } = this.settings;
    if (what === 'capacity') this.tell({ type: 'capacity', capacity });
    else if (what === 'limit') this.tell({ type: 'limit', limit });
    else if (what === 'cap') this.tell({ type: 'cap', name: CAP, limit: cap });
    else if (what === 'policy') this.tell({ type: 'policy', policy: this.policy });
    else this.tell({ type: 'rules', ...this.rules });
  }

  get policy(): Policy {
    return this.settings.generous ? DEFAULT_POLICY : STRICT_POLICY;
  }

  get rules(): Rules {
    const { most } = this.settings;
    return { rules: most > 0 ? [{ name: 'rule', user: BOUND_USER, max: most }] : [], class: 'normal' };
  }

  /** A build is under CAP from now on, or no longer. */
  bind({ id }: Opened, on: boolean): void {
    if (on) this.bound.add(id);
    else this.bound.delete(id);
    this.set('cap');
    this.tell({ type: 'bounds', id, caps: on ? [CAP] : [] });
  }

  /** A process lends something as long as it lives. */
  openWith(client: Client, trusted: boolean, terms: Omit<Lent, 'slots'>): void {
    const pids = [client, ...client.ancestors].map(({ pid }) => pid);
    this.tell({ type: 'with', id: ++this.#lastWith, pids, uid: client.uid, trusted, terms, status: {} });
  }

  snapshot(then: (snapshot: Snapshot) => void): void {
    this.#onSnapshot = then;
    this.tell({ type: 'snapshot', request: 0 });
  }

  /** What the engine before knew of no more: it is over, or had not begun, and then its caller asks again. */
  #askAgain(last: number): void {
    this.#nextId = Math.max(this.#nextId, Math.ceil(last / 2));
    this.set('limit');
    const unheardOf = [...this.#unheardOf];
    this.#unheardOf.clear();
    for (const build of unheardOf) {
      const { id, root, lease, path, ending } = build;
      assert.ok(path === undefined || ending || root.ended || !this.trusts, `build ${id} goes on`);
      this.#end(build);
      if (path === undefined && root.alive && !ending) this.openBuild(root, lease);
    }
  }

  #end(build: Opened): void {
    build.over = true;
    if (build.lease !== undefined && this.#crowd.disown(build.root)) this.unsure = true;
  }

  /** `root` asks for a build, or for a lease of `min` to `max` slots. */
  openBuild(root: Client, lease?: { min: number; max: number }): void {
    const id = 2 * this.#nextId++ + 1;
    this.opened.set(id, { id, root, lease, path: undefined, within: false, ending: false, over: false });
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
    const { tasks } = this;
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
        if (tasks !== this.tasks) return; // it was killed meanwhile
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
