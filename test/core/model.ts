// The naive model of the ledger: lists and sorts, no heaps, no counters kept up to date. What it says is the truth.
import type { ClientKind } from '../../src/core/types.ts';

export interface ModelClient {
  build: number;
  kind: ClientKind;
  held: number;
  offered: number;
  /** Its waiters, oldest first: order of arrival, and whether what is granted is set aside. */
  waiters: { order: number; reserves: boolean }[];
}

export class Model {
  capacity: number;
  readonly clients = new Map<number, ModelClient>();
  #order = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  free(): number {
    return this.capacity - [...this.clients.values()].reduce((sum, client) => sum + has(client), 0);
  }

  waiting(): number {
    return [...this.clients.values()].reduce((sum, { waiters }) => sum + waiters.length, 0);
  }

  outstanding(build: number): number {
    return this.#of(build).reduce((sum, client) => sum + has(client), 0);
  }

  acquire(id: number, reserves: boolean): number[] {
    this.#client(id).waiters.push({ order: this.#order++, reserves });
    return this.#grant();
  }

  take(id: number): boolean {
    if (this.free() <= 0) return false;
    this.#client(id).held++;
    return true;
  }

  charge(id: number): void {
    this.#client(id).held++;
  }

  release(id: number, count: number): { released: number; granted: number[] } {
    const client = this.#client(id);
    const released = Math.max(0, Math.min(count, client.held));
    client.held -= released;
    return { released, granted: this.#grant() };
  }

  lend(id: number): { lent: boolean; granted: number[] } {
    const client = this.#client(id);
    const lent = client.kind === 'exact' && client.held === 0 && this.outstanding(client.build) > 0;
    if (lent) client.held = -1;
    return { lent, granted: this.#grant() };
  }

  offer(id: number, count: number): void {
    this.#client(id).offered += count;
  }

  /** `untaken` of what was offered or held lie there; the rest was taken. */
  count(id: number, untaken: number): void {
    const client = this.#client(id);
    client.held = has(client) - untaken;
    client.offered = untaken;
  }

  withdraw(id: number, count: number): number[] {
    this.#client(id).offered -= count;
    return this.#grant();
  }

  forget(id: number): number[] {
    this.clients.delete(id);
    return this.#grant();
  }

  setCapacity(capacity: number): number[] {
    this.capacity = capacity;
    return this.#grant();
  }

  /** Ends loans of which nothing is left, then gives free slots to whoever is next, one by one; the clients in that order. */
  #grant(): number[] {
    for (const client of this.clients.values()) {
      if (client.held < 0 && this.outstanding(client.build) < 0) client.held = 0;
    }
    const granted: number[] = [];
    while (this.free() > 0) {
      const next = [...this.clients]
        .filter(([, client]) => client.waiters.length > 0)
        .sort(([, a], [, b]) => this.#before(a, b))[0];
      if (next === undefined) break;
      const [id, client] = next;
      if (client.waiters.shift()?.reserves) client.offered++;
      else client.held++;
      granted.push(id);
    }
    return granted;
  }

  #client(id: number): ModelClient {
    return this.clients.get(id) as ModelClient;
  }

  #of(build: number): ModelClient[] {
    return [...this.clients.values()].filter((client) => client.build === build);
  }

  #before(a: ModelClient, b: ModelClient): number {
    if (a.build !== b.build) {
      return this.outstanding(a.build) - this.outstanding(b.build) || this.#best(a.build) - this.#best(b.build);
    }
    return has(a) - has(b) || oldest(a) - oldest(b);
  }

  /** The arrival of the waiter of a build whose turn is first. */
  #best(build: number): number {
    const waiting = this.#of(build).filter(({ waiters }) => waiters.length > 0);
    waiting.sort((a, b) => has(a) - has(b) || oldest(a) - oldest(b));
    return waiting[0] === undefined ? Number.POSITIVE_INFINITY : oldest(waiting[0]);
  }
}

const has = ({ held, offered }: ModelClient): number => held + offered;
const oldest = ({ waiters }: ModelClient): number => waiters[0]?.order ?? Number.POSITIVE_INFINITY;
