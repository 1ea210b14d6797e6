// How long builds may take: by the clock on the wall, or by the time in which they have slots. When that is over it is told;
// what is then done about it is not the engine's business.
import type { Running } from './builds.ts';
import type { TimeLimit } from './messages.ts';

interface Clock {
  readonly limit: TimeLimit;
  /** Milliseconds that have counted. */
  used: number;
  /** When it was last looked at. */
  at: number;
  /** Whether time counts since then. */
  runs: boolean;
}

export class Timeouts {
  readonly #clocks = new Map<Running, Clock>();
  readonly #over: (running: Running) => void;

  /** `over` is called once for each build whose time is over. */
  constructor(over: (running: Running) => void) {
    this.#over = over;
  }

  /** Builds whose time is limited. */
  get size(): number {
    return this.#clocks.size;
  }

  add(running: Running, limit: TimeLimit, now: number): void {
    this.#clocks.set(running, { limit, used: 0, at: now, runs: counts(running, limit) });
  }

  forget(running: Running): void {
    this.#clocks.delete(running);
  }

  settle(now: number): void {
    for (const [running, clock] of this.#clocks) {
      if (clock.runs) clock.used += now - clock.at;
      clock.at = now;
      clock.runs = counts(running, clock.limit);
      if (clock.used < clock.limit.after) continue;
      this.#clocks.delete(running);
      this.#over(running);
    }
  }

  nextLook(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { limit, used, at: seen, runs } of this.#clocks.values()) {
      if (runs) at = Math.min(at, seen + limit.after - used);
    }
    return at;
  }
}

const counts = ({ build }: Running, { clock }: TimeLimit): boolean =>
  clock === 'wall' || build.implicit + build.held > 0;
