// Whose turn it is: between users first, then between the builds of a user, then between the clients of a build. Who has
// least of the pool for its weight goes first, and among equals who has waited longest. Who has nothing is thereby ahead of
// everybody who has something.
//
// Classes: among the builds of a user an interactive one goes first while it has less than its share, but not for ever while
// others wait; a background build goes when nobody else waits, of whatever user.
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

/** Whether build `a` goes before build `b` of the same user and class; both are in the queue. */
export function buildTurn(a: Build, b: Build): boolean {
  return a.standing === b.standing ? a.next < b.next : a.standing < b.standing;
}

function laneTurn(a: Lane, b: Lane): boolean {
  const difference = a.user.standing - b.user.standing;
  return difference === 0 ? a.next < b.next : difference < 0;
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

/** Whether build `b` goes before `a` also when `a` has one slot less, so that this slot comes to it and not back. */
export function yields(a: Build, b: Build): boolean {
  if (a.class !== b.class) {
    if (a.class === 'background') return true;
    if (b.class === 'background' || (a.class === 'interactive' && a.user === b.user)) return false;
  }
  if (a.user !== b.user) return standing(a.user.cap.out - 1, a.user.weight) >= userStanding(b.user);
  return standing(outstanding(a) - 1, a.weight) >= standing(outstanding(b), b.weight);
}

const userStanding = (user: User): number => standing(user.cap.out, user.weight);

/** Everybody who waits and may have more, by user, then by build, then by client, then by age. */
export class Queue {
  readonly #fore = new Heap<Lane>(laneTurn);
  readonly #back = new Heap<Lane>(laneTurn);
  /** The share of a build, slots. */
  readonly #share: (build: Build) => number;
  #size = 0;

  constructor(share: (build: Build) => number) {
    this.#share = share;
  }

  /** Waiters in all. */
  get size(): number {
    return this.#size;
  }

  /** The users whose builds wait, but for those in the background; in no particular order. */
  get lanes(): readonly Lane[] {
    return this.#fore.values();
  }

  /** Who is next. */
  peek(): Waiter | undefined {
    const lane = this.#fore.peek() ?? this.#back.peek();
    const client = lane && this.#first(lane)?.waiting.peek();
    return client && oldest(client);
  }

  /** Its turn is used. To be called before it is removed. */
  passed(build: Build): void {
    const { user } = build;
    const other = user.waiting.normal.peek();
    if (build.class === 'normal') user.streak = 0;
    else if (build.class === 'interactive' && other !== undefined && buildTurn(other, build)) user.streak++;
  }

  /** A client of the build begins to wait, or may have more again. */
  admit(client: Client): void {
    const { build } = client;
    build.waiting.push(client);
    build.admitted += client.waiters.size;
    if (build.at === -1) return;
    this.#size += client.waiters.size;
    if (client.at === 0) this.#buildMoved(build);
  }

  /** The opposite. */
  dismiss(client: Client): void {
    const { build } = client;
    const { size } = client.waiters;
    const wasFirst = client.at === 0;
    if (build.at !== -1 && build.waiting.size === 1) this.leave(build);
    build.waiting.remove(client);
    build.admitted -= size;
    if (build.at === -1) return;
    this.#size -= size;
    if (wasFirst) this.#buildMoved(build);
  }

  /** A client that waits here has one waiter more or less, and still one. */
  resize(client: Client, by: 1 | -1): void {
    client.build.admitted += by;
    if (client.build.at !== -1) this.#size += by;
  }

  /** A build that has clients here takes its place. */
  enter(build: Build): void {
    this.#size += build.admitted;
    rankBuild(build);
    heapOf(build).push(build);
    this.#laneChanged(laneOf(build));
  }

  leave(build: Build): void {
    this.#size -= build.admitted;
    heapOf(build).remove(build);
    this.#laneChanged(laneOf(build));
  }

  /** To be called when what a client has of the pool has changed, or how long it waits. */
  rankChanged(client: Client): void {
    const { build } = client;
    if (client.at !== -1) build.waiting.moved(client);
    if (build.at !== -1) {
      rankBuild(build);
      heapOf(build).moved(build);
    }
    const { fore, back } = build.user;
    if (fore.at !== -1) this.#laneMoved(fore);
    if (back.at !== -1) this.#laneMoved(back);
  }

  #first({ user, classes }: Lane): Build | undefined {
    if (classes.length === 1) return user.waiting.background.peek();
    const other = user.waiting.normal.peek();
    const urgent = user.waiting.interactive.peek();
    if (urgent === undefined || other === undefined) return urgent ?? other;
    const short = outstanding(urgent) < Math.max(1, this.#share(urgent));
    return buildTurn(urgent, other) || (short && user.streak < MAX_STREAK) ? urgent : other;
  }

  /** Another client of a build is its first one. */
  #buildMoved(build: Build): void {
    const wasFirst = build.at === 0;
    rankBuild(build);
    heapOf(build).moved(build);
    if (wasFirst || build.at === 0) this.#laneMoved(laneOf(build));
  }

  #laneMoved(lane: Lane): void {
    rankLane(lane);
    this.#heapOf(lane).moved(lane);
  }

  #laneChanged(lane: Lane): void {
    const waits = lane.classes.some((of) => lane.user.waiting[of].size > 0);
    rankLane(lane);
    if (lane.at === -1) {
      if (waits) this.#heapOf(lane).push(lane);
    } else if (waits) this.#heapOf(lane).moved(lane);
    else this.#heapOf(lane).remove(lane);
  }

  #heapOf(lane: Lane): Heap<Lane> {
    return lane === lane.user.fore ? this.#fore : this.#back;
  }
}

/** Writes down what the heap compares. */
function rankBuild(build: Build): void {
  build.standing = standing(outstanding(build), build.weight);
  build.next = build.waiting.peek()?.order ?? Number.POSITIVE_INFINITY;
}

function rankLane(lane: Lane): void {
  const { user, classes } = lane;
  user.standing = userStanding(user);
  lane.next = Number.POSITIVE_INFINITY;
  for (const of of classes) {
    const build = user.waiting[of].peek();
    if (build !== undefined && build.next < lane.next) lane.next = build.next;
  }
}

const heapOf = (build: Build): Heap<Build> => build.user.waiting[build.class];
const laneOf = ({ user, class: of }: Build): Lane => (of === 'background' ? user.back : user.fore);
