// The daemon's builds: since when each is there, and the callers that wait for a first slot. It is what the API's routes talk
// to; the slots themselves are the engine's.
import { HttpError, type Peer } from '../api/call.ts';
import type { Pool } from '../api/routes.ts';
import type { BuildOpened, OpenBuild, OpenWith, PoolEvent, SettingList, Status, WithOpened } from '../api/schema.ts';
import { seenStatus } from '../api/seen.ts';
import type { SettingsPool } from '../api/settings-routes.ts';
import type { EngineEvents, EngineHandle } from '../engine/handle.ts';
import { type BuildAccount, type BuildFacts, type BuildTerms, LEAVING, type Snapshot } from '../engine/messages.ts';
import type { Remembered } from '../keeper/remembered.ts';
import type { NodeRights } from '../nodes/fuse/directory.ts';
import type { Recorder } from '../observe/recorder.ts';
import type { TraceHead } from '../observe/trace.ts';
import { CAPACITY, type Served } from '../plain/served.ts';
import { userName } from '../process/groups.ts';
import { cgroupOf } from '../process/proc.ts';
import { endTree } from './ending.ts';
import type { Settings } from './settings.ts';
import { type Known, pastOf, statusOf } from './status.ts';
import type { Watch } from './watch.ts';
import type { Withs } from './withs.ts';

export interface BuildsOptions {
  settings: Settings;
  remembered: Remembered;
  daemon: Omit<Status['daemon'], 'since'>;
  /** Starts the engine. */
  engine: (events: Omit<EngineEvents, 'died' | 'damaged' | 'deviceGone' | 'hangs' | 'scarce'>) => EngineHandle;
  /** Keeps the pool within what the machine can bear. */
  watch: (engine: EngineHandle) => Watch;
  /** Keeps what is lent by `stint with`. */
  withs: (engine: EngineHandle) => Withs;
  /** Listens to what happens. */
  recorder: Recorder;
  /** Why `caller` may not open a build, or undefined when it may. */
  refuse: (caller: Peer) => string | undefined;
}

/** A build that is about to begin. */
interface Entry extends BuildTerms {
  label: string;
  cwd: string;
  claim?: string | undefined;
  /** It lasts as long as the connection. */
  connected?: boolean;
  /** Told its number. */
  came?: (id: number) => void;
}

/** A build that has its first slots. */
interface Entered {
  /** Its number, or that of the build that it is part of. */
  id: number;
  path: string;
  within: boolean;
  /** Those of the lease that it is, or is in. */
  slots: number | undefined;
}

interface Starting {
  resolve(entered: Entered): void;
  reject(error: Error): void;
}

export class Builds implements Pool, SettingsPool {
  readonly #options: BuildsOptions;
  readonly #engine: EngineHandle;
  readonly #watch: Watch;
  readonly #withs: Withs;
  readonly #builds = new Map<number, Known>();
  readonly #starting = new Map<number, Starting>();
  readonly #listeners = new Set<(event: PoolEvent) => void>();
  /** What is told to all who have asked at the same time. */
  readonly #told = new WeakMap<Snapshot, Status>();
  readonly #since: number;
  /** In system mode odd numbers are given here, even ones by the engine to builds that nobody opened. */
  #nextId = 1;
  #stopped = false;
  /** Resolves when the last build has ended. */
  #empty: (() => void) | undefined;
  /** Calls answered so far. */
  calls = 0;
  /** Builds that had begun before this process went on with them. */
  readonly #before = new Set<number>();

