// The Python that the tests run in, and what is installed for it: asked there, never guessed from here.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StintError } from '../../errors.ts';
import { PYTHON } from '../../paths.ts';

/** An entry point of the group pytest11. */
export interface EntryPoint {
  /** The distribution that has it, as it writes its name. */
  distribution: string;
  name: string;
  /** A module, or an object in one. */
  value: string;
}

export interface Target {
  /** Its path. */
  python: string;
  /** As Gentoo calls it: `python3.11`, `pypy3`. */
  implementation: string;
  /** Of all distributions, by normalized name. */
  versions: Readonly<Record<string, string>>;
  /** In the order in which Python finds them. */
  entryPoints: readonly EntryPoint[];
  /** Whether the module hypothesis_gentoo can be imported. */
  hypothesisGentoo: boolean;
}

/** How long it may take to answer, milliseconds. */
const PATIENCE = 60_000;

/**
 * Asks the interpreter `python`, as it would start in this directory with this environment.
 * @throws StintError when it cannot be started, or answers something else
 */
export function askTarget(python: string, verb = 'test'): Target {
  const probe = readFileSync(join(PYTHON, 'probe.py'), 'utf8');
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', probe], {
    encoding: 'utf8',
    timeout: PATIENCE,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined || status !== 0) {
    const why = error === undefined ? stderr.trim().split('\n').at(-1) : error.message.replace(/^spawnSync \S+ /, '');
    throw new StintError(`${verb}: cannot use the Python '${python}': ${why || `exit code ${status}`}`, {
      hint: 'name one that has pytest: --python PYTHON',
      cause: error,
    });
  }
  return JSON.parse(stdout) as Target;
}

/** Names of distributions are the same whatever their case is, and whether they have -, _ or `.` in them. */
export const normalized = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, '-');

/** Whether the target has version `wanted` of a distribution, or a later one. */
export function has(target: Target, distribution: string, wanted: string): boolean {
  const there = target.versions[distribution];
  return there !== undefined && compare(there, wanted) >= 0;
}

/** Compares the numbers of two versions; a pre-release counts as its release. */
function compare(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => (/^(?:\d+!)?([\d.]+)/.exec(text)?.[1] ?? '0').split('.').map(Number));
  for (let i = 0; i < Math.max(a?.length ?? 0, b?.length ?? 0); i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
