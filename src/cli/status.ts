// `stint status`: the pool at this moment, for people or as JSON.
import type { BuildStatus, Status, WithStatus } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';
import { printable } from './term/width.ts';
import { STATUS } from './verbs/status.ts';

export async function status(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, STATUS.options, 'status');
  if (options.has('help')) return showHelp(STATUS);
  if (operands.length > 0) throw new StintError(`status: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE });
  const runtime = findRuntime(process.env, { user: options.has('user') });
  const found = await question<Status>(runtime, 'GET', '/status');
  return print(options.has('json') ? `${JSON.stringify(found, undefined, 2)}\n` : table(found, Date.now()));
}

/** The picture for people. `now`: Unix time in milliseconds. */
export function table(found: Status, now: number): string {
  const { capacity, free, builds } = found;
  const pool = `${capacity} ${plural(capacity, 'slot')}: ${capacity - free} used, ${free} free\n`;
  const head = `${degradedLine(found)}${pool}${limitLines(found)}${(found.with ?? []).map((one) => withLine(one, now)).join('')}`;
  if (builds.length === 0) return `${head}no builds\n`;
  const rows = builds.map((build) => [
    String(build.id),
    String(build.implicit + build.held),
    build.waiting > 0 ? 'yes' : '-',
    age(now - build.since),
    String(build.rootPid),
    build.user,
    printable(build.label) + remark(build),
  ]);
  return head + columns([['BUILD', 'SLOTS', 'WAITS', 'AGE', 'PID', 'USER', 'LABEL'], ...rows]);
}

function degradedLine({ degraded }: Status): string {
  return degraded === undefined
    ? ''
    : `DEGRADED: ${printable(degraded)}: slots go to who comes first, and builds are not known\n`;
}

/** What holds slots back; a daemon of an older version does not say. */
function limitLines({ capacity, limits = [] }: Status): string {
  return limits.map(({ slots, reason }) => `limit ${slots} of ${capacity}: ${printable(reason)}\n`).join('');
}

/** A command that has settings of its own. */
function withLine({ id, slots, build, label, pid, user, since, ...terms }: WithStatus, now: number): string {
  const what = [slots === undefined ? undefined : `${slots} ${plural(slots, 'slot')}`, ...termsOf(terms)];
  const whose = build === undefined ? '' : ` for build ${build}`;
  const words = what.filter((word) => word !== undefined).join(', ');
  return `with ${id}: ${words}${whose}: ${printable(label)} (pid ${pid}, ${user}, ${age(now - since)})\n`;
}

const termsOf = ({ class: of, weight }: Pick<WithStatus, 'class' | 'weight'>): string[] => [
  ...(of === undefined ? [] : [of]),
  ...(weight === undefined ? [] : [`weight ${weight}`]),
];

/** What there is to say of a build beside its figures; '' when nothing. */
export function remark(build: BuildStatus): string {
  const remarks: string[] = [];
  if (build.state === 'starting' && build.lease !== undefined)
    remarks.push(`waits for ${build.lease.min} slots: ${printable(build.reason ?? 'it has them now')}`);
  else if (build.state === 'starting') remarks.push(`waits for its first slot${why(build)}`);
  else if (build.waiting > 0) remarks.push(`waits${why(build)}`);
  if (build.state === 'left') remarks.push('its root is gone, something it started is not');
  if (build.lease !== undefined && build.lease.wish < build.implicit) remarks.push(`should have ${build.lease.wish}`);
  const { weight, max, caps = [], class: of } = build;
  remarks.push(...termsOf({ ...(of !== 'normal' && { class: of }), ...(weight !== 1 && { weight }) }));
  if (max !== undefined) remarks.push(`at most ${max}`);
  for (const { name, slots } of caps) remarks.push(`${printable(name)}: at most ${slots} in all`);
  if (build.stranded > 0) remarks.push(`${build.stranded} held by nobody until the build ends`);
  return remarks.length === 0 ? '' : `  (${remarks.join('; ')})`;
}

/** A daemon of an older version does not say of each that waits. */
const why = ({ reason }: BuildStatus): string => (reason === undefined ? '' : `: ${printable(reason)}`);

/** Aligned columns; the last one is left ragged. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ');
  return rows.map((row) => `${line(row)}\n`).join('');
}

/** A duration as people write it: `42s`, `3m12s`, `5h2m`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}

export function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}
