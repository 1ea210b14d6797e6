// Offers: slots laid out in pipes before anybody is known to want them. A pipe does not show who waits at it; all one can
// see is whether an offer was taken. So a pipe has, at any moment, one of three appetites:
//
//        takes its last offer                      left its offer lying, and it was needed elsewhere
//   ┌──────────────────────────► hungry            lying ──────────────────────────────► sated
//   lying ◄──────────────────────┘                   ▲                                     │
//        gets its turn in the ledger's queue         └───────────── is tried again ◄───────┘
//
// A hungry pipe waits in the ledger's queue like everybody else. A sated one is tried again later: soon while slots lie
// unused anyway, with growing patience otherwise. When nobody waits, the free slots lie in the pipes, so that takers find
// them at once. Pure and synchronous; times are milliseconds of the caller's clock.

import { type Cap, roomOf, roomUnder } from './caps.ts';
import { compareBuilds, lead, yields } from './fairness.ts';
import { keptBeside, keptUnder, lackingFor, rival } from './kept.ts';
import type { Ledger } from './ledger.ts';
import { type Build, type Client, has, type Waiter } from './types.ts';

/** How long an offer lies, after it was laid out or last touched, before it may be moved: long enough for a blocked reader to wake. */
const STAY = 0.3;
/** The same for a client that does not wait, but looks now and then, as long as its build has no more than whoever waits. */
const STAY_TO_LOOK = 30;
/** How long a build waits for a slot that would only swap places with it: keeps two equals from trading a slot at each job's end. */
const QUANTUM = 10;
/** The pause before a sated pipe is tried again: doubled at each vain try. */
const RETRY_FIRST = 2;
const RETRY_LAST = 128;
/** The pace at which unused offers move on to sated pipes: slowed at each vain move, first again when anything is taken. */
const PACE_FIRST = 1;
const PACE_LAST = 50;
const PACE_GROWTH = 1.15;

/** The state of one pipe. */
export interface Offer {
  readonly client: Client;
  /** Its client does not wait at the pipe: it looks, when one of its own jobs ends. */
  readonly looks: boolean;
  /** What it waits with while it is hungry. */
  readonly waiter: Waiter;
  /** When what lies there was laid out or last touched. */
  idleSince: number;
  /** Offers in a row that were withdrawn untouched. */
  misses: number;
  /** While it is not hungry: when to try again. */
  retryAt: number;
  /** What was laid last was given beyond the limit. */
  lent: boolean;
}

/** `count` slots of what `offer` has lying, to be taken out of its pipe or laid into it. */
export interface Move {
  readonly offer: Offer;
  readonly count: number;
}

