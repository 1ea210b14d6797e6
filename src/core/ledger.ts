// The ledger of one pool: who has which slots, and who waits. Pure and synchronous: no clock, no I/O, no promise.
//
// Invariants, checked after each mutation by `audit` when auditing is on:
//   slots nobody has + every build's (implicit + held + offered) = limit, and limit ≤ capacity; what nobody has is below 0 while
//   more is out than the limit allows: after it was lowered, when somebody was charged for a job that runs already, or when a
//   newcomer was given a slot beyond it;
//   a build's figures are the sums of its clients', a cap's the sum of its builds'; nobody's figure is below 0, but for the one
//   slot that an exact client lends;
//   no build lends more than it has: so nothing that clients return makes the pool larger;
//   nobody waits who may have more while a slot is free, unless it is set aside for a demand of several;
//   room that is set aside under a cap is so for one that waits under it.
//
// A call that frees a slot or asks for one tells each grant it causes at once, by `granted`: the slots are booked already and
// have exactly one owner. It must be told before anything else is counted, so that a slot lies where the ledger says; what
// is done in answer must not call the ledger again.
//
// Time is what the caller last said it is: to `acquire`, or to `settle`.

import { type Account, accrue, notePeak } from './accounts.ts';
import { assert, audit } from './audit.ts';
import { type Cap, putUnder, roomOf } from './caps.ts';
import { Newcomers } from './newcomers.ts';
import { firstSlotBound, newcomerBound, overcommitBound, type Policy, STRICT_POLICY } from './policy.ts';
import { type BuildTerms, newBuild, newClient, UserRecord } from './records.ts';
import { Shares } from './shares.ts';
import { type Build, type Client, type ClientKind, has, oldest, outstanding, type User, type Waiter } from './types.ts';
import { Waiters } from './waiters.ts';

/** A build that is about to open. */
export interface BuildOpening extends Partial<BuildTerms> {
  /** Whose it is: builds of one user share one part of the pool. */
  user?: number | string;
  /** A number of the caller's own. */
  tag?: number;
}

/** Whoever writes down what each client has, so that another ledger can go on with it. It must not call the ledger. */
export interface Scribe {
  opened(client: Client): void;
  /** What a client has was changed; `waiter`: it was granted that one's slots. */
  booked(client: Client, waiter: Waiter | undefined): void;
  forgotten(client: Client): void;
}

export interface LedgerOptions {
  /** Check every invariant after each mutation: costs time in proportion to all clients. */
  audit?: boolean;
  /** Default: nothing is ever given beyond the limit, and there are no caps. */
  policy?: Policy;
  /** Tells the time for accounts, ms of the caller's clock; default: they count by what the caller last said. */
  clock?: () => number;
  /** Told of each change of what a client has: by how many slots in its hands, and by how many that lie untaken. */
  booked?: ((client: Client, held: number, offered: number) => void) | undefined;
  scribe?: Scribe;
}

export class Ledger {
  /** Builds that exist. */
  readonly builds = new Set<Build>();
  readonly #users = new Map<number | string, User>();
  readonly #granted: (waiter: Waiter, count: number) => void;
  readonly #shares = new Shares();
  readonly #waiters: Waiters;
  readonly #newcomers: Newcomers;
  readonly #auditing: boolean;
  readonly #clock: () => number;
  readonly #booked: LedgerOptions['booked'];
  readonly #scribe: Scribe | undefined;
  #policy: Policy;
  #capacity: number;
  /** What the machine can bear, as it was last said. */
  #bearable = Number.POSITIVE_INFINITY;
  /** Slots that nobody has, of those that may be out. */
  #free: number;
  /** Slots that are offered, of all builds. */
  #untaken = 0;
  #order = 0;
  #now = 0;

