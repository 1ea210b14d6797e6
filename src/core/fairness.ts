// Whose turn it is: between users first, then between the builds of a user, then between the clients of a build. Who has
// least of the pool for its weight goes first, and among equals who has waited longest. Who has nothing is thereby ahead of
// everybody who has something.
//
// Classes come before that: an interactive build goes first while it has less than its share, but not for ever while others
// wait; a background build goes when nobody else waits.
import { Heap } from './heap.ts';
import { MAX_STREAK } from './policy.ts';
import { type Build, type Client, has, type Lane, oldest, outstanding, type User, type Waiter } from './types.ts';

/** What somebody has, for its weight: with the half, the rounding of shares to whole slots favours neither the heavy nor the light. */
const standing = (out: number, weight: number): number => (out <= 0 ? 0 : (out + 0.5) / weight);

/** Whether client `a` goes before client `b` of the same build; both wait. */
export function clientTurn(a: Client, b: Client): boolean {
  const difference = has(a) - has(b);
  return difference === 0 ? a.order < b.order : difference < 0;
}

/** Whether build `a` goes before build `b` of the same user and class; both wait. */
export function buildTurn(a: Build, b: Build): boolean {
  const difference = standing(outstanding(a), a.weight) - standing(outstanding(b), b.weight);
  return difference === 0 ? bestOrder(a) < bestOrder(b) : difference < 0;
}

function laneTurn(a: Lane, b: Lane): boolean {
  const difference = standing(a.user.cap.out, a.user.weight) - standing(b.user.cap.out, b.user.weight);
  if (difference !== 0) return difference < 0;
  return bestOrder(a.builds.peek()) < bestOrder(b.builds.peek());
}

/** Below 0 when `a` has less of the pool for its weight than `b`, by user and then by build. */
export function compareBuilds(a: Build, b: Build): number {
  const difference = a.user === b.user ? 0 : userStanding(a.user) - userStanding(b.user);
  return difference === 0 ? standing(outstanding(a), a.weight) - standing(outstanding(b), b.weight) : difference;
}

/**
 * What would become of a slot that passed from build `a` to build `b`. 2: they would be more equal. 1: they would change places.
 * 0: `b` has no better right to it.
 */
export function lead(a: Build, b: Build): 0 | 1 | 2 {
  if (a.class !== b.class) {
    if (a.class === 'background') return 2;
    if (b.class === 'background') return 0;
  }
  const users = a.user !== b.user;
  const [hasA, hasB] = users ? [a.user.cap.out, b.user.cap.out] : [outstanding(a), outstanding(b)];
  const [weightA, weightB] = users ? [a.user.weight, b.user.weight] : [a.weight, b.weight];
  const after = (hasB + 1) / weightB;
  if (after <= (hasA - 1) / weightA) return 2;
  return after <= hasA / weightA ? 1 : 0;
}

const userStanding = (user: User): number => standing(user.cap.out, user.weight);

/** Everybody who waits and may have more, by class, then by user, then by build, then by client, then by age. */
export class Queue {
  readonly #tiers = {
    interactive: new Heap<Lane>(laneTurn),
    normal: new Heap<Lane>(laneTurn),
    background: new Heap<Lane>(laneTurn),
  };
  /** The share of a build, slots. */
  readonly #share: (build: Build) => number;
  /** Turns in a row that interactive builds had before somebody who had the better right by standing. */
  #streak = 0;
  #size = 0;

  constructor(share: (build: Build) => number) {
    this.#share = share;
  }

  /** Waiters in all. */
  get size(): number {
    return this.#size;
  }

  /** Who is next. */
  peek(): Waiter | undefined {
    const client = this.#first()?.waiting.peek();
    return client === undefined ? undefined : oldest(client);
  }

  /** Its turn is used. To be called before it is removed. */
  passed(build: Build): void {
    const others = this.#tiers.normal.peek();
    const before = build.class === 'interactive' && others !== undefined && laneTurn(others, laneOf(build));
    this.#streak = before ? this.#streak + 1 : 0;
  }

  /** A client of the build begins to wait, or may have more again. */
  admit(client: Client): void {
    const { build } = client;
    build.waiting.push(client);
    build.admitted += client.waiters.size;
    if (build.at !== -1) {
      this.#size += client.waiters.size;
      this.#moved(build);
    }
  }

  /** The opposite. */
  dismiss(client: Client): void {
    const { build } = client;
    build.waiting.remove(client);
    build.admitted -= client.waiters.size;
    if (build.at !== -1) {
      this.#size -= client.waiters.size;
      if (build.waiting.size === 0) this.leave(build);
      else this.#moved(build);
    }
  }

  /** A client that waits here has one waiter more or less, and still one. */
  resize(client: Client, by: 1 | -1): void {
    client.build.admitted += by;
    if (client.build.at !== -1) this.#size += by;
  }

  /** A build that has clients here takes its place. */
  enter(build: Build): void {
    this.#size += build.admitted;
    const lane = laneOf(build);
    lane.builds.push(build);
    this.#laneChanged(lane);
  }

  leave(build: Build): void {
    this.#size -= build.admitted;
    const lane = laneOf(build);
    lane.builds.remove(build);
    this.#laneChanged(lane);
  }

  /** To be called when what a client has of the pool has changed, or how long it waits. */
  rankChanged(client: Client): void {
    const { build } = client;
    if (client.at !== -1) build.waiting.moved(client);
    if (build.at !== -1) laneOf(build).builds.moved(build);
    const { interactive, normal, background } = build.user.lanes;
    if (normal.at !== -1) this.#tiers.normal.moved(normal);
    if (interactive.at !== -1) this.#tiers.interactive.moved(interactive);
    if (background.at !== -1) this.#tiers.background.moved(background);
  }

  #first(): Build | undefined {
    const { interactive, normal, background } = this.#tiers;
    const other = normal.peek();
    const urgent = interactive.peek();
    if (urgent === undefined) return (other ?? background.peek())?.builds.peek();
    const build = urgent.builds.peek() as Build;
    if (other === undefined || !laneTurn(other, urgent)) return build;
    const first = this.#streak < MAX_STREAK && outstanding(build) < Math.max(1, this.#share(build));
    return first ? build : other.builds.peek();
  }

  #moved(build: Build): void {
    const lane = laneOf(build);
    lane.builds.moved(build);
    this.#laneChanged(lane);
  }

  #laneChanged(lane: Lane): void {
    const tier = this.#tiers[lane.class];
    if (lane.builds.size === 0) tier.remove(lane);
    else if (lane.at === -1) tier.push(lane);
    else tier.moved(lane);
  }
}

const laneOf = (build: Build): Lane => build.user.lanes[build.class];

function bestOrder(build: Build | undefined): number {
  return build?.waiting.peek()?.order ?? Number.POSITIVE_INFINITY;
}