export class Offers {
  readonly #ledger: Ledger;
  readonly #away = (waiter: Waiter) => this.#ledger.givesWay(waiter);
  /** Those that have asked. */
  readonly #offers = new Set<Offer>();
  #pace = PACE_FIRST;
  #moveAt = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Whether slots may have to move: more than one pipe, or somebody waits who is not this one pipe. */
  get contended(): boolean {
    if (this.#offers.size > 1) return true;
    if (this.#ledger.free < 0) return true;
    for (const { client, waiter } of this.#offers) {
      if (roomOf(client.build) < 0) return true;
      for (const kept of keptBeside(client.build, this.#away)) if (kept !== waiter) return true;
    }
    const next = this.#ledger.next;
    if (next === undefined) return false;
    for (const offer of this.#offers) if (offer.waiter !== next) return true;
    return this.#ledger.waiting > 1;
  }

  /** A new pipe, which gets nothing before `ask`. The client is of kind `offers`; `looks`: it does not wait. */
  open(client: Client, now: number, looks = false): Offer {
    const offer: Offer = {
      client,
      looks,
      waiter: { client, reserves: true, since: now, order: 0 },
      idleSince: now,
      misses: 0,
      retryAt: now,
      lent: false,
    };
    return offer;
  }

  /** The pipe is ready to be offered slots; it counts as hungry until it has shown otherwise. */
  ask(offer: Offer, now: number): void {
    this.#offers.add(offer);
    this.#ledger.acquire(offer.waiter, now);
  }

  /** The same for a pipe of which it is known what its client has. */
  resume(offer: Offer, now: number): void {
    this.#offers.add(offer);
    if (offer.client.offered === 0) this.#ledger.acquire(offer.waiter, now);
  }

  /** The pipe is gone, and what its client had comes back. */
  close(offer: Offer): void {
    this.#offers.delete(offer);
    this.#ledger.forget(offer.client);
  }

  /** A grant to the pipe was laid into it. */
  laid(offer: Offer, now: number): void {
    offer.idleSince = now;
    offer.lent = this.#ledger.free < 0;
  }

  /**
   * `lying` slots were counted in the pipe; `touched`: something was taken or returned since the last count, even when the
   * number is the same. Returns the slots that lie there beyond what was offered: returned by somebody who never took them.
   */
  counted(offer: Offer, lying: number, touched: boolean, now: number): number {
    const { client } = offer;
    if (!this.#offers.has(offer)) return lying;
    const untaken = Math.min(lying, has(client));
    if (untaken !== client.offered || touched) this.#tasted(offer, now);
    this.#ledger.count(client, untaken);
    if (untaken > 0) this.#ledger.cancel(offer.waiter);
    else this.#askAgain(offer, now);
    return lying - untaken;
  }

  /**
   * How many slots to take out of this pipe at once, before its own readers take them again: to be asked right after
   * something was returned. The answer is 0 or 1; 1 when another build is next, or would be if a bound left it room, and has a
   * better right, or when more is out than may be.
   */
  claim(offer: Offer, now: number): number {
    const { build } = offer.client;
    if (roomOf(build) < 0) return 1;
    if (this.#ledger.free < 0) return this.#keeps(offer) ? 0 : 1;
    return hasRight(this.#ledger.next, build, now) || hasRight(rival(build, this.#away), build, now) ? 1 : 0;
  }

  /**
   * What to withdraw now, because its build has more than it may, or so that those who wait can have it, best first. Each is to
   * be tried and reported to `withdrew`.
   */
  recalls(now: number): Move[] {
    const excess = this.#excess();
    if (excess.length > 0) return excess;
    let need = this.#ledger.lacking;
    if (need <= 0) return this.#forKept(now);
    const moves: Move[] = [];
    for (const offer of this.#lying()) {
      if (need <= 0) break;
      if (this.#keeps(offer)) continue;
      const movable = now - offer.idleSince >= this.#stay(offer) ? offer.client.offered : offer.client.offered - 1;
      const count = Math.min(movable, need);
      if (count > 0) moves.push({ offer, count });
      need -= count;
    }
    return moves.length > 0 ? moves : this.#forKept(now);
  }

  /** Where a slot may lie that nobody needs, best first: for somebody who does not wait. Each is to be tried, until one is found. */
  spare(now: number): Offer[] {
    if (this.#offers.size === 0 || this.#ledger.free < 0) return []; // one more would only pay back
    const lying = [...this.#offers].filter(
      ({ client, idleSince }) => client.offered > 1 || (client.offered > 0 && now - idleSince >= STAY),
    );
    return lying.sort((a, b) => compareBuilds(b.client.build, a.client.build));
  }

  /**
   * `got` slots were taken out of the pipe, where `lying` are left; `claimed`: its own readers were after them. Returns the
   * slots beyond what was offered, as `counted` does; of them at most `lying` still lie there.
   */
  withdrew(offer: Offer, got: number, lying: number, claimed: boolean, now: number): number {
    const { client } = offer;
    // What was taken out lay there at that moment, whatever the last count said.
    const untaken = Math.min(got + lying, has(client));
    if (untaken !== client.offered) this.#tasted(offer, now);
    this.#ledger.count(client, untaken);
    const booked = Math.min(got, untaken);
    if (client.offered === booked && booked > 0 && !claimed) {
      const vain = now - offer.idleSince >= STAY;
      if (vain) offer.misses++;
      offer.retryAt = now + (vain ? Math.min(RETRY_FIRST * 2 ** offer.misses, RETRY_LAST) : STAY);
    }
    this.#ledger.withdraw(client, booked);
    if (client.offered === 0) this.#askAgain(offer, now);
    return got + lying - untaken;
  }

  /** What to lay out now; the slots are booked. Sated pipes whose time has come join the queue. */
  settle(now: number): Move[] {
    this.#retry(now);
    if (this.#ledger.free >= 0) for (const offer of this.#offers) offer.lent = false;
    if (this.#ledger.free <= 0 || this.#ledger.waiting > 0 || this.#offers.size === 0) return [];
    return this.#spread(now);
  }

  /** When to look again though nothing happens, or Infinity. */
  nextLook(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    let sated = false;
    let lying = false;
    const waiting = this.#ledger.waiting > 0;
    const short = waiting || this.#ledger.free < 0;
    for (const offer of this.#offers) {
      if (offer.client.offered > 0) {
        lying = true;
        if (short && !this.#keeps(offer)) at = Math.min(at, offer.idleSince + Math.max(STAY, this.#stay(offer)));
      } else if (!this.#hungry(offer)) {
        sated = true;
        if (waiting) at = Math.min(at, offer.retryAt);
      }
    }
    if (!waiting && sated && lying) at = this.#moveAt;
    if (lying)
      for (const { offer } of this.#forKept(Number.POSITIVE_INFINITY)) at = Math.min(at, offer.idleSince + STAY);
    return Math.max(at, now);
  }

  /** Those with slots in them, who has most and left them longest first. */
  #lying(): Offer[] {
    const lying = [...this.#offers].filter((offer) => offer.client.offered > 0);
    return lying.sort((a, b) => compareBuilds(b.client.build, a.client.build) || a.idleSince - b.idleSince);
  }

  /** What lies unused under a bound that keeps somebody out of the queue, if that is enough for one of them. */
  #forKept(now: number): Move[] {
    const caps = new Set<Cap>();
    for (const { client } of this.#offers) if (client.offered > 0) for (const cap of client.build.caps) caps.add(cap);
    for (const cap of caps) {
      for (const waiter of keptUnder(cap, this.#away)) {
        const moves = this.#roomFor(waiter, now);
        if (moves !== undefined) return moves;
      }
    }
    return [];
  }

  #roomFor(waiter: Waiter, now: number): Move[] | undefined {
    const lacking = lackingFor(waiter);
    const moves: Move[] = [];
    for (const offer of this.#lying()) {
      const { build, offered } = offer.client;
      const stay = this.#isFor(waiter, build) ? 0 : STAY;
      const caps = build.caps.filter((cap) => (lacking.get(cap) ?? 0) > 0);
      const movable = now - offer.idleSince >= stay ? offered : offered - 1;
      const count = Math.min(movable, Math.max(0, ...caps.map((cap) => lacking.get(cap) as number)));
      if (count <= 0) continue;
      moves.push({ offer, count });
      for (const cap of caps) lacking.set(cap, (lacking.get(cap) as number) - count);
    }
    return [...lacking.values()].every((lacks) => lacks <= 0) ? moves : undefined;
  }

  /** What lies in pipes beyond what a cap lets their builds have, after it was lowered or room was set aside for another. */
  #excess(): Move[] {
    const moves: Move[] = [];
    const done = new Map<Cap, number>();
    for (const offer of this.#offers) {
      const { build, offered } = offer.client;
      if (offered === 0 || roomOf(build) >= 0) continue;
      const over = build.caps.map((cap) => -roomUnder(cap, build) - (done.get(cap) ?? 0));
      const count = Math.min(offered, Math.max(...over));
      if (count <= 0) continue;
      moves.push({ offer, count });
      for (const cap of build.caps) done.set(cap, (done.get(cap) ?? 0) + count);
    }
    return moves;
  }

  /** How long what lies there is safe from those who wait. */
  #stay({ looks, client }: Offer): number {
    const { next } = this.#ledger;
    if (next === undefined) return STAY;
    if (looks && compareBuilds(client.build, next.client.build) <= 0) return STAY_TO_LOOK;
    return this.#isFor(next, client.build) ? 0 : STAY;
  }

  /**
   * Whether a slot that lies unused with `build` is to be taken for `waiter` at once: he surely wants it, and it comes to him. It does
   * not if it pays back what was given beyond the limit, or comes to the same build again: that would go round and round.
   */
  #isFor({ client }: Waiter, build: Build): boolean {
    return client.kind !== 'offers' && this.#ledger.free >= 0 && yields(build, client.build);
  }

  /** Whether what lies there would be given to it again: that is beyond the limit, and nobody waits who has a right to it. */
  #keeps({ lent, client: { build } }: Offer): boolean {
    if (!lent || !this.#ledger.owes) return false;
    const other = this.#ledger.next?.client.build;
    return other === undefined || (!other.newcomer && lead(build, other) === 0);
  }

  #hungry(offer: Offer): boolean {
    return offer.client.waiters.has(offer.waiter);
  }

  /** Never at the moment in which something was taken out of it: that could go round for ever. */
  #askAgain(offer: Offer, now: number): void {
    if (!this.#hungry(offer) && offer.misses === 0 && offer.retryAt <= now) this.#ledger.acquire(offer.waiter, now);
  }

  #tasted(offer: Offer, now: number): void {
    offer.idleSince = now;
    offer.misses = 0;
    offer.retryAt = now;
    this.#pace = PACE_FIRST;
  }

  #retry(now: number): void {
    const sated: Offer[] = [];
    let lying = 0;
    for (const offer of this.#offers) {
      lying += offer.client.offered;
      if (offer.client.offered === 0 && !this.#hungry(offer)) sated.push(offer);
    }
    if (sated.length === 0) return;
    if (this.#ledger.waiting > 0) {
      for (const offer of sated) if (offer.retryAt <= now) this.#ledger.acquire(offer.waiter, now);
    } else if (lying > 0 && now >= this.#moveAt) {
      sated.sort((a, b) => a.retryAt - b.retryAt);
      for (const offer of sated.slice(0, lying)) this.#ledger.acquire(offer.waiter, now);
      this.#moveAt = now + this.#pace;
      this.#pace = Math.min(this.#pace * PACE_GROWTH, PACE_LAST);
    }
  }

  /** Lays all free slots out, to whoever has least, one by one. */
  #spread(now: number): Move[] {
    const counts = new Map<Offer, number>();
    while (this.#ledger.free > 0) {
      const offer = this.#least();
      if (offer === undefined) break;
      const count = this.#offers.size === 1 ? this.#ledger.available(offer.client) : 1;
      this.#ledger.offer(offer.client, count);
      counts.set(offer, (counts.get(offer) ?? 0) + count);
    }
    const moves: Move[] = [];
    for (const [offer, count] of counts) {
      offer.idleSince = now;
      moves.push({ offer, count });
    }
    return moves;
  }

  /** Pipes with nothing lying in them first, then the builds that have least. */
  #least(): Offer | undefined {
    let least: Offer | undefined;
    for (const offer of this.#offers) {
      if (this.#ledger.available(offer.client) <= 0) continue;
      if (least === undefined || order(offer, least) < 0) least = offer;
    }
    return least;
  }
}

/** Whether `waiter` has a better right to a slot that build `has` returns. */
function hasRight(waiter: Waiter | undefined, has: Build, now: number): boolean {
  if (waiter === undefined || waiter.client.build === has) return false;
  if (waiter.client.kind === 'implicit' || (waiter.min ?? 1) > 1) return true;
  const right = lead(has, waiter.client.build);
  return right === 2 || (right === 1 && now - waiter.since >= QUANTUM);
}

function order({ client: a }: Offer, { client: b }: Offer): number {
  return Number(a.offered > 0) - Number(b.offered > 0) || compareBuilds(a.build, b.build);
}
