// The naive model of the ledger: lists and sorts, no heaps, no counters kept up to date. What it says is the truth. It never
// gives more than the limit, and time stands still in it.
import type { BuildClass, ClientKind } from '../../src/core/types.ts';

export interface ModelWaiter {
  /** Order of arrival. */
  order: number;
  /** Whether what is granted is set aside. */
  reserves: boolean;
  min: number;
  max: number;
}

export interface ModelClient {
  build: number;
  kind: ClientKind;
  held: number;
  offered: number;
  /** Oldest first. */
  waiters: ModelWaiter[];
}

export interface ModelBuild {
  user: number;
  weight: number;
  class: BuildClass;
  /** Numbers of the caps that it is under. */
  caps: readonly number[];
}

/** One that waits, of a build that may have more. */
interface Candidate {
  id: number;
  client: ModelClient;
  waiter: ModelWaiter;
  build: ModelBuild;
  number: number;
}

const STREAK = 8;

export class Model {
  capacity: number;
  bearable = Number.POSITIVE_INFINITY;
  readonly clients = new Map<number, ModelClient>();
  readonly builds = new Map<number, ModelBuild>();
  /** Bounds by their numbers. */
  readonly caps: number[];
  /** Slots that one client may have. */
  clientMax = Number.POSITIVE_INFINITY;
  #order = 0;
  #aside: ModelWaiter | undefined;
  /** For whom room is set aside under bounds, by their numbers. */
  readonly #asideUnder = new Map<number, Candidate>();
  /** Demands that bounds have kept back, and for which no room is set aside. */
  readonly #kept = new Set<ModelWaiter>();
  /** Bounds under which the last grant was of what was set aside. */
  readonly #owing = new Set<number>();
  readonly #streaks = new Map<number, number>();

  constructor(capacity: number, caps: number[]) {
    this.capacity = capacity;
    this.caps = caps;
  }

  get limit(): number {
    return Math.min(this.capacity, this.bearable);
  }

  /** What whoever comes may have. */
  free(): number {
    return this.#aside === undefined ? this.#unowned() : Math.min(0, this.#unowned());
  }

