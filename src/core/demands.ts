// Demands for several slots at once. One whose turn it is, and for which too little is free, has what comes free set aside,
// so that a stream of small demands cannot starve it. That costs idle slots: so after a while all of them give way to those that
// want one, and then it is the turn of one that was tried least, each time with more patience.
import { GIVE_WAY, SET_ASIDE } from './policy.ts';
import type { Waiter } from './types.ts';

interface Demand {
  /** How often slots were set aside for it in vain: the next time they are so twice as long. */
  tries: number;
  /** Until when it gives way; 0: it does not. */
  away: number;
}

export class Demands {
  readonly #demands = new Map<Waiter, Demand>();
  /** For whom slots are set aside. */
  #first: Waiter | undefined;
  #until = 0;
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
    const demand = this.#demands.get(waiter) ?? { tries: 0, away: 0 };
    this.#demands.set(waiter, demand);
    if (now < this.#pausedUntil) {
      demand.away = this.#pausedUntil + demand.tries;
      return false;
    }
    this.#first = waiter;
    this.#until = now + SET_ASIDE * 2 ** demand.tries;
    return true;
  }

  /** Nothing is set aside any more; it may come again. */
  release(): void {
    this.#first = undefined;
    this.borrowed = 0;
  }

  /** It does not wait any more. */
  forget(waiter: Waiter): void {
    if (this.#demands.size === 0) return;
    this.#demands.delete(waiter);
    if (waiter === this.#first) this.release();
  }

  /** Whether it gives way now. */
  away(waiter: Waiter): boolean {
    return (this.#demands.get(waiter)?.away ?? 0) > 0;
  }

  /** Those that give way from now on, or no longer. */
  settle(now: number): Waiter[] {
    const changed: Waiter[] = [];
    if (this.#demands.size === 0) return changed;
    for (const [waiter, demand] of this.#demands) {
      if (demand.away === 0 || demand.away > now) continue;
      demand.away = 0;
      changed.push(waiter);
    }
    const first = this.#first;
    const demand = first && this.#demands.get(first);
    if (first !== undefined && demand !== undefined && this.#until <= now) {
      this.#pausedUntil = now + GIVE_WAY;
      demand.away = this.#pausedUntil + ++demand.tries; // after those that were tried less
      this.release();
      changed.push(first);
    }
    return changed;
  }

  nextLook(): number {
    let at = this.#first === undefined ? Number.POSITIVE_INFINITY : this.#until;
    for (const { away } of this.#demands.values()) if (away > 0 && away < at) at = away;
    return at;
  }
}
