// What the configuration says of builds by whose they are, what they are called and where they run. Pure: who a build is, is told.
import type { BuildClass } from './config/sections.ts';
import { fits } from './glob.ts';

/** A `[[rule]]`. It speaks of the builds that fit all of `user`, `group`, `label` and `cgroup` that it has. */
export interface Rule {
  /** What it is called in reasons. */
  name: string;
  /** Numbers of a user and of a group. */
  user?: number;
  group?: number;
  /** Globs. */
  label?: string;
  cgroup?: string;
  /** Their part: of the user where users or groups alone are selected, else of each build beside others of its user. */
  weight?: number;
  class?: BuildClass;
  /** Slots that all of them may have together. */
  max?: number;
  /** Slots that each may have. */
  buildMax?: number;
}

/** What a build is selected by. */
export interface RuleFacts {
  uid: number;
  /** The groups of the process that it began with. */
  groups: readonly number[];
  label: string;
  /** The path of its control group, empty when it is not known. */
  cgroup: string;
}

/** What rules say of a build; undefined: nothing. */
export interface Ruling {
  weight: number | undefined;
  /** Of its user beside other users. */
  userWeight: number | undefined;
  class: BuildClass | undefined;
  buildMax: number | undefined;
  /** The rules whose `max` counts for it. */
  caps: readonly string[];
}

/** Of each thing that can be said, the first rule that says it counts; but for `max`, which counts in every one. */
export function matchRules(facts: RuleFacts, rules: readonly Rule[]): Ruling {
  const matching = rules.filter((rule) => isMeant(facts, rule));
  return {
    weight: matching.find((rule) => rule.weight !== undefined && !isOfUsers(rule))?.weight,
    userWeight: matching.find((rule) => rule.weight !== undefined && isOfUsers(rule))?.weight,
    class: matching.find((rule) => rule.class !== undefined)?.class,
    buildMax: matching.find((rule) => rule.buildMax !== undefined)?.buildMax,
    caps: matching.filter(({ max }) => max !== undefined).map(({ name }) => name),
  };
}

const isOfUsers = ({ label, cgroup }: Rule): boolean => label === undefined && cgroup === undefined;

function isMeant({ uid, groups, label, cgroup }: RuleFacts, rule: Rule): boolean {
  if (rule.user !== undefined && rule.user !== uid) return false;
  if (rule.group !== undefined && !groups.includes(rule.group)) return false;
  if (rule.label !== undefined && !fits(rule.label, label)) return false;
  return rule.cgroup === undefined || fits(rule.cgroup, cgroup);
}
