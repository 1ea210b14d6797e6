// Demands for several slots at once. One whose turn it is, and for which too little is free, has what comes free set aside,
// so that a stream of small demands cannot starve it. That costs idle slots: so it gives way after a while, and tries
// again, each time with more patience.
import { GIVE_WAY, SET_ASIDE } from './policy.ts';
import type { Waiter } from './types.ts';

interface Demand {
  /** How long slots are set aside for it, milliseconds. */
  patience: number;
  /** Until when it gives way; 0: it does not. */
  away: number;
}

export class Demands {
  readonly #demands = new Map<Waiter, Demand>();
  /** For whom slots are set aside. */
  #first: Waiter | undefined;
  #until = 0;
  /** Of those that are set aside, how many first slots of others have used. */
  borrowed = 0;

  get first(): Waiter | undefined {
    return this.#first;
  }

  /** From now on what comes free is for this waiter. */
  setAside(waiter: Waiter, now: number): void {
    if (waiter === this.#first) return;
    const demand = this.#demands.get(waiter) ?? { patience: SET_ASIDE, away: 0 };
    this.#demands.set(waiter, demand);
    this.#first = waiter;
    this.#until = now + demand.patience;
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
      demand.away = now + GIVE_WAY;
      demand.patience *= 2;
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
