// A lease that is held by a connection, over as many connections as it takes: when the daemon's engine dies, another one goes on, and
// the lease is claimed from that. It ends with this process, whatever becomes of it.
import type { ApiError, LeaseOpened, LeaseStatus } from '../api/schema.ts';
import { currentDirectory } from '../process/cwd.ts';
import type { RuntimeDir } from '../process/runtime-dir.ts';
import { BrokenOff, call, newClaim, persevere, Refused } from './call.ts';
import { openEvents } from './events.ts';

/** What a lease is told: `slots`: so many it has now. The others, as docs/api.md has them: so many it should have, or may have. */
export interface LeaseEvent {
  type: 'slots' | 'shrink' | 'grow' | 'keep';
  slots: number;
}

export interface LeaseOrder {
  /** Slots that are needed at once. */
  min: number;
  /** As many as are fair, up to this. */
  max: number;
  /** What people will see. */
  label: string;
}

interface Terms {
  /** Gives it up while it waits, and back afterwards. */
  signal?: AbortSignal | undefined;
  /** Told of what happens, from the first number of slots on. */
  changed?: ((event: LeaseEvent) => void) | undefined;
}

/** Waits until a lease has its slots. @throws NoDaemon, Refused, StintError; `signal.reason` when it was given up */
export async function takeLease(runtime: RuntimeDir, order: LeaseOrder, { signal, changed }: Terms): Promise<Lease> {
  signal?.throwIfAborted();
  const holder = new Holder(runtime, { ...order, cwd: currentDirectory(), claim: newClaim() }, changed);
  const giveUp = () => holder.end();
  signal?.addEventListener('abort', giveUp);
  try {
    return new Lease(holder, await holder.take());
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Slots of the pool. `await using` returns them at the end of its block. */
export class Lease implements AsyncDisposable {
  readonly id: number;
  /** Where jobserver clients that this process starts find its slots but one, as fifo:PATH in MAKEFLAGS. */
  readonly fifo: string;
  /** Slots in the pool. */
  readonly capacity: number;
  /** When it is over: true when it was released. If not, somebody has ended it, or the daemon has left. */
  readonly over: Promise<boolean>;
  readonly #holder: Holder;

  /** Use `lease`. */
  constructor(holder: Holder, { id, fifo, capacity }: LeaseOpened) {
    this.#holder = holder;
    this.id = id;
    this.fifo = fifo;
    this.capacity = capacity;
    this.over = holder.over;
  }

  /** Slots that it has. */
  get slots(): number {
    return this.#holder.slots;
  }

  /** Slots that it should have: fewer than it has while others wait, more while some are free. */
  get wish(): number {
    return this.#holder.wish;
  }

  /** Asks for another number of slots, and says how many it has then. @throws Refused, NoDaemon when it is over */
  async resize(slots: number): Promise<number> {
    const status = await call<LeaseStatus>(this.#holder.runtime, 'PATCH', `/leases/${this.id}`, { slots });
    this.#holder.has(status.slots);
    return status.slots;
  }

  /** Returns all slots; whoever waits for them may have them at once. */
  async release(): Promise<void> {
    this.#holder.end();
    await this.over;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** The connection that a lease is held by, or the one after it. */
class Holder {
  readonly runtime: RuntimeDir;
  readonly over: Promise<boolean>;
  slots = 0;
  wish = 0;
  readonly #body: object;
  readonly #changed: Terms['changed'];
  #connection: { hangUp(): void; unref(): void } | undefined;
  #ended = false;
  #resolve: (released: boolean) => void = () => {};

  constructor(runtime: RuntimeDir, order: object, changed: Terms['changed']) {
    this.runtime = runtime;
    this.#body = { ...order, hold: 'connection' };
    this.#changed = changed;
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  async take(): Promise<LeaseOpened> {
    const { opened, ended } = await persevere(() => this.#connect(this.#body));
    void this.#stay(ended);
    return opened;
  }

  end(): void {
    this.#ended = true;
    this.#connection?.hangUp();
  }

  /** A number of slots is told again when another engine goes on. */
  has(slots: number): void {
    if (slots === this.slots) return;
    this.slots = slots;
    this.#changed?.({ type: 'slots', slots });
  }

  /** @param ended of the connection: whether the lease is over, too */
  async #stay(ended: Promise<boolean>): Promise<void> {
    try {
      while (!(await ended) && !this.#ended) {
        ({ ended } = await persevere(() => this.#connect({ ...this.#body, again: true })));
      }
    } catch {
      // It is over, or nobody is there any more.
    }
    this.#resolve(this.#ended);
  }

  #connect(body: object): Promise<{ opened: LeaseOpened; ended: Promise<boolean> }> {
    return new Promise((resolve, reject) => {
      let over = false;
      const stream = openEvents(this.runtime, 'POST /leases', body, (event, data) => {
        if (event === 'failed') {
          const { status, error } = data as ApiError & { status: number };
          reject(new Refused(status, error));
        }
        if (event === 'ended') over = true;
        if (!isLeaseEvent(event)) return;
        const opened = data as LeaseOpened;
        this.wish = opened.slots;
        if (event !== 'slots') {
          this.#changed?.({ type: event, slots: opened.slots });
          return;
        }
        this.has(opened.slots);
        stream.unref(); // whoever ends without a word has released it
        resolve({ opened, ended: stream.ended.then(() => over) });
      });
      this.#connection = stream;
      if (this.#ended) stream.hangUp();
      const broken = (error: Error) => reject(this.#ended ? new Error('given up') : error);
      stream.ended.then(() => broken(new BrokenOff()), broken);
    });
  }
}

const isLeaseEvent = (event: string): event is LeaseEvent['type'] =>
  ['slots', 'shrink', 'grow', 'keep'].includes(event);
