// The policies that stint is compared with. Neither knows builds or users; both take a dead client's slots back, which a plain FIFO
// cannot do: only the order in which they grant is compared.
import type { MakePool, Pool } from './pool.ts';

/** One queue of requests: first come, first served. */
export const fifo: MakePool = (slots, granted) => new Queued(slots, granted, false);

/** One queue of processes: whose turn it is gets one slot and goes to the end if it wants more. */
export const roundRobin: MakePool = (slots, granted) => new Queued(slots, granted, true);

class Queued implements Pool {
  out = 0;
  readonly #slots: number;
  readonly #granted: (client: number) => void;
  readonly #byTurns: boolean;
  /** Who waits, in order; a client stands here once for each request, or once in all when it goes by turns. */
  #queue: number[] = [];
  #first = 0;
  /** Requests that wait, by client; none of a client that is gone. */
  readonly #asked = new Map<number, number>();
  readonly #held = new Map<number, number>();

  constructor(slots: number, granted: (client: number) => void, byTurns: boolean) {
    this.#slots = slots;
    this.#granted = granted;
    this.#byTurns = byTurns;
  }

  openBuild(): void {}

  openClient(client: number): void {
    this.#held.set(client, 0);
    this.#asked.set(client, 0);
  }

  ask(client: number): void {
    const asked = this.#of(this.#asked, client);
    this.#asked.set(client, asked + 1);
    if (!this.#byTurns || asked === 0) this.#queue.push(client);
    this.#dispatch();
  }

  take(): void {}

  pass(client: number): void {
    this.release(client);
  }

  release(client: number): void {
    this.#held.set(client, this.#of(this.#held, client) - 1);
    this.out--;
    this.#dispatch();
  }

  forget(client: number): void {
    this.out -= this.#of(this.#held, client);
    this.#held.delete(client);
    this.#asked.delete(client);
    this.#dispatch();
  }

  closeBuild(): void {}
  settle(): void {}
  nextLook(): number {
    return Number.POSITIVE_INFINITY;
  }

  #dispatch(): void {
    while (this.out < this.#slots && this.#first < this.#queue.length) {
      const client = this.#queue[this.#first++] as number;
      const asked = this.#of(this.#asked, client);
      if (asked === 0) continue;
      this.#asked.set(client, asked - 1);
      this.#held.set(client, this.#of(this.#held, client) + 1);
      this.out++;
      if (this.#byTurns && asked > 1) this.#queue.push(client);
      this.#granted(client);
    }
    if (this.#first < 10_000) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
  }

  #of(counts: Map<number, number>, client: number): number {
    return counts.get(client) ?? 0;
  }
}
