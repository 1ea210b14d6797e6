// The naive model of the ledger: lists and sorts, no heaps, no counters kept up to date. What it says is the truth.

export interface ModelClient {
  build: number;
  implicit: boolean;
  held: number;
  /** Orders of arrival of its waiters, oldest first. */
  waiters: number[];
}

export class Model {
  capacity: number;
  readonly clients = new Map<number, ModelClient>();
  #order = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  free(): number {
    return this.capacity - [...this.clients.values()].reduce((sum, client) => sum + client.held, 0);
  }

  outstanding(build: number): number {
    return [...this.clients.values()].filter((c) => c.build === build).reduce((sum, c) => sum + c.held, 0);
  }

  acquire(id: number): number[] {
    this.clients.get(id)?.waiters.push(this.#order++);
    return this.grant();
  }

  release(id: number, count: number): { released: number; granted: number[] } {
    const client = this.clients.get(id) as ModelClient;
    const released = Math.min(count, client.held);
    client.held -= released;
    return { released, granted: this.grant() };
  }

  forget(id: number): number[] {
    this.clients.delete(id);
    return this.grant();
  }

  setCapacity(capacity: number): number[] {
    this.capacity = capacity;
    return this.grant();
  }

  /** Gives free slots to whoever is next, one by one, and returns the clients in that order. */
  grant(): number[] {
    const granted: number[] = [];
    while (this.free() > 0) {
      const next = [...this.clients]
        .filter(([, client]) => client.waiters.length > 0)
        .sort(([, a], [, b]) => this.#before(a, b))[0];
      if (next === undefined) break;
      next[1].waiters.shift();
      next[1].held++;
      granted.push(next[0]);
    }
    return granted;
  }

  #before(a: ModelClient, b: ModelClient): number {
    if (a.build !== b.build) {
      return this.outstanding(a.build) - this.outstanding(b.build) || this.#best(a.build) - this.#best(b.build);
    }
    return a.held - b.held || (a.waiters[0] as number) - (b.waiters[0] as number);
  }

  /** The arrival of the waiter of a build whose turn is first. */
  #best(build: number): number {
    const waiting = [...this.clients.values()].filter((c) => c.build === build && c.waiters.length > 0);
    waiting.sort((a, b) => a.held - b.held || (a.waiters[0] as number) - (b.waiters[0] as number));
    return waiting[0]?.waiters[0] ?? Number.POSITIVE_INFINITY;
  }
}
