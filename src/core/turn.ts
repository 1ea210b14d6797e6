// How many slots have to come back before somebody who waits has what he needs: as if everybody who waits now went on asking, and
// nobody else began to. Pure, and counted when somebody asks: it takes no part in who is granted what.
import { roomUnder } from './caps.ts';
import { clientTurn } from './fairness.ts';
import { lackingFor } from './kept.ts';
import type { Ledger } from './ledger.ts';
import { type Build, isBackground, outstanding, type Waiter } from './types.ts';
import { waitsOf } from './waits.ts';

export type Turn =
  /** So many, 0: it is its turn already; `of`: only those of these builds count, by their tags. */
  | { returns: number; of?: readonly number[] }
  /** There is no telling: as long as others want slots it gets none, or it has to return one itself. */
  | { returns?: never; why: 'others' | 'itself' };

export function turnOf(ledger: Ledger, waiter: Waiter): Turn {
  const { build } = waiter.client;
  const why = waitsOf(ledger)(build)?.cause.why;
  if (why === 'client') return { why: 'itself' };
  if (why === 'away' || why === 'background') return { why: 'others' };
  const [[cap] = []] = lackingFor(waiter);
  const sharers = [...ledger.builds].filter(({ caps }) => cap === undefined || caps.includes(cap));
  const unused = cap === undefined ? ledger.limit - ledger.out : roomUnder(cap, build);
  const needs = waiter.min ?? 1;
  const returns = Math.max(0, takenBefore(waiter, sharers) + needs - unused);
  return cap === undefined ? { returns } : { returns, of: sharers.map(({ tag }) => tag) };
}

/** What is taken by others until each of them has as much for its weight as the waiter's build, when that comes to the waiter. */
function takenBefore(waiter: Waiter, builds: readonly Build[]): number {
  const { build } = waiter.client;
  const place = placeIn(waiter);
  const rivals = new Map<unknown, Build[]>();
  for (const other of builds) {
    if (other === build || other.waiters === 0 || (isBackground(other) && !isBackground(build))) continue;
    const side = other.user === build.user ? other : other.user; // builds of another user share its turns
    rivals.set(side, [...(rivals.get(side) ?? []), other]);
  }
  return [...rivals.values()].reduce((sum, side) => sum + takenBy(side, waiter, place), place);
}

/** By one build of the same user, or by all those of another that wait. */
function takenBy(side: readonly Build[], waiter: Waiter, place: number): number {
  const [other] = side as [Build];
  const { build } = waiter.client;
  const users = other.user !== build.user;
  const has = (one: Build) => Math.max(0, users ? one.user.cap.out : outstanding(one));
  const weight = (one: Build) => (users ? one.user.weight : one.weight);
  const own = has(build) + place;
  /** With so many it stands as that build does then. */
  const level = own === 0 ? 0 : ((own + 0.5) * weight(other)) / weight(build) - 0.5;
  const until = Math.max(0, Math.ceil(level) - has(other));
  // Among equals who has waited longest goes first; who asks again is the last.
  const older = side.flatMap(waitersOf).filter(({ order }) => order < waiter.order).length;
  return until + (has(other) + until === level && older > until ? 1 : 0);
}

/** How many acquires of its own build go before it. */
function placeIn(waiter: Waiter): number {
  const { client } = waiter;
  let before = [...client.waiters].indexOf(waiter);
  for (const other of client.build.clients)
    if (other !== client && other.at !== -1 && other.waiters.size > 0 && clientTurn(other, client)) before++;
  return Math.max(0, before);
}

const waitersOf = ({ clients }: Build): Waiter[] => [...clients].flatMap(({ waiters }) => [...waiters]);
