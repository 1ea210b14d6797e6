// Who waits, and where: an acquire with its client, a client that may have more with its build, a build that may have more in the
// queue. Who stands at a bound of its own or under a full cap waits outside, until there is room again. It books nothing and grants
// nothing.
import { type Cap, mayFit, needOf, roomOf } from './caps.ts';
import { Demands } from './demands.ts';
import { Queue } from './fairness.ts';
import { type Build, type Client, has, isBackground, type Lane, oldest, outstanding, type Waiter } from './types.ts';

export class Waiters {
  /** Slots that one client may have. */
  clientMax: number;
  /** Slots that may be out. */
  limit = Number.POSITIVE_INFINITY;
  readonly #queue: Queue;
  readonly #demands = new Demands();

  /** `share`: of a build, slots. */
  constructor(clientMax: number, share: (build: Build) => number) {
    this.clientMax = clientMax;
    this.#queue = new Queue(share);
  }

  /** Acquires in the queue. */
  get size(): number {
    return this.#queue.size;
  }

  /** The users whose builds are in the queue, but for those in the background. */
  get lanes(): readonly Lane[] {
    return this.#queue.lanes;
  }

  /** For whom slots are set aside. */
  get first(): Waiter | undefined {
    return this.#demands.first;
  }

  /** Of those that are set aside, how many others have used. */
  get borrowed(): number {
    return this.#demands.borrowed;
  }

  /** Whose turn is next, if anybody's. */
  get next(): Waiter | undefined {
    const top = this.#queue.peek();
    const { first } = this.#demands;
    if (first === undefined || top === undefined) return top;
    return isBackground(first.client.build) && !isBackground(top.client.build) ? top : first;
  }

  /** An acquire begins to wait; true when nobody of its build did. */
  add(waiter: Waiter): boolean {
    const { client } = waiter;
    const { build } = client;
    client.waiters.add(waiter);
    if (client.waiters.size === 1) {
      client.order = waiter.order;
      this.#admit(client);
    } else if (client.at !== -1) this.#queue.resize(client, 1);
    const alone = build.waiters++ === 0;
    if (alone) for (const { waiting } of build.caps) waiting.add(build);
    if (build.at === -1) this.place(build);
    return alone;
  }

  /** It waits no longer; true when nobody of its build does. */
  remove(waiter: Waiter): boolean {
    const { client } = waiter;
    const { build } = client;
    const freed = this.#demands.forget(waiter);
    const last = client.waiters.size === 1;
    if (last && client.at !== -1) this.#queue.dismiss(client);
    client.waiters.delete(waiter);
    if (!last) {
      client.order = (oldest(client) as Waiter).order;
      if (client.at !== -1) {
        this.#queue.resize(client, -1);
        this.#queue.rankChanged(client);
      }
    }
    if (--build.waiters > 0) return false;
    for (const { waiting } of build.caps) waiting.delete(build);
    this.placeUnder(freed);
    return true;
  }

  /** What a client has of the pool has changed. */
  changed(client: Client): void {
    const { build } = client;
    this.#queue.rankChanged(client);
    this.#admit(client);
    this.placeUnder(build.caps);
    this.place(build);
  }

  /** The turn of a waiter is used. To be called before it is removed. */
  passed(waiter: Waiter): void {
    const { build } = waiter.client;
    this.#queue.passed(build);
    for (const cap of build.caps) cap.owes = cap.aside === waiter;
  }

  /** Takes a build out of the queue, to be placed anew when that was changed by which it has its place. */
  takeOut(build: Build): void {
    if (build.at !== -1) this.#queue.leave(build);
  }

  /** Puts a build where it belongs: in the queue, or not. */
  place(build: Build): void {
    const fits = this.fits(build);
    if (build.demands) this.#note(build, fits);
    if (fits === (build.at !== -1)) return;
    if (fits) this.#queue.enter(build);
    else {
      this.#queue.leave(build);
      this.dropAside(build);
    }
  }

