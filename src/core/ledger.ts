// The ledger of one pool: who has which slots, and who waits. Pure and synchronous: no clock, no I/O, no promise.
//
// Invariants, checked after each mutation by `audit` when auditing is on:
//   free + every build's (implicit + held + offered) = capacity; free is below 0 while more is out than the capacity allows:
//   after the capacity was lowered, or when somebody was charged for a job that runs already;
//   a build's figures are the sums of its clients'; nobody's figure is below 0, but for the one slot that an exact client lends;
//   no build lends more than it has: so nothing that clients return makes the pool larger;
//   nobody waits while a slot is free.
//
// A call that frees a slot or asks for one tells each grant it causes at once, by `granted`: the slot is booked already and
// has exactly one owner. It must be told before anything else is counted, so that a slot lies where the ledger says; what
// is done in answer must not call the ledger again.

import { clientTurn, Queue } from './fairness.ts';
import { Heap } from './heap.ts';
import { type Build, type Client, type ClientKind, has, outstanding, type Waiter } from './types.ts';

export class Ledger {
  /** Builds that exist. */
  readonly builds = new Set<Build>();
  readonly #granted: (waiter: Waiter) => void;
  readonly #queue = new Queue();
  readonly #auditing: boolean;
  #capacity: number;
  #free: number;
  #order = 0;

