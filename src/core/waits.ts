// Why a build that waits has nothing more at this moment, in figures; daemon/reasons.ts has the words. Pure, and counted when
// somebody asks: it takes no part in who is granted what.
import { roomOf } from './caps.ts';
import { compareBuilds } from './fairness.ts';
import { lackingFor } from './kept.ts';
import type { Ledger } from './ledger.ts';
import { type Build, oldest, outstanding, type Waiter } from './types.ts';

/** What keeps a slot from a build: the first of these that does. */
export type Cause =
  /** A bound leaves too little room: of this build, of its user's builds together, or of some by the bound's name. */
  | { why: 'bound'; of: 'build' | 'user' | 'some'; name: string; slots: number; out: number }
  /** Each of its processes has all that one may have. */
  | { why: 'client'; slots: number }
  /** It waited for several slots so long that others go before it for a while. */
  | { why: 'away' }
  /** It is in the background, and others wait that are not. */
  | { why: 'background' }
  /** Fewer slots may be out now than the pool has. */
  | { why: 'limit' }
  /** What is free is kept for somebody who needs so many at once: of the pool, or of what a bound allows, by its name. */
  | { why: 'aside'; needs: number; under?: string }
  /** It has its part of the pool already. */
  | { why: 'share'; has: number; share: number }
  /** None is free. */
  | { why: 'turn' };

/** The wait of one build. */
export interface Wait {
  /** Slots that it needs in one step. */
  needs: number;
  /** Its place in the queue, 1: it is next, among builds; undefined: it is kept out of the queue. */
  position: number | undefined;
  /** Slots that are set aside for it. */
  aside: number;
  cause: Cause;
}

/** Tells of each build what it waits for, undefined: it does not wait. To be asked before the ledger changes again. */
export function waitsOf(ledger: Ledger): (build: Build) => Wait | undefined {
  let queue: Map<Build, number> | undefined;
  return (build) => {
    if (build.waiters === 0) return undefined;
    queue ??= new Map(queued(ledger).map((one, at) => [one, at + 1]));
    const waiter = waiterOf(build);
    const unused = ledger.limit - ledger.out;
    const cause =
      waiter === undefined
        ? { why: 'client' as const, slots: ledger.policy.clientMax }
        : causeOf(ledger, waiter, unused);
    return { needs: waiter?.min ?? 1, position: queue.get(build), aside: asideFor(waiter, ledger), cause };
  };
}

function asideFor(waiter: Waiter | undefined, ledger: Ledger): number {
  const { min = 1, client } = waiter ?? {};
  if (client === undefined || min === 1) return 0;
  const { caps } = client.build;
  if (caps.some(({ aside }) => aside === waiter) && roomOf(client.build) < min)
    return Math.max(0, roomOf(client.build));
  return ledger.next === waiter ? Math.max(0, ledger.limit - ledger.out) : 0;
}

function causeOf(ledger: Ledger, waiter: Waiter, unused: number): Cause {
  const { client, min = 1 } = waiter;
  const { build } = client;
  const [[cap] = []] = lackingFor(waiter);
  if (cap !== undefined) {
    const { aside } = cap;
    if (cap.limit - cap.out >= min && aside !== undefined) {
      return { why: 'aside', needs: aside.min ?? 1, under: cap.name };
    }
    const of = cap === build.own ? 'build' : cap === build.user.cap ? 'user' : 'some';
    return { why: 'bound', of, name: cap.name, slots: cap.limit, out: cap.out };
  }
  if (min > 1 && outstanding(build) + min > ledger.limit) return { why: 'limit' };
  if (build.at === -1) return { why: 'away' };
  const { next } = ledger;
  if (build.class === 'background' && next?.client.build.class !== 'background') return { why: 'background' };
  if (ledger.limit < ledger.capacity && unused < min) return { why: 'limit' };
  if (next !== undefined && next !== waiter && unused > 0) return { why: 'aside', needs: next.min ?? 1 };
  const [has, share] = [outstanding(build), ledger.share(build)];
  return min === 1 && has > 0 && has + 1 > share && share < ledger.limit
    ? { why: 'share', has, share }
    : { why: 'turn' };
}

/** The builds in the queue, whose turn is next first, as far as it can be said before they have got anything. */
function queued(ledger: Ledger): Build[] {
  const first = ledger.next?.client.build;
  const rank = (build: Build) => (build === first ? 0 : build.class === 'background' ? 2 : 1);
  const order = (build: Build) => waiterOf(build)?.order ?? 0;
  return [...ledger.builds]
    .filter((build) => build.at !== -1)
    .sort((a, b) => rank(a) - rank(b) || compareBuilds(a, b) || order(a) - order(b));
}

function waiterOf(build: Build): Waiter | undefined {
  const client = build.waiting.peek();
  return client && oldest(client);
}
