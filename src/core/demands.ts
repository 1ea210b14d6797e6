// Demands for several slots at once. One whose turn it is, and for which too little is free, has what comes free set aside,
// so that a stream of small demands cannot starve it. That costs idle slots: so after a while all of them give way to those that
// want one, and then it is the turn of one that was tried least, each time with more patience.
//
// The same for room under bounds (`Cap`), for one demand at a time under each: the oldest that bounds keep out of the queue. It gets
// all its bounds in one step, and no younger one gets any of them before, so two that need the same bounds never have one each.
import { type Cap, roomUnder } from './caps.ts';
import { GIVE_WAY, SET_ASIDE } from './policy.ts';
import { type Build, isBackground, type Waiter } from './types.ts';

interface Demand {
  /** How often slots were set aside for it in vain: the next time they are so twice as long. */
  tries: number;
  /** Until when it gives way; 0: it does not. */
  away: number;
  /** While slots or room are set aside for it: until when. */
  until: number;
  /** The bounds under which room is set aside for it. */
  bounds: readonly Cap[];
}

export class Demands {
  readonly #demands = new Map<Waiter, Demand>();
  /** Those that bounds have kept out of the queue since they came or gave way, and for which no room is set aside. */
  readonly #kept = new Set<Waiter>();
  /** For whom slots are set aside. */
  #first: Waiter | undefined;
  /** Until when nothing is set aside for anybody. */
  #pausedUntil = 0;
  /** Of those that are set aside, how many first slots of others have used. */
  borrowed = 0;

  get first(): Waiter | undefined {
    return this.#first;
  }

  /** From now on what comes free is for this waiter; false: it has to give way with the others. */
  setAside(waiter: Waiter, now: number): boolean {
    if (waiter === this.#first) return true;
    const demand = this.#of(waiter);
    if (now < this.#pausedUntil) {
      demand.away = this.#pausedUntil + demand.tries;
      return false;
    }
    this.#first = waiter;
    demand.until = now + patience(demand);
    return true;
  }

  /** Sets room aside under bounds for those whose turn it is. Returns the bounds under which that changed anything. */
  setAsideUnder(now: number): readonly Cap[] {
    if (this.#kept.size === 0) return NONE;
    const changed: Cap[] = [];
    const claimed = new Set<Cap>();
    for (const waiter of [...this.#kept].sort(turn)) {
      const bounds = waiter.client.build.caps.filter(({ limit }) => limit !== Number.POSITIVE_INFINITY);
      const open = bounds.every((cap) => !claimed.has(cap) && isOpen(cap, waiter));
      for (const cap of bounds) claimed.add(cap);
      if (!open) continue;
      this.#kept.delete(waiter);
      const demand = this.#of(waiter);
      const pausedUntil = Math.max(...bounds.map((cap) => cap.pausedUntil));
      if (now < pausedUntil) {
        demand.away = pausedUntil + demand.tries;
        changed.push(...bounds);
        continue;
      }
      for (const cap of bounds) {
        if (cap.aside !== undefined) changed.push(...this.free(cap.aside));
        cap.aside = waiter;
      }
      changed.push(...bounds);
      demand.bounds = bounds;
      demand.until = now + patience(demand);
    }
    return changed;
  }

  /** Nothing is set aside any more; it may come again. */
  release(): void {
    this.#first = undefined;
    this.borrowed = 0;
  }

  /** No room is set aside for it any more. Returns the bounds under which it was. */
  free(waiter: Waiter): readonly Cap[] {
    const demand = this.#demands.get(waiter);
    if (demand === undefined || demand.bounds.length === 0) return NONE;
    const { bounds } = demand;
    for (const cap of bounds) cap.aside = undefined;
    demand.bounds = NONE;
    return bounds;
  }

  /** Bounds alone keep it out of the queue, and others can make room. */
  keep(waiter: Waiter): void {
    if ((this.#demands.get(waiter)?.bounds ?? NONE).length === 0) this.#kept.add(waiter);
  }

  /** It is not kept out so. */
  unkeep(waiter: Waiter): void {
    this.#kept.delete(waiter);
  }

  /** It does not wait any more. Returns the bounds under which room was set aside for it. */
  forget(waiter: Waiter): readonly Cap[] {
    this.#kept.delete(waiter);
    if (this.#demands.size === 0) return NONE;
    const freed = this.free(waiter);
    this.#demands.delete(waiter);
    if (waiter === this.#first) this.release();
    return freed;
  }

  /** Whether it gives way now. */
  away(waiter: Waiter): boolean {
    return (this.#demands.get(waiter)?.away ?? 0) > 0;
  }

  /** Those that give way from now on, or no longer. */
  settle(now: number): Waiter[] {
    const changed: Waiter[] = [];
    for (const [waiter, demand] of this.#demands) {
      const over = this.#waitsFor(waiter, demand) && demand.until <= now;
      if (over) this.#giveWay(waiter, demand, now + GIVE_WAY);
      else if (demand.away === 0 || demand.away > now) continue;
      else demand.away = 0;
      changed.push(waiter);
    }
    return changed;
  }

  nextLook(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const [waiter, demand] of this.#demands) {
      const { away, until } = demand;
      if (away > 0 && away < at) at = away;
      if (until < at && this.#waitsFor(waiter, demand)) at = until;
    }
    return at;
  }

  /** Whether anything is set aside for it. */
  #waitsFor(waiter: Waiter, { bounds }: Demand): boolean {
    return waiter === this.#first || bounds.length > 0;
  }

  #giveWay(waiter: Waiter, demand: Demand, until: number): void {
    demand.away = until + ++demand.tries; // after those that were tried less
    if (waiter === this.#first) {
      this.#pausedUntil = until;
      this.release();
    }
    for (const cap of this.free(waiter)) cap.pausedUntil = until;
  }

  #of(waiter: Waiter): Demand {
    const known = this.#demands.get(waiter);
    if (known !== undefined) return known;
    const demand = { tries: 0, away: 0, until: 0, bounds: NONE };
    this.#demands.set(waiter, demand);
    return demand;
  }
}

const NONE: readonly Cap[] = [];

const patience = ({ tries }: Demand): number => SET_ASIDE * 2 ** tries;

/** The oldest first, but those in the background last. */
function turn(a: Waiter, b: Waiter): number {
  return Number(isBackground(a.client.build)) - Number(isBackground(b.client.build)) || a.order - b.order;
}

/** Whether room under a cap can be set aside for a waiter now: not before one of those whose turn is next there. */
function isOpen(cap: Cap, waiter: Waiter): boolean {
  const background = isBackground(waiter.client.build);
  if (cap.aside !== undefined && (background || !isBackground(cap.aside.client.build))) return false;
  if (!cap.owes) return true;
  for (const other of cap.waiting) {
    if (other.demands || (isBackground(other) && !background)) continue;
    if (keptOnlyBy(cap, other)) return false;
  }
  return true;
}

function keptOnlyBy(cap: Cap, build: Build): boolean {
  if (build.waiting.size === 0 || roomUnder(cap, build) >= 1) return false;
  return build.caps.every((other) => other === cap || roomUnder(other, build) >= 1);
}