  /**
   * @param capacity slots in the pool, a whole number from 1
   * @param granted called for each waiter when it has got its slot
   * @param options `audit`: check every invariant after each mutation (costs time in proportion to all clients)
   * @throws RangeError
   */
  constructor(capacity: number, granted: (waiter: Waiter) => void, options: { audit?: boolean } = {}) {
    this.#capacity = checkCapacity(capacity);
    this.#granted = granted;
    this.#free = capacity;
    this.#auditing = options.audit ?? false;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Slots that nobody has; below 0 while more are out than a lowered capacity allows. */
  get free(): number {
    return this.#free;
  }

  /** Acquires that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** The waiter whose turn is next, if any. */
  get next(): Waiter | undefined {
    return this.#queue.peek();
  }

  openBuild(): Build {
    const build: Build = {
      at: -1,
      clients: new Set(),
      implicit: 0,
      held: 0,
      offered: 0,
      waiting: new Heap<Client>(clientTurn),
    };
    this.builds.add(build);
    return build;
  }

  openClient(build: Build, kind: ClientKind): Client {
    assert(this.builds.has(build), 'a client belongs to an open build');
    const client: Client = { at: -1, build, kind, held: 0, offered: 0, waiters: new Set(), order: 0, alive: true };
    build.clients.add(client);
    return client;
  }

  /** Asks for one slot. The waiter is granted at once, or waits for its turn. */
  acquire(waiter: Waiter, now: number): void {
    assert(waiter.client.alive, 'only a living client acquires');
    assert(!waiter.client.waiters.has(waiter), 'a waiter waits once');
    waiter.since = now;
    waiter.order = this.#order++;
    this.#queue.add(waiter);
    this.#dispatch();
  }

  /** Takes a free slot at once; false when there is none. Nobody waits while one is free, so nobody is passed by. */
  take(client: Client): boolean {
    if (this.#free <= 0) return false;
    this.#book(client, 1, 0);
    if (this.#auditing) this.audit();
    return true;
  }

  /** Charges a client for one job that runs without having asked, whether a slot is free or not. */
  charge(client: Client): void {
    this.#book(client, 1, 0);
    if (this.#auditing) this.audit();
  }

  /** Gives up an acquire that still waits; false when it does not wait (it was granted, or never asked). */
  cancel(waiter: Waiter): boolean {
    if (!waiter.client.waiters.has(waiter)) return false;
    this.#queue.remove(waiter);
    return true;
  }

  /**
   * Takes back `count` slots from what a client holds. Returns how many it really held: a client that returns more than
   * it took adds nothing to the pool.
   */
  release(client: Client, count: number): number {
    const released = Math.max(0, Math.min(count, client.held));
    this.#book(client, -released, 0);
    this.#cameBack(client.build);
    return released;
  }

  /**
   * Gives a slot to the pool for a client that holds none: the one of the job it runs without a token. Some clients return
   * that before they take one back. It is lent as long as the client lives and its build has something to lend; false when it
   * has lent one already, or when its build has nothing.
   */
  lend(client: Client): boolean {
    if (client.kind !== 'exact' || client.held !== 0 || outstanding(client.build) <= 0) return false;
    this.#book(client, -1, 0);
    this.#dispatch();
    return true;
  }

  /** Lays `count` free slots out for a client of kind `offers`, out of turn: only when nobody waits. */
  offer(client: Client, count: number): void {
    assert(client.kind === 'offers', 'only such a client has offers');
    assert(count <= this.#free && this.#queue.size === 0, 'only free slots that nobody waits for are offered');
    this.#book(client, 0, count);
  }

  /** Sets how many of the slots a client has lie untaken, as counted in its node; the rest it holds. */
  count(client: Client, untaken: number): void {
    assert(untaken <= client.offered || untaken <= has(client), 'what lies untaken was offered');
    const taken = client.offered - untaken;
    if (taken !== 0) this.#book(client, taken, -taken);
  }

  /** Takes back `count` offers that were withdrawn before the client took them. */
  withdraw(client: Client, count: number): void {
    assert(count <= client.offered, 'only what lies untaken can be withdrawn');
    this.#book(client, 0, -count);
    this.#cameBack(client.build);
  }

  /** A client is gone: everything it has comes back, and what it waits for is given up. */
  forget(client: Client): void {
    if (!client.alive) return;
    for (const waiter of client.waiters) this.#queue.remove(waiter);
    this.#book(client, -client.held, -client.offered);
    client.alive = false;
    client.build.clients.delete(client);
    this.#cameBack(client.build);
  }

  /** A build is gone, and all its clients with it. */
  closeBuild(build: Build): void {
    for (const client of build.clients) this.forget(client);
    this.builds.delete(build);
  }

  /** Changes the pool's size. A smaller pool calls nothing back: fewer slots are granted until enough came back. @throws RangeError */
  setCapacity(capacity: number): void {
    this.#free += checkCapacity(capacity) - this.#capacity;
    this.#capacity = capacity;
    this.#dispatch();
  }

  /** @throws Error naming the invariant that does not hold */
  audit(): void {
    let out = 0;
    for (const build of this.builds) {
      const sums = { implicit: 0, held: 0, offered: 0 };
      for (const client of build.clients) {
        const least = client.kind === 'exact' ? -1 : 0;
        assert(client.held >= least && client.offered >= 0, 'no figure is below 0');
        assert(client.kind !== 'implicit' || client.offered === 0, 'what runs already is not offered anything');
        sums[client.kind === 'implicit' ? 'implicit' : 'held'] += client.held;
        sums.offered += client.offered;
      }
      assert(
        sums.implicit === build.implicit && sums.held === build.held && sums.offered === build.offered,
        "a build's figures are the sums of its clients'",
      );
      assert(outstanding(build) >= 0, 'no build lends more than it has');
      out += outstanding(build);
    }
    assert(this.#free + out === this.#capacity, 'free + out = capacity');
    assert(this.#free <= 0 || this.#queue.size === 0, 'nobody waits while a slot is free');
  }

  #cameBack(build: Build): void {
    if (outstanding(build) < 0) this.#endLoans(build);
    this.#dispatch();
  }

  /** What stood behind a loan has come back itself. */
  #endLoans(build: Build): void {
    for (const client of build.clients) {
      if (outstanding(build) >= 0) return;
      if (client.held < 0) this.#book(client, -client.held, 0);
    }
  }

  #dispatch(): void {
    while (this.#free > 0) {
      const waiter = this.#queue.peek();
      if (waiter === undefined) break;
      this.#queue.remove(waiter);
      if (waiter.reserves) this.#book(waiter.client, 0, 1);
      else this.#book(waiter.client, 1, 0);
      this.#granted(waiter);
    }
    if (this.#auditing) this.audit();
  }

  #book(client: Client, held: number, offered: number): void {
    const { build } = client;
    client.held += held;
    client.offered += offered;
    if (client.kind === 'implicit') build.implicit += held;
    else build.held += held;
    build.offered += offered;
    this.#free -= held + offered;
    if (held + offered !== 0) this.#queue.rankChanged(client);
  }
}

function checkCapacity(capacity: number): number {
  if (Number.isSafeInteger(capacity) && capacity >= 1) return capacity;
  throw new RangeError(`a pool has 1 slot or more, not ${capacity}`);
}

function assert(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new Error(`ledger: ${invariant}`);
}