  available(id: number): number {
    const client = this.#client(id);
    if (this.waits(client.build).some(({ min }) => min > 1)) return 0;
    return Math.min(this.free(), this.#room(client.build), this.clientMax - has(client));
  }

  waiting(): number {
    return this.#admitted().reduce((sum, { waiters }) => sum + waiters.length, 0);
  }

  waits(build: number): ModelWaiter[] {
    return this.#of(build).flatMap(({ waiters }) => waiters);
  }

  outstanding(build: number): number {
    return this.#of(build).reduce((sum, client) => sum + has(client), 0);
  }

  acquire(id: number, { reserves, min, max }: Omit<ModelWaiter, 'order'>): Granted[] {
    this.#client(id).waiters.push({ order: this.#order++, reserves, min, max });
    return this.grant();
  }

  cancel(id: number): Granted[] {
    return this.#client(id).waiters.shift()?.min === 1 ? [] : this.grant();
  }

  take(id: number): boolean {
    if (this.available(id) <= 0) return false;
    this.#client(id).held++;
    this.#checkAside();
    return true;
  }

  charge(id: number): Granted[] {
    this.#client(id).held++;
    return this.grant();
  }

  release(id: number, count: number): { released: number; granted: Granted[] } {
    const client = this.#client(id);
    const released = Math.max(0, Math.min(count, client.held));
    client.held -= released;
    return { released, granted: this.grant() };
  }

  lend(id: number): { lent: boolean; granted: Granted[] } {
    const client = this.#client(id);
    const lent = client.kind === 'exact' && client.held === 0 && this.outstanding(client.build) > 0;
    if (lent) client.held = -1;
    return { lent, granted: lent ? this.grant() : [] };
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

  withdraw(id: number, count: number): Granted[] {
    this.#client(id).offered -= count;
    return this.grant();
  }

  forget(id: number): Granted[] {
    this.clients.delete(id);
    return this.grant();
  }

  /** No room is set aside for it any more, before its terms change. */
  freeRoom(build: number): void {
    for (const waiter of this.waits(build)) {
      this.#kept.delete(waiter);
      if (!this.#holds(waiter)) continue;
      this.#drop(waiter);
      this.#checkAside();
    }
  }

  /** Ends loans of which nothing is left, then gives free slots to whoever is next, one by one; the clients in that order. */
  grant(): Granted[] {
    for (const client of this.clients.values()) {
      if (client.held < 0 && this.outstanding(client.build) < 0) client.held = 0;
    }
    this.#checkAside();
    const granted: Granted[] = [];
    do {
      while (this.#unowned() > 0) {
        const next = this.#next();
        if (next === undefined) break;
        const { id, client, waiter } = next;
        const count = this.#countFor(next);
        if (count === 0) {
          this.#aside = waiter;
          break;
        }
        this.#passed(next);
        client.waiters.shift();
        if (waiter.reserves) client.offered += count;
        else client.held += count;
        granted.push([id, count]);
        this.#checkAside();
      }
    } while (this.#setAsideUnder());
    return granted;
  }

  /** For those that bounds alone keep back, the oldest first, under all their bounds at once; true when there was one. */
  #setAsideUnder(): boolean {
    const rank = ({ build, waiter }: Candidate) => Number(isBackground(build)) * 1e9 + waiter.order;
    const kept = this.#firsts()
      .filter(({ waiter }) => this.#kept.has(waiter))
      .sort((a, b) => rank(a) - rank(b));
    const claimed = new Set<number>();
    let any = false;
    for (const one of kept) {
      const { caps } = one.build;
      const open = caps.every((cap) => !claimed.has(cap) && this.#isOpen(cap, one));
      for (const cap of caps) claimed.add(cap);
      if (!open) continue;
      this.#kept.delete(one.waiter);
      any ||= caps.length > 0;
      for (const cap of caps) {
        const before = this.#asideUnder.get(cap);
        if (before !== undefined) this.#drop(before.waiter);
        this.#asideUnder.set(cap, one);
      }
    }
    if (any) this.#checkAside();
    return any;
  }

  #isOpen(cap: number, { build }: Candidate): boolean {
    const aside = this.#asideUnder.get(cap);
    if (aside !== undefined && (isBackground(build) || !isBackground(aside.build))) return false;
    return !(this.#owing.has(cap) && this.#firsts().some((other) => this.#isOwed(other, cap, build)));
  }

  #isOwed(one: Candidate, cap: number, asking: ModelBuild): boolean {
    if (!one.build.caps.includes(cap) || one.waiter.min > 1 || this.#isIn(one)) return false;
    if (isBackground(one.build) && !isBackground(asking)) return false;
    return one.build.caps.every((other) => other === cap || this.#roomUnder(other, one.number) >= 1);
  }

  /** Whether there will be room for it when others have returned everything. */
  #mayFit({ number, build, waiter }: Candidate): boolean {
    if (waiter.min > 1 && this.outstanding(number) + waiter.min > this.limit) return false;
    return build.caps.every((cap) => this.outstanding(number) + waiter.min <= (this.caps[cap] as number));
  }

  #drop(waiter: ModelWaiter): void {
    for (const [cap, one] of this.#asideUnder) if (one.waiter === waiter) this.#asideUnder.delete(cap);
  }

  #holds(waiter: ModelWaiter): boolean {
    return [...this.#asideUnder.values()].some((one) => one.waiter === waiter);
  }

  #countFor({ client, waiter: { min, max }, number }: Candidate): number {
    const free = this.#unowned();
    if (free < min) return 0;
    const others = this.waiting() > 1;
    const fair = others ? Math.floor(this.share(number)) - this.outstanding(number) : max;
    return Math.min(free, this.#room(number), this.clientMax - has(client), max, Math.max(min, fair));
  }

  /** What a build may have while all others want their part. */
  share(number: number): number {
    const active = (build: number) => this.outstanding(build) > 0 || this.waits(build).length > 0;
    const counts = [...this.builds.keys()].filter((build) => build === number || active(build));
    const users = new Set(counts.map((build) => this.#build(build).user));
    const { user, weight } = this.#build(number);
    const own = counts.filter((build) => this.#build(build).user === user);
    return (this.limit / users.size) * (weight / own.reduce((sum, build) => sum + this.#build(build).weight, 0));
  }

  /** Slots of the limit that nobody has. */
  #unowned(): number {
    return this.limit - [...this.clients.values()].reduce((sum, client) => sum + has(client), 0);
  }

  /** What is set aside is so no longer when the demand is gone, or not allowed any more. */
  #checkAside(): void {
    const waiting = this.#firsts();
    for (const [cap, { waiter }] of this.#asideUnder) {
      const one = waiting.find((other) => other.waiter === waiter);
      if (one === undefined || !this.#mayFit(one)) this.#asideUnder.delete(cap);
    }
    for (const one of waiting) {
      const { waiter } = one;
      if (!this.#mayFit(one) || this.#holds(waiter)) this.#kept.delete(waiter);
      else if (waiter.min > 1 && !this.#isIn(one)) this.#kept.add(waiter);
    }
    for (const waiter of this.#kept) if (!waiting.some((one) => one.waiter === waiter)) this.#kept.delete(waiter);
    if (!this.#candidates().some(({ waiter }) => waiter === this.#aside)) this.#aside = undefined;
  }

  #next(): Candidate | undefined {
    const top = this.#top();
    const aside = this.#candidates().find(({ waiter }) => waiter === this.#aside);
    if (aside === undefined || (aside.build.class === 'background' && top?.build.class !== 'background')) return top;
    return aside;
  }

  /** Of those not in the background, who is next of the user that has least, or of equals waits longest; else of those that are. */
  #top(): Candidate | undefined {
    const fore = this.#candidates().filter(({ build }) => build.class !== 'background');
    const waiting = fore.length > 0 ? fore : this.#candidates();
    const users = [...new Set(waiting.map(({ build }) => build.user))];
    const tops = (user: number) =>
      [
        this.#best(waiting, user, 'interactive'),
        this.#best(waiting, user, 'normal'),
        this.#best(waiting, user, 'background'),
      ].filter((top) => top !== undefined);
    const order = (user: number) => Math.min(...tops(user).map(({ waiter }) => waiter.order));
    users.sort((a, b) => standingOf(this.#outOf(a), 1) - standingOf(this.#outOf(b), 1) || order(a) - order(b));
    const [user] = users;
    if (user === undefined) return undefined;
    const [first, second] = tops(user);
    if (first === undefined || second === undefined || this.#byBuild(first, second) < 0) return first;
    const short = this.outstanding(first.number) < Math.max(1, this.share(first.number));
    return short && (this.#streaks.get(user) ?? 0) < STREAK ? first : second;
  }

  #passed(passed: Candidate): void {
    for (const cap of passed.build.caps) {
      if (this.#asideUnder.get(cap)?.waiter === passed.waiter) this.#owing.add(cap);
      else this.#owing.delete(cap);
    }
    const { user } = passed.build;
    const other = this.#best(this.#candidates(), user, 'normal');
    const early = passed.build.class === 'interactive' && other !== undefined && this.#byBuild(other, passed) < 0;
    if (passed.build.class === 'normal') this.#streaks.set(user, 0);
    else if (early) this.#streaks.set(user, (this.#streaks.get(user) ?? 0) + 1);
  }

  #best(of: Candidate[], user: number, named: BuildClass): Candidate | undefined {
    return of
      .filter(({ build }) => build.class === named && build.user === user)
      .sort((a, b) => this.#byBuild(a, b))[0];
  }

  /** For each build that waits and may have more: who of it is next. */
  #candidates(): Candidate[] {
    return this.#firsts().filter((one) => this.#isIn(one));
  }

  #isIn({ number, waiter }: Candidate): boolean {
    if (waiter.min > 1 && this.outstanding(number) + waiter.min > this.limit) return false;
    return this.#room(number) >= waiter.min;
  }

  /** The same whatever room bounds leave. */
  #firsts(): Candidate[] {
    const found: Candidate[] = [];
    for (const [number, build] of this.builds) {
      const [next] = [...this.clients]
        .filter(([, client]) => client.build === number && this.#mayHave(client))
        .sort(([, a], [, b]) => has(a) - has(b) || oldest(a) - oldest(b));
      if (next === undefined) continue;
      const [id, client] = next;
      found.push({ id, client, waiter: client.waiters[0] as ModelWaiter, build, number });
    }
    return found;
  }

  #admitted(): ModelClient[] {
    const builds = this.#candidates().map(({ number }) => number);
    return [...this.clients.values()].filter((client) => builds.includes(client.build) && this.#mayHave(client));
  }

  /** Whether it waits, and its own bound has room for what it waits for. */
  #mayHave(client: ModelClient): boolean {
    const [first] = client.waiters;
    return first !== undefined && has(client) + first.min <= this.clientMax;
  }

  #byBuild(a: Candidate, b: Candidate): number {
    const standing = ({ number, build }: Candidate) => standingOf(this.outstanding(number), build.weight);
    return standing(a) - standing(b) || a.waiter.order - b.waiter.order;
  }

  #outOf(user: number): number {
    const builds = [...this.builds].filter(([, build]) => build.user === user);
    return builds.reduce((sum, [number]) => sum + this.outstanding(number), 0);
  }

  #room(number: number): number {
    const rooms = this.#build(number).caps.map((cap) => this.#roomUnder(cap, number));
    return Math.min(Number.POSITIVE_INFINITY, ...rooms);
  }

  #roomUnder(cap: number, number: number): number {
    const under = [...this.builds].filter(([, { caps }]) => caps.includes(cap));
    const room = (this.caps[cap] as number) - under.reduce((sum, [build]) => sum + this.outstanding(build), 0);
    const aside = this.#asideUnder.get(cap);
    if (aside === undefined || aside.number === number) return room;
    return isBackground(aside.build) && !isBackground(this.#build(number)) ? room : room - aside.waiter.min;
  }

  #client(id: number): ModelClient {
    return this.clients.get(id) as ModelClient;
  }

  #build(number: number): ModelBuild {
    return this.builds.get(number) as ModelBuild;
  }

  #of(build: number): ModelClient[] {
    return [...this.clients.values()].filter((client) => client.build === build);
  }
}

/** Who was granted how many. */
export type Granted = [id: number, count: number];

const standingOf = (out: number, weight: number): number => (out <= 0 ? 0 : (out + 0.5) / weight);
const isBackground = (build: ModelBuild): boolean => build.class === 'background';
const has = ({ held, offered }: ModelClient): number => held + offered;
const oldest = ({ waiters }: ModelClient): number => waiters[0]?.order ?? Number.POSITIVE_INFINITY;