  constructor(options: BuildsOptions) {
    this.#options = options;
    this.#since = options.remembered.read<number>(SINCE) ?? Date.now();
    options.remembered.write(SINCE, this.#since);
    this.#engine = options.engine({
      started: (id, path, { within, slots }) => {
        if (within === undefined) {
          this.#watch.started();
          this.#begun(id, path);
          this.tell({ type: 'started', time: Date.now(), id });
        } else this.#isPart(id);
        this.#starting.get(id)?.resolve({ id: within ?? id, path, within: within !== undefined, slots });
      },
      failed: (id, message, never) => this.#gone(id, new HttpError(never ? 409 : 503, message)),
      holds: (id, inside) => this.#withs.holds(id, inside),
      over: (id, failure) => this.#withs.over(id, failure),
      wish: (id, slots) => this.tell({ type: 'wish', time: Date.now(), id, slots }),
      expired: (id) => this.#expired(id),
      appeared: (id, facts, path) => this.#appeared(id, facts, path),
      lent: (id, inside, status) => this.#withs.lent(id, inside, status),
      restored: (last) => {
        this.#skipIds(last);
        this.#engine.setCapacity(this.capacity); // what had been lent may have ended meanwhile
      },
      exited: (id, exit) => {
        const known = this.#builds.get(id);
        if (known !== undefined) known.exit = exit;
      },
      ended: (id, account) => this.#gone(id, new HttpError(410, 'the process is gone'), account),
      taped: () => options.recorder.taped(),
      status: async () => `${JSON.stringify(seenStatus(await this.status(), undefined), undefined, 2)}\n`,
    });
    this.#watch = options.watch(this.#engine);
    this.#withs = options.withs(this.#engine);
    options.settings.attach({
      setCapacity: (slots) => this.#setCapacity(slots),
      setPolicy: (policy) => this.#engine.setPolicy(policy),
      setLimits: (limits) => this.#watch.setLimits(limits),
      setRules: (rules) => this.#engine.setRules(rules),
    });
  }

  /** What the plain pool has to know that goes on when no engine does. */
  served(rights: NodeRights | undefined): Served {
    const { restarts, ...daemon } = this.#options.daemon;
    const { mode = 0, gid = 0 } = rights ?? {};
    return {
      daemon: { ...daemon, since: this.#since },
      capacity: this.capacity,
      ...(rights !== undefined && { rights: { mode, gid } }),
    };
  }

  get engine(): EngineHandle {
    return this.#engine;
  }

  get size(): number {
    return this.#builds.size;
  }

  /** Whether anybody would miss the daemon. */
  get needed(): boolean {
    return this.#builds.size > 0 || this.#withs.size > 0;
  }

  /** Slots in the pool. */
  get capacity(): number {
    return this.#options.settings.capacity;
  }

  async status(): Promise<Status> {
    this.calls++;
    const snapshot = await this.#engine.snapshot();
    const told = this.#told.get(snapshot);
    if (told !== undefined) return told;
    // The engine may not have heard yet of what the list says already.
    const status = statusOf({ ...snapshot, capacity: this.capacity }, this.#builds, {
      daemon: { ...this.#options.daemon, since: this.#since },
      pids: { keeper: this.#options.daemon.pid, engine: process.pid },
      limits: this.#watch.limits,
      with: this.#withs.list,
      peakOf: (id) => this.#watch.peakOf(id),
    });
    this.#told.set(snapshot, status);
    return status;
  }

  async openBuild(request: OpenBuild, caller: Peer, gone: AbortSignal): Promise<BuildOpened> {
    const { id, path, within } = await this.enter(request, caller, gone);
    if (within && request.timeLimit !== undefined) throw new HttpError(409, noLimitWithin(id));
    return { id, fifo: path, capacity: this.capacity };
  }

  /** Resolves when the build has its first slots; whoever is gone before that has given it up. @throws HttpError */
  async enter({ came, ...entry }: Entry, caller: Peer, gone: AbortSignal): Promise<Entered> {
    this.calls++;
    if (this.#stopped) throw new HttpError(503, LEAVING);
    if (caller.pid === 0) throw new HttpError(403, 'the caller is outside the pid namespace of the daemon');
    const refusal = this.#options.refuse(caller);
    if (refusal !== undefined) throw new HttpError(403, refusal);
    const has = await this.claimed(entry.claim, caller);
    if (has !== undefined) return has;
    const id = this.#nextId;
    this.#nextId += this.#options.daemon.mode === 'system' ? 2 : 1;
    const { label, cwd, implicit, lease, timeLimit, claim, connected = false } = entry;
    const { pid, uid, gid, groups } = caller;
    const place = { groups: [gid, ...groups], cgroup: cgroupOf(pid) ?? '' };
    const facts: BuildFacts = {
      kind: 'run',
      label,
      cwd,
      since: Date.now(),
      rootPid: pid,
      uid,
      ...place,
      claim,
      connected,
    };
    const started = new Promise<Entered>((resolve, reject) => this.#starting.set(id, { resolve, reject }));
    const cancel = () => {
      this.#engine.cancel(id);
      this.#starting.get(id)?.reject(new HttpError(499, 'the caller has hung up'));
    };
    gone.addEventListener('abort', cancel);
    try {
      this.#came(id, facts);
      const { bounds, processors } = this.#watch.came(id, label, pid);
      const withs = this.#withs.above(pid);
      const most = [this.#withs.most(withs), ...(processors === undefined ? [] : [processors])];
      const never = most.find(({ slots }) => slots < (lease?.min ?? 1));
      if (never === undefined) {
        came?.(id);
        this.#engine.open(id, facts, { implicit, lease, timeLimit, withs, bounds });
      } else this.#gone(id, new HttpError(409, `${never.reason}, and ${lease?.min} are asked for at once`));
      return await started;
    } finally {
      gone.removeEventListener('abort', cancel);
      this.#starting.delete(id);
    }
  }

  /** The build that `caller` has begun with the same claim, if it has. */
  async claimed(claim: string | undefined, { pid, uid }: Peer): Promise<Entered | undefined> {
    if (claim === undefined) return undefined;
    const found = [...this.#builds].find(
      ([, known]) => known.claim === claim && known.rootPid === pid && known.uid === uid && known.path !== undefined,
    );
    if (found === undefined) return undefined;
    const [id, { path = '' }] = found;
    const { builds } = await this.#engine.snapshot();
    const figures = builds.find((one) => one.id === id);
    return figures && { id, path, within: false, slots: figures.lease && figures.implicit };
  }

  /** Builds that last as long as a connection, and had begun before this process went on with them. */
  get disconnected(): number[] {
    return [...this.#builds].filter(([id, { connected }]) => connected && this.#before.has(id)).map(([id]) => id);
  }

  /** What a build that is there is called. */
  head(id: number): TraceHead | undefined {
    const known = this.#builds.get(id);
    return known && { build: id, label: known.facts.label, cwd: known.facts.cwd, user: known.user, uid: known.uid };
  }

  settings(): SettingList['settings'] {
    this.calls++;
    return this.#options.settings.list();
  }

  change(changes: Readonly<Record<string, unknown>>, { lasting }: { lasting: boolean }): void {
    this.calls++;
    this.#options.settings.change(changes, lasting);
  }

  async openWith(request: OpenWith, caller: Peer): Promise<WithOpened> {
    this.calls++;
    if (this.#stopped) throw new HttpError(503, LEAVING);
    return this.#withs.open(request, caller);
  }

  #setCapacity(slots: number): void {
    this.#options.remembered.write(CAPACITY, slots);
    this.#engine.setCapacity(slots);
    this.#watch.setCapacity(slots);
    this.tell({ type: 'capacity', time: Date.now(), capacity: slots });
  }

  subscribe(listener: (event: PoolEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whoever waits for a first slot is told that the daemon leaves, and no new build is taken. */
  refuseAll(): void {
    this.#stopped = true;
    for (const id of [...this.#starting.keys()]) this.#gone(id, new HttpError(503, LEAVING));
  }

  /** Resolves when no build is left. */
  async ended(): Promise<void> {
    if (this.#builds.size > 0) await new Promise<void>((resolve) => (this.#empty = resolve));
  }

  async stop(): Promise<void> {
    this.#watch.stop();
    await this.#engine.stop();
    this.#options.recorder.close();
  }

  #appeared(id: number, facts: BuildFacts, path: string | undefined): void {
    this.#came(id, facts);
    this.#watch.appeared(id, facts.label);
    if (path === undefined) return;
    this.#before.add(id);
    this.#begun(id, path);
  }

  #begun(id: number, path: string): void {
    const known = this.#builds.get(id);
    if (known !== undefined) known.path = path;
  }

  #came(id: number, facts: BuildFacts): void {
    const { uid, label, cwd, kind, rootPid, since, claim, connected = false } = facts;
    const user = userName(uid);
    const told = { since, user, facts: { label, cwd, kind }, uid, rootPid, claim, connected };
    this.#builds.set(id, { ...told, exit: undefined, path: undefined });
    this.#options.recorder.came(id, since);
    this.tell({ type: 'opened', time: since, build: { id, label, cwd, rootPid, since, user, uid } });
  }

  /** No number that was given by a daemon before this one is given again. */
  #skipIds(last: number): void {
    while (this.#nextId <= last) this.#nextId += this.#options.daemon.mode === 'system' ? 2 : 1;
  }

  /** One that still waits is given up; one that runs is ended. */
  #expired(id: number): void {
    const starting = this.#starting.get(id);
    if (starting !== undefined) {
      this.#engine.cancel(id);
      starting.reject(new HttpError(504, 'its time was over before it had its slots'));
      return;
    }
    const known = this.#builds.get(id);
    if (known === undefined) return;
    this.tell({ type: 'expired', time: Date.now(), id });
    endTree(known);
  }

  #gone(id: number, error: HttpError, account?: BuildAccount): void {
    const known = this.#builds.get(id);
    const peakMemory = this.#watch.peakOf(id);
    const exit = known?.exit === undefined ? {} : { exit: known.exit };
    if (this.#forget(id)) this.tell({ type: 'ended', time: Date.now(), id, ...exit });
    const { recorder } = this.#options;
    if (known === undefined || account === undefined) recorder.ended(id, undefined);
    else {
      const { facts, user, uid, since } = known;
      recorder.ended(id, {
        id,
        ...facts,
        user,
        uid,
        since,
        ended: Date.now(),
        ...exit,
        ...pastOf(account, peakMemory),
      });
    }
    this.#starting.get(id)?.reject(error);
    if (this.#builds.size === 0) this.#empty?.();
  }

  /** It is no build of its own after all. */
  #isPart(id: number): void {
    if (this.#forget(id)) this.tell({ type: 'ended', time: Date.now(), id });
    this.#options.recorder.ended(id, undefined);
  }

  #forget(id: number): boolean {
    this.#watch.ended(id);
    return this.#builds.delete(id);
  }

  /** Tells whoever has subscribed. */
  tell(event: PoolEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** When the first process of the daemon began: under this it is remembered. */
const SINCE = 'since';

/** Why there is no time limit for a command that is part of a build. */
const noLimitWithin = (id: number): string =>
  `it is part of build ${id}, which has its own end: give the limit to that one, or use timeout(1)`;
