// Who shares the pool now, and how much of it is whose: the users that have something or want something, by their weights, and
// of each user's part its builds, by theirs.
import { type Build, outstanding, type User } from './types.ts';

export class Shares {
  /** The weights of all active users. */
  #weight = 0;
  #users = 0;

  /** Users that have something or wait. */
  get users(): number {
    return this.#users;
  }

  /** To be called when a build may have become active, or idle. */
  update(build: Build): void {
    const active = build.waiters > 0 || outstanding(build) > 0;
    if (active !== build.active) this.#set(build, active);
  }

  /** Changes a weight, while nothing else does. */
  reweigh(build: Build, change: () => void): void {
    const { active } = build;
    if (active) this.#set(build, false);
    change();
    if (active) this.#set(build, true);
  }

  /** Changes the weight of a user; `active`: those of its builds that are. */
  reweighUser(user: User, active: readonly Build[], weight: number): void {
    for (const build of active) this.#set(build, false);
    user.weight = weight;
    for (const build of active) this.#set(build, true);
  }

  /** What a user may have of `limit` slots while all others want theirs. */
  ofUser({ weight, active }: User, limit: number): number {
    return (limit * weight) / (active > 0 ? this.#weight : this.#weight + weight);
  }

  /** The same for one build. */
  of({ user, weight, active }: Build, limit: number): number {
    return (this.ofUser(user, limit) * weight) / (active ? user.activeWeight : user.activeWeight + weight);
  }

  #set(build: Build, active: boolean): void {
    const { user } = build;
    build.active = active;
    if (active) {
      user.activeWeight += build.weight;
      if (user.active++ === 0) {
        this.#users++;
        this.#weight += user.weight;
      }
      return;
    }
    user.activeWeight -= build.weight;
    if (--user.active > 0) return;
    user.activeWeight = 0; // sums of fractions do not come back to 0 by themselves
    this.#weight -= user.weight;
    if (--this.#users === 0) this.#weight = 0;
  }
}
