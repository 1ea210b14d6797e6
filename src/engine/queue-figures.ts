// Where a build stands that waits for its first slots, in figures. Counted when somebody asks, over all builds.
import { roomOf } from '../core/caps.ts';
import { compareBuilds } from '../core/fairness.ts';
import type { Ledger } from '../core/ledger.ts';
import type { Waiter } from '../core/types.ts';
import type { BuildFigures } from './messages.ts';

export function queueFigures(ledger: Ledger, first: Waiter | undefined): Pick<BuildFigures, 'queue'> {
  if (first === undefined || !first.client.waiters.has(first)) return {};
  const { build } = first.client;
  const needs = first.min ?? 1;
  let ahead = 0;
  for (const other of ledger.builds) {
    const order = other.waiting.peek()?.order ?? Number.POSITIVE_INFINITY;
    if (other !== build && other.at !== -1 && (compareBuilds(other, build) || order - first.order) < 0) ahead++;
  }
  const aside = needs > 1 && ledger.next === first ? Math.max(0, ledger.limit - ledger.out) : 0;
  const cap = roomOf(build) < needs ? build.caps.find(({ limit, out }) => limit - out < needs)?.name : undefined;
  const bound = ledger.limit < needs ? 'the machine, as it is now,' : cap;
  return { queue: { position: ahead + 1, needs, aside, ...(bound && { cap: bound }) } };
}
