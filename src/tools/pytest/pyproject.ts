// What `[tool.stint.test]` in pyproject.toml asks for.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'smol-toml';
import { EXIT, nearest, StintError } from '../../errors.ts';
import type { Asked } from './settings.ts';

type Check = (value: unknown) => boolean;

const strings: Check = (value) => Array.isArray(value) && value.every((word) => typeof word === 'string');
const flag: Check = (value) => typeof value === 'boolean';
const whole =
  (min: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min;

/** The keys, whose they are, and what their values must be. */
const KEYS: Record<string, { asked: keyof Asked; check: Check; must: string }> = {
  plugins: { asked: 'plugins', check: strings, must: 'a list of strings' },
  autoload: { asked: 'autoload', check: flag, must: 'true or false' },
  'load-via-env': { asked: 'loadViaEnv', check: flag, must: 'true or false' },
  reruns: { asked: 'reruns', check: whole(0), must: 'a whole number' },
  timeout: {
    asked: 'timeout',
    check: (value) => typeof value === 'number' && value > 0,
    must: 'a number of seconds above 0',
  },
  xdist: { asked: 'xdist', check: flag, must: 'true or false' },
  jobs: { asked: 'jobs', check: whole(1), must: 'a whole number from 1 on' },
  deselect: { asked: 'deselect', check: strings, must: 'a list of strings' },
  ignore: { asked: 'ignore', check: strings, must: 'a list of strings' },
  flags: { asked: 'flags', check: strings, must: 'a list of strings' },
};

/** The nearest pyproject.toml at `folder` or above it. */
export function findPyproject(folder: string): string | undefined {
  const path = join(folder, 'pyproject.toml');
  if (existsSync(path)) return path;
  const above = dirname(folder);
  return above === folder ? undefined : findPyproject(above);
}

/** @throws StintError naming the key and what it must be */
export function readPyproject(path: string): Asked {
  let whole: unknown;
  try {
    whole = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new StintError(`${path}: ${(error as Error).message.split('\n')[0]}`, { exit: EXIT.USAGE, cause: error });
  }
  const { tool } = whole as { tool?: { stint?: { test?: unknown } } };
  const table = tool?.stint?.test;
  if (table === undefined) return {};
  const fail = (what: string, hint?: string) =>
    new StintError(`${path}: tool.stint.test${what}`, { exit: EXIT.USAGE, ...(hint !== undefined && { hint }) });
  if (typeof table !== 'object' || table === null || Array.isArray(table)) throw fail(' must be a table');
  const asked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(table)) {
    const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
    if (key === undefined) {
      const guess = nearest(name, Object.keys(KEYS));
      throw fail(`.${name} is not known`, guess === undefined ? undefined : `did you mean ${guess}?`);
    }
    if (!key.check(value)) throw fail(`.${name} must be ${key.must}, not ${JSON.stringify(value)}`);
    asked[key.asked] = typeof value === 'number' && key.asked !== 'jobs' ? String(value) : value;
  }
  return asked as Asked;
}
