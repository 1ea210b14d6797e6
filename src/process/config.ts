// Reading `stint serve --config FILE`: TOML, checked key by key. An error names the file, the line, the key, what stands there
// and what is allowed. Loading this takes some 100 ms, so only that verb does it, and only with that option.
import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { reason, StintError } from '../errors.ts';
import { type Problem, problemsOf, settingsIn } from './config/problems.ts';
import { FILE, type Rules } from './config/schema.ts';
import { type Config, DEFAULTS, defaultGroup } from './defaults.ts';
import { groupId, userId } from './groups.ts';
import type { Rule } from './rules.ts';

/** @throws StintError when the file cannot be read, is no TOML, or says what is not allowed: the first thing in it */
export function readConfig(path: string): Config {
  const { table, problems } = examine(path);
  const [first, second] = problems;
  if (first === undefined) return configOf(table);
  const { hint = second && `there is more: stint config check ${path}` } = first;
  throw new StintError(first.message, hint === undefined ? {} : { hint });
}

/** All that is wrong with a file, in its order: what `readConfig` would say of each. @throws StintError when it cannot be read */
export const checkConfig = (path: string): Problem[] => examine(path).problems;

function examine(path: string): { table: Record<string, unknown>; problems: Problem[] } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StintError(`cannot read ${path}: ${reason(error)}`, { cause: error });
  }
  try {
    const table = parse(text);
    const problems = problemsOf(table, text);
    return { table, problems: problems.map((one) => ({ ...one, message: `${placeOf(path, one)}: ${one.message}` })) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = (error.message.split('\n', 1)[0] as string).replace('Invalid TOML document: ', '');
    const message = `${path}:${error.line}:${error.column}: not TOML: ${why}`;
    return { table: {}, problems: [{ message, line: error.line }] };
  }
}

const placeOf = (path: string, { line }: Problem): string => (line === undefined ? path : `${path}:${line}`);

/** What a table says in which nothing is wrong. */
function configOf(table: Record<string, unknown>): Config {
  const { mount, device, mode, on_term, stop_timeout, state, client, rule = [], group, api_group } = FILE.parse(table);
  const gid = group === undefined ? defaultGroup() : (groupId(String(group)) as number);
  return {
    settings: settingsIn(table),
    rules: rule.map(ruleOf),
    state,
    mount,
    device,
    mode: mode === undefined ? DEFAULTS.mode : Number.parseInt(mode, 8),
    group: gid,
    apiGroup: api_group === undefined ? gid : (groupId(String(api_group)) as number),
    onTerm: on_term ?? DEFAULTS.onTerm,
    stopTimeout: stop_timeout ?? DEFAULTS.stopTimeout,
    clients: client ?? DEFAULTS.clients,
  };
}

function ruleOf({ user, group, build_max, ...rest }: Rules[number], at: number): Rule {
  const { label, cgroup } = rest;
  const selects = Object.entries({ user, group, label, cgroup }).filter(([, value]) => value !== undefined);
  return {
    name: `rule ${at + 1} (${selects.map(([key, value]) => `${key} ${value}`).join(', ')})`,
    ...(user !== undefined && { user: userId(String(user)) as number }),
    ...(group !== undefined && { group: groupId(String(group)) as number }),
    ...rest,
    ...(build_max !== undefined && { buildMax: build_max }),
  };
}
