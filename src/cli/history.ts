// `stint history`: the builds of the past.
import { userInfo } from 'node:os';
import type { PastBuild, PastList } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';
import { age, columns } from './status.ts';
import { printable } from './term/width.ts';
import { HISTORY } from './verbs/history.ts';

export async function history(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, HISTORY.options, 'history');
  if (options.has('help')) return showHelp(HISTORY);
  if (operands.length > 0) throw new StintError(`history: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const limit = wholeNumber(options, 'limit', { min: 1, max: 1000, exit: EXIT.USAGE }) ?? 20;
  const query = new URLSearchParams({ limit: String(limit) });
  const label = options.get('label');
  if (label !== undefined) query.set('label', label);
  if (options.has('mine')) query.set('user', ownName());
  const runtime = findRuntime(process.env, { user: options.has('user') });
  const found = await question<PastList>(runtime, 'GET', `/history?${query}`);
  return print(options.has('json') ? `${JSON.stringify(found, undefined, 2)}\n` : table(found.builds));
}

/** As the daemon has it: the number where there is no name. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

/** The list for people. */
export function table(builds: readonly PastBuild[]): string {
  if (builds.length === 0) return 'no builds\n';
  const rows = builds.map(
    ({ id, ended, since, waitedSeconds, slotSeconds, peak, peakMemory, exit = '-', user, label }) => [
      String(id),
      localTime(ended),
      took(ended - since),
      took(waitedSeconds * 1000),
      slotSeconds.toFixed(1),
      String(peak),
      peakMemory === undefined ? '-' : bytes(peakMemory),
      String(exit),
      user,
      printable(label),
    ],
  );
  return columns([['BUILD', 'ENDED', 'TOOK', 'WAITED', 'SLOT-S', 'PEAK', 'MEMORY', 'EXIT', 'USER', 'LABEL'], ...rows]);
}

/** `2026-11-25 14:02`, where the reader is. */
function localTime(time: number): string {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Short ones to the tenth of a second. */
const took = (ms: number): string => (ms < 60_000 ? `${(ms / 1000).toFixed(1)}s` : age(ms));

function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const at = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 1024 ** at).toFixed(at === 0 ? 0 : 1)} ${units[at]}`;
}