  /** The same for all builds that wait under caps whose room has changed. */
  placeUnder(caps: readonly Cap[]): void {
    for (const { limit, waiting } of caps) {
      if (limit !== Number.POSITIVE_INFINITY) for (const build of waiting) this.place(build);
    }
  }

  /** The same for a build and its clients, after the bound of clients has changed. */
  placeAll(build: Build): void {
    for (const client of build.clients) this.#admit(client);
    this.place(build);
  }

  /** From now on what comes free is for this waiter; false: it has left the queue for a while instead. */
  setAside(waiter: Waiter, now: number): boolean {
    if (this.#demands.setAside(waiter, now)) return true;
    this.place(waiter.client.build);
    return false;
  }

  /** The same for room under bounds; true when that changed who is in the queue. */
  setAsideUnder(now: number): boolean {
    const caps = this.#demands.setAsideUnder(now);
    this.placeUnder(caps);
    return caps.length > 0;
  }

  /** No room is set aside any more for a demand of this build, until it has its turn again. */
  freeRoom(build: Build): void {
    if (build.demands) for (const client of build.clients) for (const waiter of client.waiters) this.#dropRoom(waiter);
  }

  /** Whether it has left the queue so, or wants more than may be out. */
  givesWay(waiter: Waiter): boolean {
    return this.#demands.away(waiter) || (waiter.client.build.demands && !this.#mayEver(waiter));
  }

  /** Somebody else has used one of the slots that are set aside. */
  borrow(): void {
    this.#demands.borrowed++;
  }

  /** Nothing is set aside for a build that is not in the queue. */
  dropAside(build: Build): void {
    if (build.at === -1 && this.#demands.first?.client.build === build) this.#demands.release();
  }

  /** Places those for which slots are set aside no longer, or may be again. */
  settle(now: number): void {
    for (const { client } of this.#demands.settle(now)) {
      this.placeUnder(client.build.caps);
      this.place(client.build);
    }
  }

  /** When `settle` has to be called though nothing happens, or Infinity. */
  nextLook(): number {
    return this.#demands.nextLook();
  }

  /** Whether its own bound leaves a client room for what it waits for. */
  mayHave(client: Client): boolean {
    const { demands } = client.build;
    return has(client) + (demands ? (oldest(client)?.min ?? 1) : 1) <= this.clientMax;
  }

  /** Whether a build belongs into the queue. */
  fits(build: Build): boolean {
    const client = build.waiting.peek();
    if (client === undefined) return false;
    if (!build.demands) return roomOf(build) >= 1;
    const waiter = oldest(client) as Waiter;
    return roomOf(build) >= needOf(waiter) && this.#mayEver(waiter) && !this.#demands.away(waiter);
  }

  /** Puts a client where it belongs: among those of its build that wait and may have more, or not. */
  #admit(client: Client): void {
    const counts = client.waiters.size > 0 && this.mayHave(client);
    if (counts === (client.at !== -1)) return;
    if (counts) this.#queue.admit(client);
    else {
      this.#queue.dismiss(client);
      this.dropAside(client.build);
      if (client.build.demands) this.#dropRoom(oldest(client) as Waiter);
    }
  }

  /** Whether there could be enough for it, once others have returned all that they have. */
  #mayEver(waiter: Waiter): boolean {
    const { build } = waiter.client;
    return mayFit(waiter) && outstanding(build) + needOf(waiter) <= this.limit;
  }

  /** Whether room may be set aside for what a build demands; none is that could not be enough. */
  #note(build: Build, fits: boolean): void {
    const client = build.waiting.peek();
    const waiter = client && oldest(client);
    if (waiter === undefined) return;
    if (!this.#mayEver(waiter)) this.#dropRoom(waiter);
    else if (this.#demands.away(waiter)) this.#demands.unkeep(waiter);
    else if (!fits) this.#demands.keep(waiter);
  }

  #dropRoom(waiter: Waiter): void {
    this.#demands.unkeep(waiter);
    this.placeUnder(this.#demands.free(waiter));
  }
}
