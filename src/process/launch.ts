// What the process was before Node changed it, as bin/stint wrote it down, and the way back. bin/stint's head describes the
// format. Strings here hold one byte per character (latin1), so that arguments and variables pass unchanged.
import { readFileSync } from 'node:fs';

/** The process as it was when bin/stint was started. */
export interface Launch {
  /** Soft limit on open files; undefined: unknown, or unlimited. */
  openFiles: bigint | undefined;
  /** Signals that were ignored, by number. */
  ignored: ReadonlySet<number>;
  /** Signals that were blocked, by number. */
  blocked: ReadonlySet<number>;
  /** Descriptors above 2 that were open. */
  fds: readonly number[];
  /** Those of 0, 1 and 2 that were closed. */
  closed: readonly number[];
}

/** Variables that bin/stint hides from our Node; the user's values stand behind this prefix. */
const USER_PREFIX = 'STINT_USER_';
const SET_BY_LAUNCHER = ['STINT_LAUNCH', 'NODE_COMPILE_CACHE'];

/** Parses `STINT_LAUNCH`; whatever is missing in it is taken to have been as in a plain shell. */
export function parseLaunch(text: string | undefined): Launch {
  const fields = new Map(
    (text ?? '').split(' ').map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  );
  const numbers = (name: string) =>
    (fields.get(name) ?? '')
      .split(',')
      .filter((n) => /^\d+$/.test(n))
      .map(Number);
  const nofile = fields.get('nofile') ?? '';
  return {
    openFiles: /^\d+$/.test(nofile) ? BigInt(nofile) : undefined,
    ignored: signalsOf(fields.get('sigign') ?? ''),
    blocked: signalsOf(fields.get('sigblk') ?? ''),
    fds: numbers('fds'),
    closed: numbers('closed'),
  };
}

/** The environment the command is to get: the one that bin/stint was started with. One `NAME=value` each, byte-exact. */
export function userEnvironment(): string[] {
  const environment: string[] = [];
  for (const entry of readFileSync('/proc/self/environ', 'latin1').split('\0')) {
    if (entry === '' || SET_BY_LAUNCHER.some((name) => entry.startsWith(`${name}=`))) continue;
    environment.push(entry.startsWith(USER_PREFIX) ? entry.slice(USER_PREFIX.length) : entry);
  }
  return environment;
}

/** The last `count` arguments of this process, byte-exact. */
export function rawArguments(count: number): string[] {
  const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0');
  return all.slice(all.length - 1 - count, -1);
}

function signalsOf(mask: string): Set<number> {
  const signals = new Set<number>();
  const bits = /^[0-9a-f]{1,16}$/i.test(mask) ? BigInt(`0x${mask}`) : 0n;
  for (let number = 1; number <= 64; number++) if ((bits >> BigInt(number - 1)) & 1n) signals.add(number);
  return signals;
}
