// The daemon's builds: what is known of each beside its slots, and the callers that wait for a first slot. It is what the
// API's routes talk to; the slots themselves are the engine's.
import { userInfo } from 'node:os';
import { HttpError } from '../api/call.ts';
import type { Pool } from '../api/routes.ts';
import type { BuildOpened, OpenBuild, PoolEvent, Status } from '../api/schema.ts';
import type { EngineEvents, EngineHandle } from '../engine/handle.ts';
import { type BuildFacts, statusOf } from './status.ts';

export interface BuildsOptions {
  /** Slots in the pool. */
  capacity: number;
  version: string;
  socket: string;
  /** Starts the engine. */
  engine: (events: Omit<EngineEvents, 'died'>) => EngineHandle;
}

export class Builds implements Pool {
  readonly #options: BuildsOptions;
  readonly #engine: EngineHandle;
  readonly #builds = new Map<number, BuildFacts>();
  readonly #starting = new Map<number, { resolve(fifo: string): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(event: PoolEvent) => void>();
  readonly #since = Date.now();
  /** Slots in the pool. */
  #capacity: number;
  #nextId = 1;
  #stopped = false;
  /** Calls answered so far. */
  calls = 0;

  constructor(options: BuildsOptions) {
    this.#options = options;
    this.#capacity = options.capacity;
    this.#engine = options.engine({
      started: (id, fifo) => {
        this.#tell({ type: 'started', time: Date.now(), id });
        this.#starting.get(id)?.resolve(fifo);
      },
      failed: (id, message) => this.#gone(id, new HttpError(503, message)),
      ended: (id) => this.#gone(id, new HttpError(410, 'the process is gone')),
    });
  }

  get size(): number {
    return this.#builds.size;
  }

  async status(): Promise<Status> {
    this.calls++;
    const { version, socket } = this.#options;
    const snapshot = await this.#engine.snapshot();
    return statusOf(snapshot, this.#builds, { version, socket, pid: process.pid, since: this.#since });
  }

  async openBuild(request: OpenBuild, caller: { pid: number; uid: number }, gone: AbortSignal): Promise<BuildOpened> {
    this.calls++;
    if (this.#stopped) throw new HttpError(503, 'the daemon is leaving');
    if (caller.pid === 0) throw new HttpError(403, 'the caller is outside the pid namespace of the daemon');
    const id = this.#nextId++;
    const { label, cwd, implicit } = request;
    const build = { id, label, cwd, rootPid: caller.pid, user: nameOf(caller.uid), since: Date.now() };
    this.#builds.set(id, build);
    this.#tell({ type: 'opened', time: build.since, build });
    const started = new Promise<string>((resolve, reject) => this.#starting.set(id, { resolve, reject }));
    const cancel = () => {
      this.#engine.cancel(id);
      this.#starting.get(id)?.reject(new HttpError(499, 'the caller has hung up'));
    };
    gone.addEventListener('abort', cancel);
    try {
      this.#engine.open(id, caller.pid, implicit);
      const fifo = await started;
      return { id, fifo, capacity: this.#capacity };
    } finally {
      gone.removeEventListener('abort', cancel);
      this.#starting.delete(id);
    }
  }

  /** Changes the pool's size: 1 to MAX_CAPACITY slots. */
  setCapacity(slots: number): void {
    this.calls++;
    this.#capacity = slots;
    this.#engine.setCapacity(slots);
    this.#tell({ type: 'capacity', time: Date.now(), capacity: slots });
  }

  subscribe(listener: (event: PoolEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whoever waits for a first slot is told that the daemon leaves, and no new build is taken. */
  refuseAll(): void {
    this.#stopped = true;
    for (const id of [...this.#starting.keys()]) this.#gone(id, new HttpError(503, 'the daemon is leaving'));
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  #gone(id: number, error: HttpError): void {
    if (this.#builds.delete(id)) this.#tell({ type: 'ended', time: Date.now(), id });
    this.#starting.get(id)?.reject(error);
  }

  #tell(event: PoolEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function nameOf(uid: number): string {
  try {
    const own = userInfo();
    if (uid === own.uid) return own.username;
  } catch {
    // In a container the user may have no name.
  }
  return String(uid);
}
