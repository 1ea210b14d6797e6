// A limit that nobody can compute, only feel for: it goes down by a quarter while it hurts and up step by step when it does
// not. Pure; times are milliseconds of the caller's clock.

/** How long it must not have hurt before slots come back. */
const CALM = 2000;

/** What is felt at one look. */
export interface Feeling {
  /** `over`: lower. `calm`: well below, raise. `near`: leave it. */
  state: 'over' | 'near' | 'calm';
  /** Slots in use. */
  used: number;
  /** Never lower than this. */
  least: number;
  /** Slots by which it may rise now. */
  step: number;
}

export class Brake {
  /** Slots that it allows; Infinity while it does not hold anything back. */
  slots = Number.POSITIVE_INFINITY;
  #calmSince: number | undefined;

  feel({ state, used, least, step }: Feeling, capacity: number, now: number): void {
    if (state !== 'calm') this.#calmSince = undefined;
    // What runs already is not called back, so a lowering shows only when as many have ended: until then, no further.
    if (state === 'over' && used <= this.slots) this.slots = used - Math.max(1, Math.floor(used / 4));
    if (state === 'calm') {
      this.#calmSince ??= now;
      if (now - this.#calmSince >= CALM) this.slots += step;
    }
    if (this.slots < least) this.slots = least;
    if (this.slots >= capacity) this.slots = Number.POSITIVE_INFINITY;
  }

  /** It holds nothing back any more. */
  off(): void {
    this.slots = Number.POSITIVE_INFINITY;
    this.#calmSince = undefined;
  }
}
