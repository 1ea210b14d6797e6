// Builds that wait and may be given a slot beyond the limit: those that never had one, and those that have been short of their
// share for a while although they are new. What a build has had does not come back as a slot that others hold: a hoarder
// that returns nothing would keep newcomers away until it ends.
import { compareBuilds } from './fairness.ts';
import { PATIENCE } from './policy.ts';
import { type Build, type BuildClass, type Lane, outstanding, type User } from './types.ts';

/** So many waiting builds of a user and class are looked at, those whose turn is near: that bounds the cost. */
const LOOK = 8;

/** What of the ledger has to be known here. */
interface World {
  /** The share of a build, slots. */
  share: (build: Build) => number;
  /** Whether a user has less than its part. */
  userShort: (user: User) => boolean;
  /** The users with waiting builds that are not in the background. */
  lanes: () => readonly Lane[];
}

export class Newcomers {
  /** Those that never had a slot, by user. */
  readonly #fresh = new Map<User, Set<Build>>();
  /** Those that are new and wait. */
  readonly #short = new Set<Build>();
  /** Those whose first slot was given beyond the limit, until they have none or got a free one. */
  readonly #lent = new Set<Build>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether there is one that waits. */
  get any(): boolean {
    return this.#fresh.size + this.#short.size > 0;
  }

  /** First slots that were given beyond the limit. */
  get lent(): number {
    return this.#lent.size;
  }

  /** A build begins to wait. */
  waits(build: Build, now: number): void {
    if (build.fresh) {
      const builds = this.#fresh.get(build.user) ?? new Set();
      this.#fresh.set(build.user, builds.add(build));
    }
    if (!build.newcomer) return;
    if (build.shortSince === Number.POSITIVE_INFINITY) build.shortSince = now;
    this.#short.add(build);
  }

  /** It waits no longer. */
  leaves(build: Build): void {
    this.#notFresh(build);
    this.#short.delete(build);
  }

  /** It was granted a slot; `regular`: a free one. */
  granted(build: Build, regular: boolean, now: number): void {
    if (build.fresh) {
      this.#notFresh(build);
      build.fresh = false;
      if (!regular) this.#lent.add(build);
    }
    if (regular) this.#lent.delete(build);
    if (!build.newcomer || !regular) return;
    build.shortSince = build.waiters > 0 ? now : Number.POSITIVE_INFINITY;
    if (outstanding(build) < wholeShare(this.#world.share(build))) return;
    build.newcomer = false;
    build.shortSince = Number.POSITIVE_INFINITY;
    this.#short.delete(build);
  }

  /** What it has has become less. */
  returned(build: Build, now: number): void {
    if (outstanding(build) <= 0) this.#lent.delete(build);
    if (build.newcomer || build.held + build.offered > 0) return;
    build.newcomer = true;
    if (build.waiters > 0) this.waits(build, now);
  }

  /** Who is to have a first slot beyond the limit: the oldest. */
  first(): Build | undefined {
    let best: Build | undefined;
    for (const [user, builds] of this.#fresh) {
      if (!this.#world.userShort(user)) continue;
      for (const build of builds) {
        if (best !== undefined && build.order > best.order) break;
        if (!mayBe(build)) continue;
        best = build;
        break;
      }
    }
    return best;
  }

  /** Who is to have any other: the one that has least, then the oldest. */
  next(now: number): Build | undefined {
    let best: Build | undefined;
    for (const { user, classes } of this.#world.lanes()) {
      if (best !== undefined && user.standing > best.user.standing) continue;
      if (!this.#world.userShort(user)) continue;
      for (const of of classes) {
        for (const build of near(user, of)) {
          if (!build.newcomer || now - build.shortSince < PATIENCE || !mayBe(build)) continue;
          if (outstanding(build) >= wholeShare(this.#world.share(build))) continue;
          if (best === undefined || (compareBuilds(build, best) || build.order - best.order) < 0) best = build;
        }
      }
    }
    return best;
  }

  /** When the next one has waited long enough, after `now`; or Infinity. */
  nextLook(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    if (this.#short.size === 0) return at;
    for (const { user, classes } of this.#world.lanes()) {
      for (const of of classes) {
        for (const { newcomer, shortSince } of near(user, of)) {
          const ripe = shortSince + PATIENCE;
          if (newcomer && ripe > now && ripe < at) at = ripe;
        }
      }
    }
    return at;
  }

  #notFresh(build: Build): void {
    if (!build.fresh) return;
    const builds = this.#fresh.get(build.user);
    builds?.delete(build);
    if (builds?.size === 0) this.#fresh.delete(build.user);
  }
}

function near(user: User, of: BuildClass): readonly Build[] {
  const builds = user.waiting[of].values();
  return builds.length > LOOK ? builds.slice(0, LOOK) : builds;
}

/** Whole slots of a share; everybody has a right to one. */
const wholeShare = (share: number): number => Math.max(1, Math.floor(share));

/** Whether it is in the queue, with a demand for one slot that cannot be called idle. */
function mayBe(build: Build): boolean {
  return build.at !== -1 && build.class !== 'background' && !build.demands;
}