  /**
   * @param capacity slots in the pool, a whole number from 1
   * @param granted called for each waiter when it has got its slots
   * @throws RangeError
   */
  constructor(capacity: number, granted: (waiter: Waiter, count: number) => void, options: LedgerOptions = {}) {
    this.#capacity = checkCapacity(capacity);
    this.#granted = granted;
    this.#free = capacity;
    this.#policy = options.policy ?? STRICT_POLICY;
    this.#auditing = options.audit ?? false;
    this.#clock = options.clock ?? (() => this.#now);
    this.#booked = options.booked;
    this.#scribe = options.scribe;
    const share = (build: Build) => this.share(build);
    this.#waiters = new Waiters(this.#policy.clientMax, share);
    this.#waiters.limit = capacity;
    this.#newcomers = new Newcomers({
      share,
      userShort: (user) => this.#shares.users < 2 || user.cap.out < this.#shares.ofUser(user, this.limit),
      lanes: () => this.#waiters.lanes,
    });
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Slots that may be out now: the capacity, or what the machine can bear. */
  get limit(): number {
    return Math.min(this.#capacity, this.#bearable);
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Slots that are out, in whatever form. */
  get out(): number {
    return this.limit - this.#free;
  }

  /** Slots that whoever comes may have; 0 or below while all are out or set aside. */
  get free(): number {
    return this.#waiters.first === undefined ? this.#free : Math.min(this.#free, 0);
  }

  /** Whether slots are out beyond the limit, and may be: also if all that lies untaken came back, nobody else could have it. */
  get owes(): boolean {
    if (this.#free >= 0 || this.#free + this.#untaken > 0 || this.#bearable < this.#capacity) return false;
    return this.#beyond <= overcommitBound(this.#policy, this.#capacity);
  }

  /** Acquires that wait and that no cap keeps back. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Slots that would have to come back for those who wait; 0 or below: none. */
  get lacking(): number {
    const { first, size } = this.#waiters;
    return (first === undefined ? size : (first.min ?? 1)) - this.#free;
  }

  /** The waiter whose turn is next, if any. */
  get next(): Waiter | undefined {
    return this.#waiters.next;
  }

  /** Whether it wants several slots and leaves those that are free to others, for a while or until more may be out. */
  givesWay(waiter: Waiter): boolean {
    return this.#waiters.givesWay(waiter);
  }

  /** What a build may have of the pool while all others want their part, slots; not rounded. */
  share(build: Build): number {
    return this.#shares.of(build, this.limit);
  }

  /** What a build has had of the pool, until now. */
  account(build: Build): Readonly<Account> {
    accrue(build, this.#clock());
    return build.account;
  }

  /** How many slots a client may have at once now; none while its build waits for several. */
  available(client: Client): number {
    if (client.build.demands && client.build.waiters > 0) return 0;
    return Math.min(this.free, roomOf(client.build), this.#policy.clientMax - has(client));
  }

  openBuild({ user = '', tag = 0, ...terms }: BuildOpening = {}): Build {
    const record = this.#users.get(user) ?? new UserRecord(user, this.#policy.userMax);
    this.#users.set(user, record);
    record.builds++;
    const standard = { weight: 1, class: 'normal', max: undefined, caps: [] } as const;
    const build = newBuild(record, { ...standard, ...terms }, { order: this.#order++, now: this.#clock(), tag });
    build.own.limit = build.max ?? this.#policy.buildMax;
    this.builds.add(build);
    return build;
  }

  /** Changes how a build stands beside others. */
  setBuild(build: Build, terms: Partial<BuildTerms>): void {
    const { weight, class: of, max, caps } = { ...build, caps: undefined, ...terms };
    this.#waiters.freeRoom(build);
    this.#waiters.takeOut(build);
    this.#shares.reweigh(build, () => (build.weight = weight));
    build.class = of;
    build.max = max;
    build.own.limit = max ?? this.#policy.buildMax;
    if (caps !== undefined) {
      const before = build.caps;
      putUnder(build, [build.own, build.user.cap, ...caps]);
      this.#waiters.placeUnder(before);
    }
    this.#waiters.placeUnder(build.caps);
    this.#waiters.place(build);
    this.#waiters.dropAside(build);
    this.#dispatch();
  }

  /** Changes a user's part beside other users: above 0. */
  setUserWeight(key: number | string, weight: number): void {
    const user = this.#users.get(key);
    if (user === undefined) return;
    const builds = [...this.builds].filter((build) => build.user === user);
    const waiting = builds.filter((build) => build.at !== -1);
    for (const build of waiting) this.#waiters.takeOut(build);
    const active = builds.filter((build) => build.active);
    this.#shares.reweighUser(user, active, weight);
    for (const build of waiting) this.#waiters.place(build);
    this.#dispatch();
  }

  /** Changes how many slots some builds may have together, from 0. */
  setCap(cap: Cap, limit: number): void {
    cap.limit = limit;
    for (const build of cap.waiting) this.#waiters.place(build);
    this.#dispatch();
  }

  /** @param tag a number of the caller's own */
  openClient(build: Build, kind: ClientKind, tag = 0): Client {
    assert(this.builds.has(build), 'a client belongs to an open build');
    const client = newClient(build, kind, tag);
    build.clients.add(client);
    this.#scribe?.opened(client);
    return client;
  }

  /**
   * Asks for one slot, or for several in one step: that only for a build of which nobody else waits. The waiter is granted at
   * once, or waits for its turn.
   */
  acquire(waiter: Waiter, now: number): void {
    const { client, min = 1 } = waiter;
    assert(client.alive, 'only a living client acquires');
    assert(!client.waiters.has(waiter), 'a waiter waits once');
    assert(client.build.waiters === 0 || (min === 1 && !client.build.demands), 'a demand for several waits alone');
    client.build.demands = min > 1;
    this.#now = now;
    waiter.since = now;
    waiter.order = this.#order++;
    this.#add(waiter);
    this.#dispatch();
  }

  /** Takes a free slot at once; false when there is none for it. Nobody waits while one is free, so nobody is passed by. */
  take(client: Client): boolean {
    if (this.available(client) <= 0) return false;
    this.#book(client, 1, 0);
    this.#newcomers.granted(client.build, true, this.#now);
    if (this.#auditing) this.audit();
    return true;
  }

  /** Charges a client for one job that runs without having asked, whether a slot is free or not. */
  charge(client: Client): void {
    const regular = this.#free > 0;
    this.#book(client, 1, 0);
    this.#newcomers.granted(client.build, regular, this.#now);
    this.#dispatch(); // it may have left no room for whom slots are set aside
  }

  /** Gives up an acquire that still waits; false when it does not wait (it was granted, or never asked). */
  cancel(waiter: Waiter): boolean {
    const { client } = waiter;
    if (!client.waiters.has(waiter)) return false;
    const { demands } = client.build;
    this.#remove(waiter);
    if (demands) this.#dispatch(); // what was set aside for it, if anything was
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
    assert(count <= this.available(client) && this.waiting === 0, 'only free slots that nobody waits for are offered');
    this.#book(client, 0, count);
    this.#newcomers.granted(client.build, true, this.#now);
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

  /** A new client has this from a ledger before this one, whether so much is free or not. To be followed by `resume`. */
  restore(client: Client, held: number, offered: number): void {
    const { build } = client;
    const { granted } = build;
    this.#book(client, held, offered);
    build.granted = granted; // it was counted when it was taken
    build.fresh = false;
    build.newcomer = build.held + build.offered <= 0;
  }

  /** Goes on, after all that there was is restored. */
  resume(): void {
    for (const build of this.builds) this.#endLoans(build);
    this.#dispatch();
  }

  /** A client is gone: everything it has comes back, and what it waits for is given up. */
  forget(client: Client): void {
    if (!client.alive) return;
    for (const waiter of client.waiters) this.#remove(waiter);
    this.#book(client, -client.held, -client.offered);
    this.#scribe?.forgotten(client);
    client.alive = false;
    client.build.clients.delete(client);
    this.#cameBack(client.build);
  }

  /** A build is gone, and all its clients with it. */
  closeBuild(build: Build): void {
    if (!this.builds.has(build)) return;
    for (const client of build.clients) this.forget(client);
    putUnder(build, []);
    this.builds.delete(build);
    if (--build.user.builds === 0) this.#users.delete(build.user.key);
  }

  /** Changes the pool's size. A smaller pool calls nothing back: fewer slots are granted until enough came back. @throws RangeError */
  setCapacity(capacity: number): void {
    this.#setLimit(checkCapacity(capacity), this.#bearable);
  }

  /** Says how many slots the machine can bear now, from 0. It calls nothing back either. */
  setLimit(limit: number): void {
    this.#setLimit(this.#capacity, limit);
  }

  setPolicy(policy: Policy): void {
    this.#policy = policy;
    this.#waiters.clientMax = policy.clientMax;
    for (const { cap } of this.#users.values()) cap.limit = policy.userMax;
    for (const build of this.builds) {
      build.own.limit = build.max ?? policy.buildMax;
      this.#waiters.placeAll(build);
    }
    this.#dispatch();
  }

  /** Does what the passing of time asks for. */
  settle(now: number): void {
    this.#now = now;
    this.#waiters.settle(now);
    this.#dispatch();
  }

  /** When `settle` has to be called though nothing happens, or Infinity. */
  nextLook(): number {
    const at = this.#waiters.nextLook();
    return this.#mayGiveExtra() ? Math.min(at, this.#newcomers.nextLook(this.#now)) : at;
  }

  /** @throws Error naming the invariant that does not hold */
  audit(): void {
    const { builds, free, limit } = this;
    audit({ builds, unowned: this.#free, free, untaken: this.#untaken, limit, waiters: this.#waiters });
  }

  // Who waits.

  #add(waiter: Waiter): void {
    const { build } = waiter.client;
    if (build.waiters === 0) accrue(build, this.#clock());
    if (!this.#waiters.add(waiter)) return;
    this.#shares.update(build);
    this.#newcomers.waits(build, this.#now);
  }

  #remove(waiter: Waiter): void {
    const { build } = waiter.client;
    if (build.waiters === 1) accrue(build, this.#clock());
    if (!this.#waiters.remove(waiter)) return;
    this.#shares.update(build);
    this.#newcomers.leaves(build);
  }

  // What comes back, and who gets it.

  #setLimit(capacity: number, bearable: number): void {
    const { out } = this;
    this.#capacity = capacity;
    this.#bearable = bearable;
    this.#free = this.limit - out;
    this.#waiters.limit = this.limit;
    for (const build of this.builds) if (build.demands && build.waiters > 0) this.#waiters.place(build);
    this.#dispatch();
  }

  #cameBack(build: Build): void {
    if (outstanding(build) < 0) this.#endLoans(build);
    this.#newcomers.returned(build, this.#now);
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
    do {
      while (this.#free > 0) {
        const waiter = this.next;
        if (waiter === undefined) break;
        const count = this.#countFor(waiter);
        if (count > 0) this.#grant(waiter, count, true);
        else if (this.#waiters.setAside(waiter, this.#now)) break;
      }
    } while (this.#waiters.setAsideUnder(this.#now));
    this.#overcommit();
    if (this.#auditing) this.audit();
  }

  /** How many of the free slots a waiter is to have; 0: fewer are free than it needs. */
  #countFor({ client, min = 1, max = min }: Waiter): number {
    if (this.#free < min) return 0;
    if (max === 1) return 1;
    const { build } = client;
    const fair = this.waiting > client.waiters.size ? Math.floor(this.share(build)) - outstanding(build) : max;
    const room = Math.min(roomOf(build), this.#policy.clientMax - has(client));
    return Math.min(this.#free, room, max, Math.max(min, fair));
  }

  #overcommit(): void {
    while (this.#newcomers.any) {
      const first = this.#mayGiveFirst() ? this.#newcomers.first() : undefined;
      const build = first ?? (this.#mayGiveExtra() ? this.#newcomers.next(this.#now) : undefined);
      if (build === undefined) return;
      if (this.#free > 0) this.#waiters.borrow();
      this.#grant(oldest(build.waiting.peek() as Client) as Waiter, 1, false);
    }
  }

  /** Slots that are out beyond the limit, or although they are set aside. */
  get #beyond(): number {
    return Math.max(0, -this.#free) + this.#waiters.borrowed;
  }

  /** What others were given beyond the limit leaves room for first slots, and the other way round. */
  #mayGiveFirst(): boolean {
    const lent = Math.min(this.#newcomers.lent, this.#beyond);
    return lent < firstSlotBound(this.#policy, this.#capacity) && this.#mayGoBeyond();
  }

  #mayGiveExtra(): boolean {
    const extra = this.#beyond - this.#newcomers.lent;
    return extra < newcomerBound(this.#policy, this.#capacity) && this.#mayGoBeyond();
  }

  /** Whether one more may be given beyond the limit; none while the machine can bear less than the pool has. */
  #mayGoBeyond(): boolean {
    if (this.free > 0 || this.#bearable < this.#capacity) return false;
    return this.#beyond < overcommitBound(this.#policy, this.#capacity);
  }

  #grant(waiter: Waiter, count: number, regular: boolean): void {
    const { client } = waiter;
    this.#waiters.passed(waiter);
    // Booked first: it then is no longer the first in its build, and its going moves nobody else.
    if (waiter.reserves) this.#book(client, 0, count, waiter);
    else this.#book(client, count, 0, waiter);
    this.#remove(waiter);
    this.#newcomers.granted(client.build, regular, this.#now);
    this.#granted(waiter, count);
  }

  #book(client: Client, held: number, offered: number, waiter?: Waiter): void {
    const { build } = client;
    const more = held + offered;
    accrue(build, this.#clock());
    client.held += held;
    client.offered += offered;
    if (client.kind === 'implicit') build.implicit += held;
    else build.held += held;
    build.offered += offered;
    build.granted += Math.max(0, held);
    this.#untaken += offered;
    notePeak(build);
    this.#booked?.(client, held, offered);
    this.#scribe?.booked(client, waiter);
    if (more === 0) return;
    this.#free -= more;
    for (const cap of build.caps) cap.out += more;
    this.#shares.update(build);
    this.#waiters.changed(client);
  }
}

function checkCapacity(capacity: number): number {
  if (Number.isSafeInteger(capacity) && capacity >= 1) return capacity;
  throw new RangeError(`a pool has 1 slot or more, not ${capacity}`);
}
