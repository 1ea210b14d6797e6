// Reading `stint serve --config FILE`: TOML, checked key by key. An error names the file, the line, the key, what stands there
// and what is allowed. Loading this takes some 100 ms, so only that verb does it, and only with that option.
import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import * as z from 'zod/mini';
import { nearest, reason, StintError } from '../errors.ts';
import { type Config, DEFAULTS, defaultGroup } from './defaults.ts';
import { groupId, groupNames } from './groups.ts';
import { lineOf } from './toml-lines.ts';

/** A socket's path has at most 107 bytes (unix(7)), and the longest in the directory is /api.sock. */
const MAX_MOUNT = 107 - '/api.sock'.length;

const JOBS = 'a whole number from 1 to 4096';
const MOUNT = `an absolute path of at most ${MAX_MOUNT} bytes, without white space, \\, $, empty parts, . and ..`;
const MODE = 'an octal string that lets read and write, from "0600" to "0666"';
const GROUP = 'the name or the number of a group';
const TIMEOUT = 'a whole number of seconds from 0 to 86400';
const PROGRAM = "a program's name of 1 to 255 characters without /; * and ? stand for others";

/** The words of each error say what is allowed. */
const group = z.union([z.string(GROUP).check(z.minLength(1, GROUP)), z.int(GROUP).check(z.minimum(0, GROUP))], GROUP);
const CLIENT = z.strictObject(
  {
    program: z.string(PROGRAM).check(z.regex(/^[^/\p{Cc}]{1,255}$/u, PROGRAM)),
    node: z.enum(['file', 'pipe', 'split'], '"file", "pipe" or "split"'),
    implicit: z.exactOptional(z.boolean('true or false')),
  },
  'a table [[client]]',
);
const FILE = z.strictObject({
  jobs: z.optional(z.int(JOBS).check(z.minimum(1, JOBS), z.maximum(4096, JOBS))),
  mount: z.optional(z.string(MOUNT).check(z.refine(isMountable, MOUNT))),
  mode: z.optional(z.string(MODE).check(z.regex(/^0?6[0246]{2}$/, MODE))),
  group: z.optional(group),
  api_group: z.optional(group),
  on_term: z.optional(z.enum(['wait', 'now'], '"wait" or "now"')),
  stop_timeout: z.optional(z.int(TIMEOUT).check(z.minimum(0, TIMEOUT), z.maximum(86_400, TIMEOUT))),
  client: z.optional(z.array(CLIENT, 'tables [[client]]')),
});

/** The keys that may stand in a configuration: of the whole, and of a `[[client]]`. */
export const KEYS = { file: Object.keys(FILE.shape), client: Object.keys(CLIENT.shape) } as const;

type Key = PropertyKey;

/** @throws StintError when the file cannot be read, is no TOML, or says what is not allowed */
export function readConfig(path: string): Config {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StintError(`cannot read ${path}: ${reason(error)}`, { cause: error });
  }
  return parseConfig(text, path);
}

function parseConfig(text: string, path: string): Config {
  const table = parseToml(text, path);
  const problem = problemOf(table, path, text);
  if (problem !== undefined) throw problem;
  const { jobs, mount, mode, on_term, stop_timeout, client, ...groups } = z.parse(FILE, table);
  const groupOf = (key: 'group' | 'api_group'): number | undefined => {
    const wanted = groups[key];
    if (wanted === undefined) return undefined;
    const id = groupId(String(wanted));
    if (id !== undefined) return id;
    const guess = nearest(String(wanted), groupNames());
    throw new StintError(`${place(text, path, [key])}: ${key} is ${shown(wanted)}, but there is no such group`, {
      ...(guess !== undefined && { hint: `did you mean ${shown(guess)}?` }),
    });
  };
  const gid = groupOf('group') ?? defaultGroup();
  return {
    jobs,
    mount,
    mode: mode === undefined ? DEFAULTS.mode : Number.parseInt(mode, 8),
    group: gid,
    apiGroup: groupOf('api_group') ?? gid,
    onTerm: on_term ?? DEFAULTS.onTerm,
    stopTimeout: stop_timeout ?? DEFAULTS.stopTimeout,
    clients: client ?? DEFAULTS.clients,
  };
}

function parseToml(text: string, path: string): object {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = (error.message.split('\n', 1)[0] as string).replace('Invalid TOML document: ', '');
    throw new StintError(`${path}:${error.line}:${error.column}: not TOML: ${why}`, { cause: error });
  }
}

/** The first thing in the file that is not allowed. */
function problemOf(table: object, path: string, text: string): StintError | undefined {
  const issues = z.safeParse(FILE, table).error?.issues ?? [];
  const found = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key], ...unknown(key, issue.path) }))
      : [{ path: issue.path, ...wrong(issue.path, valueAt(table, issue.path), issue.message) }],
  );
  const lines = found.map((one) => lineOf(text, one.path) ?? 0);
  const first = found[lines.indexOf(Math.min(...lines))];
  if (first === undefined) return undefined;
  const { hint } = first;
  return new StintError(`${place(text, path, first.path)}: ${first.message}`, hint === undefined ? {} : { hint });
}

function wrong(path: readonly Key[], value: unknown, allowed: string): { message: string; hint?: string } {
  const key = String(path.at(-1));
  const name = typeof path.at(-1) === 'number' ? String(path[0]) : key;
  if (value === undefined) return { message: `${name} is missing; it must be ${allowed}` };
  return { message: `${name} is ${shown(value)}; it must be ${allowed}` };
}

function unknown(key: string, path: readonly Key[]): { message: string; hint?: string } {
  const inClient = path.length > 0;
  const [own, other] = inClient ? [KEYS.client, KEYS.file] : [KEYS.file, KEYS.client];
  const message = `unknown key ${key}${inClient ? ' in [[client]]' : ''}; there are ${own.join(', ')}`;
  if (other.includes(key)) {
    return {
      message,
      hint: inClient ? `${key} belongs above the first [[client]]` : `${key} belongs into a [[client]]`,
    };
  }
  const guess = nearest(key, own);
  return guess === undefined ? { message } : { message, hint: `did you mean ${guess}?` };
}

function isMountable(path: string): boolean {
  if (!/^(?:\/[^/\s\\$\p{Cc}]+)+$/u.test(path) || Buffer.byteLength(path) > MAX_MOUNT) return false;
  return !path.split('/').some((part) => part === '.' || part === '..');
}

const valueAt = (table: unknown, path: readonly Key[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<Key, unknown> | undefined)?.[key], table);

/** As it would stand in the file, or nearly so, and not too long. */
function shown(value: unknown): string {
  const text =
    value instanceof Date ? value.toISOString() : typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function place(text: string, path: string, key: readonly Key[]): string {
  const line = lineOf(text, key);
  return line === undefined ? path : `${path}:${line}`;
}
