// Builds that wait and may be given a slot beyond the limit: those that never had one, and those that have been short of their
// share for a while although they are new. What a build has had does not come back as a slot that others hold: a hoarder
// that returns nothing would keep newcomers away until it ends.
import { compareBuilds } from './fairness.ts';
import { PATIENCE } from './policy.ts';
import { type Build, outstanding } from './types.ts';

export class Newcomers {
  /** In the order in which they came to wait. */
  readonly #fresh = new Set<Build>();
  readonly #short = new Set<Build>();
  readonly #share: (build: Build) => number;
  /** Whether the user of a build has less than its part. */
  readonly #userShort: (build: Build) => boolean;

  constructor(share: (build: Build) => number, userShort: (build: Build) => boolean) {
    this.#share = share;
    this.#userShort = userShort;
  }

  /** Whether there is one that waits. */
  get any(): boolean {
    return this.#fresh.size + this.#short.size > 0;
  }

  /** A build begins to wait. */
  waits(build: Build, now: number): void {
    if (build.fresh) this.#fresh.add(build);
    if (!build.newcomer) return;
    if (build.shortSince === Number.POSITIVE_INFINITY) build.shortSince = now;
    this.#short.add(build);
  }

  /** It waits no longer. */
  leaves(build: Build): void {
    this.#fresh.delete(build);
    this.#short.delete(build);
  }

  /** It was granted a slot; `regular`: a free one. */
  granted(build: Build, regular: boolean, now: number): void {
    if (build.fresh) {
      build.fresh = false;
      this.#fresh.delete(build);
    }
    if (!build.newcomer || !regular) return;
    build.shortSince = build.waiters > 0 ? now : Number.POSITIVE_INFINITY;
    if (outstanding(build) < wholeShare(this.#share(build))) return;
    build.newcomer = false;
    build.shortSince = Number.POSITIVE_INFINITY;
    this.#short.delete(build);
  }

  /** What it has has become less. */
  returned(build: Build): void {
    if (!build.newcomer && build.held + build.offered <= 0) build.newcomer = true;
  }

  /** Who is to have a first slot beyond the limit. */
  first(): Build | undefined {
    for (const build of this.#fresh) if (mayBe(build) && this.#userShort(build)) return build;
    return undefined;
  }

  /** Who is to have any other: the one that has least, then the oldest. */
  next(now: number): Build | undefined {
    let best: Build | undefined;
    for (const build of this.#short) {
      if (now - build.shortSince < PATIENCE || !mayBe(build)) continue;
      if (outstanding(build) >= wholeShare(this.#share(build)) || !this.#userShort(build)) continue;
      if (best === undefined || (compareBuilds(build, best) || build.order - best.order) < 0) best = build;
    }
    return best;
  }

  /** When the next one has waited long enough, after `now`; or Infinity. */
  nextLook(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { shortSince } of this.#short) {
      const ripe = shortSince + PATIENCE;
      if (ripe > now && ripe < at) at = ripe;
    }
    return at;
  }
}

/** Whole slots of a share; everybody has a right to one. */
const wholeShare = (share: number): number => Math.max(1, Math.floor(share));

/** Whether it is in the queue, with a demand for one slot that cannot be called idle. */
function mayBe(build: Build): boolean {
  return build.at !== -1 && build.class !== 'background' && !build.demands;
}
