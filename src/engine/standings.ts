// How builds stand beside others: what the configuration says of them, and what is lent to them by `stint with`. It decides
// nothing about slots; what it says is the ledger's to heed.
import { composed, isLower, type Lent } from '../core/settings.ts';
import type { BuildClass } from '../core/types.ts';
import { matchRules, type Rule } from '../process/rules.ts';
import type { BuildFacts } from './messages.ts';

/** What the configuration says of builds. */
export interface Rules {
  /** The class of builds of which no rule says one. */
  class: BuildClass;
  rules: readonly Rule[];
}

/** Something lent to a build. */
export interface Lender {
  readonly uid: number;
  /** Whether it may raise builds, and touch those of other users. */
  readonly trusted: boolean;
  readonly terms: Pick<Lent, 'class' | 'weight'>;
}

/** What somebody said of one build alone, as long as it lasts. */
export interface Said {
  weight?: number;
  /** By who may change the pool: it goes before what the configuration says. */
  class?: BuildClass;
  /** By its user: it only lowers. */
  lowered?: BuildClass;
}

export interface Standing {
  weight: number;
  class: BuildClass;
  /** Slots that it may have; undefined: what the policy says. */
  max: number | undefined;
  /** The names of the bounds that it shares with others. */
  caps: readonly string[];
  /** The part of its user beside other users. */
  userWeight: number;
}

export function standingOf(
  facts: BuildFacts,
  { rules, class: usual }: Rules,
  { lenders, said }: { lenders: Iterable<Lender>; said: Said },
): Standing {
  const ruling = matchRules(facts, rules);
  const told = said.class ?? ruling.class ?? usual;
  const base = {
    weight: said.weight ?? ruling.weight ?? 1,
    class: said.lowered === undefined ? told : lower(said.lowered, told),
    slots: 0,
  };
  const lent: Lent[] = [];
  for (const { uid, trusted, terms } of lenders) {
    if (trusted) lent.push(terms);
    else if (uid === facts.uid) lent.push({ ...terms, class: terms.class && lower(terms.class, base.class) });
  }
  const { weight, class: of } = composed(base, lent);
  return { weight, class: of, max: ruling.buildMax, caps: ruling.caps, userWeight: ruling.userWeight ?? 1 };
}

const lower = (a: BuildClass, b: BuildClass): BuildClass => (isLower(a, b) ? a : b);
