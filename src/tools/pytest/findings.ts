// Pure: reports of one or more runs, and the tests that there are → which tests fail, which only sometimes, and what could not be read.

import { addressOf } from './ids.ts';
import type { Case, Report } from './junit.ts';

export interface Findings {
  /** Ids of tests that failed in every run of some interpreter. */
  failed: Set<string>;
  /** Those that failed in some runs of an interpreter, and passed in others. */
  flaky: Set<string>;
  /** Blamed for the end of a worker, and for nothing else. */
  crashed: Set<string>;
  /** Dotted names of modules that could not be imported. */
  broken: Set<string>;
  /** Reports in which tests are that are not there any more, and how many. */
  unknown: Map<string, number>;
  /** How many tests have passed, or were skipped. */
  sound: number;
  /** Reports of runs that ended before the first test. */
  interrupted: string[];
}

/** `ids`: the tests that there are; undefined when nobody has looked, and ids are made from what reports say. */
export function findIn(reports: readonly Report[], ids: readonly string[] | undefined): Findings {
  const byAddress = ids && new Map(ids.map((id) => [key(addressOf(id)), id]));
  const found: Findings = {
    failed: new Set(),
    flaky: new Set(),
    crashed: new Set(),
    broken: new Set(),
    unknown: new Map(),
    sound: 0,
    interrupted: [],
  };
  const passed = new Set<string>();
  /** By test and interpreter: how the runs ended. */
  const outcomes = new Map<string, Map<string, Case['outcome'][]>>();
  for (const { path, implementation, cases } of reports) {
    /** A test may have two cases: of itself, and of what failed after it. */
    const inThis = new Map<string, Case['outcome']>();
    let broken = 0;
    for (const one of cases) {
      if (one.classname === '' && one.outcome === 'failed') {
        found.broken.add(one.name);
        broken++;
        continue;
      }
      const id = byAddress === undefined ? idOf(one) : byAddress.get(key(one));
      if (id === undefined) found.unknown.set(path, (found.unknown.get(path) ?? 0) + 1);
      else inThis.set(id, worse(inThis.get(id), one.outcome));
    }
    if (broken > 0 && broken === cases.length) found.interrupted.push(path);
    for (const [id, outcome] of inThis) {
      const runs = outcomes.get(id) ?? new Map<string, Case['outcome'][]>();
      outcomes.set(id, runs.set(implementation, [...(runs.get(implementation) ?? []), outcome]));
    }
  }
  for (const [id, runs] of outcomes) {
    const all = [...runs.values()];
    const bad = (outcome: Case['outcome']) => outcome === 'failed' || outcome === 'crash';
    if (!all.flat().some(bad)) passed.add(id);
    else if (!all.flat().includes('failed')) found.crashed.add(id);
    else if (all.some((those) => those.every(bad))) found.failed.add(id);
    else found.flaky.add(id);
  }
  found.sound = passed.size;
  return found;
}

const key = ({ classname, name }: { classname: string; name: string }) => `${classname}\0${name}`;

const ORDER: readonly Case['outcome'][] = ['skipped', 'passed', 'crash', 'failed'];
const worse = (one: Case['outcome'] | undefined, other: Case['outcome']): Case['outcome'] =>
  one !== undefined && ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other;

/**
 * The id of a case by what its report says. The file of an inherited test is the one that defines it, not the one that ran it: then the module is
 * taken from the classname, up to the first part that begins with a capital letter.
 */
function idOf({ classname, name, file }: Case): string {
  const dotted = file?.replace(/\.py$/, '').replaceAll('/', '.');
  if (file !== undefined && dotted !== undefined && (classname === dotted || classname.startsWith(`${dotted}.`))) {
    const classes = classname
      .slice(dotted.length + 1)
      .split('.')
      .filter(Boolean);
    return [file, ...classes, name].join('::');
  }
  const parts = classname.split('.');
  const at = parts.findIndex((part) => /^[A-Z]/.test(part));
  const module = at === -1 ? parts : parts.slice(0, at);
  return [`${module.join('/')}.py`, ...(at === -1 ? [] : parts.slice(at)), name].join('::');
}
