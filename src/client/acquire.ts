// Slots one by one, for a program that runs many jobs of its own: all that it has at a moment are one lease, which grows and shrinks
// with what is wanted, and is given back when nothing is.
import { MAX_CAPACITY } from '../api/schema.ts';
import type { Lease, LeaseEvent } from './lease.ts';
import { type LeaseOptions, lease } from './reach.ts';

export type SlotOptions = Pick<LeaseOptions, 'label' | 'user' | 'signal'>;

/** The right to run one job. `using` returns it at the end of its block. */
export interface Slot extends Disposable {
  /** Returns it; a second time does nothing. */
  release(): void;
}

/**
 * Waits for a slot. `label` and `user` of the call that finds none in use count for all that come while there are some.
 * @throws `signal.reason`; what `lease` throws; Error when the lease that they stand in has ended while it waits
 */
export function acquire({ signal, ...options }: SlotOptions = {}): Promise<Slot> {
  signal?.throwIfAborted();
  if (shared?.over ?? true) shared = new Jobs(options);
  return (shared as Jobs).slot(signal);
}

/** Those of this process that are in use, or waited for. */
let shared: Jobs | undefined;

interface Waiter {
  resolve(slot: Slot): void;
  reject(error: unknown): void;
}

class Jobs {
  /** Whether whoever comes now has to find another one. */
  over = false;
  readonly #waiting: Waiter[] = [];
  /** Gives up what nobody wants any more, before it is there. */
  readonly #asking = new AbortController();
  #held: Lease | undefined;
  /** Slots in use. */
  #used = 0;
  /** Others wait: no more than this. */
  #most = Number.POSITIVE_INFINITY;
  /** Whether the lease is being given another number of slots. */
  #resizing = false;

  constructor(options: Omit<SlotOptions, 'signal'>) {
    const { signal } = this.#asking;
    lease({ ...options, signal, min: 1, max: MAX_CAPACITY, changed: (event) => this.#changed(event) }).then(
      (held) => {
        this.#held = held;
        this.#settle();
        void held.over.then(() => this.#end(new Error('the lease is over: it was ended, or the daemon has left')));
      },
      (error) => this.#end(error),
    );
  }

  slot(signal: AbortSignal | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(waiter);
        if (at === -1) return; // it has its slot
        this.#waiting.splice(at, 1);
        reject(signal.reason);
        if (this.#held === undefined && this.#waiting.length === 0) {
          this.over = true;
          this.#asking.abort();
        }
        this.#settle();
      });
      this.#settle();
    });
  }

  /** Gives out what there is, and asks for what is wanted. */
  #settle(): void {
    const held = this.#held;
    if (held === undefined) return;
    while (this.#waiting.length > 0 && this.#used < Math.min(held.slots, this.#most)) {
      this.#used++;
      this.#waiting.shift()?.resolve(this.#newSlot());
    }
    const wanted = Math.min(this.#used + this.#waiting.length, Math.max(this.#used, this.#most));
    if (wanted === 0) {
      this.#held = undefined;
      this.#end(undefined);
      void held.release();
    } else if (wanted !== held.slots && !this.#resizing) void this.#resize(held, wanted);
  }

  async #resize(held: Lease, wanted: number): Promise<void> {
    this.#resizing = true;
    const before = held.slots;
    const after = await held.resize(wanted).catch(() => before); // it is over: that is heard of
    this.#resizing = false;
    if (after !== before) this.#settle();
  }

  #newSlot(): Slot {
    let used = true;
    const release = () => {
      if (used) this.#used--;
      used = false;
      this.#settle();
    };
    return { release, [Symbol.dispose]: release };
  }

  #changed({ type, slots }: LeaseEvent): void {
    if (type !== 'slots') this.#most = type === 'shrink' ? slots : Number.POSITIVE_INFINITY;
    this.#settle();
  }

  #end(error: unknown): void {
    this.over = true;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
