// How settings that are lent for the time of a command (`stint with`) go together: of each thing the smallest that is lent at this
// moment counts, in whatever order they came and go, and when none is left, what counted without them. Pure.
import type { BuildClass } from './types.ts';

/** What one command asks for; undefined: it leaves that as it is. */
export interface Lent {
  /** Slots in the pool. */
  slots?: number | undefined;
  /** Of the builds that it is about. */
  class?: BuildClass | undefined;
  weight?: number | undefined;
}

const ORDER: readonly BuildClass[] = ['background', 'normal', 'interactive'];

/** Whether `a` is the lower class. */
export const isLower = (a: BuildClass, b: BuildClass): boolean => ORDER.indexOf(a) < ORDER.indexOf(b);

/** The smallest of what is lent; without that, what `base` says. */
export function composed<T extends Required<Lent>>(base: T, lent: Iterable<Lent>): T {
  const found: Lent = {};
  for (const one of lent) {
    found.slots = smaller(one.slots, found.slots);
    found.weight = smaller(one.weight, found.weight);
    if (one.class !== undefined && (found.class === undefined || isLower(one.class, found.class)))
      found.class = one.class;
  }
  const { slots = base.slots, weight = base.weight, class: of = base.class } = found;
  return { ...base, slots, weight, class: of };
}

const smaller = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;
