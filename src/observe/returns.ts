// How many slots came back in the last minute, of each build, and what that lets one expect of the next ones. Pure.

/** What is remembered, seconds. */
const SECONDS = 60;

/** What came back in a while. */
export interface Lately {
  slots: number;
  /** Milliseconds from the first of them until now. */
  span: number;
}

/** All that came back within one second. */
interface Second {
  second: number;
  /** When the first of them came, Unix time in milliseconds. */
  first: number;
  /** Slots, by the number of the build. */
  byBuild: Map<number, number>;
}

export class Returns {
  /** Oldest first. */
  #seconds: Second[] = [];

  /** `slots` came back at `time`, Unix time in milliseconds. */
  add(time: number, build: number, slots: number): void {
    const second = Math.floor(time / 1000);
    let last = this.#seconds.at(-1);
    if (last === undefined || second > last.second) {
      last = { second, first: time, byBuild: new Map() };
      this.#seconds.push(last);
      this.#seconds = this.#seconds.filter((one) => one.second > second - SECONDS);
    }
    last.byBuild.set(build, (last.byBuild.get(build) ?? 0) + slots);
  }

  /** What came back in the minute before `now`, of all builds or of those in `of`. */
  lately(now: number, of?: readonly number[]): Lately {
    let slots = 0;
    let first = now;
    for (const second of this.#seconds) {
      if (second.first <= now - SECONDS * 1000) continue;
      const count = of === undefined ? sum(second.byBuild.values()) : sum(of.map((id) => second.byBuild.get(id) ?? 0));
      if (count > 0) first = Math.min(first, second.first);
      slots += count;
    }
    return { slots, span: now - first };
  }
}

/**
 * Milliseconds until so many slots have come back, if they come as they did lately; undefined: too few have come. The first of them
 * begins the time in which the others came.
 */
export function expected(returns: number, { slots, span }: Lately): number | undefined {
  if (returns === 0) return 0;
  return slots < 2 || span <= 0 ? undefined : (returns * span) / (slots - 1);
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0);
