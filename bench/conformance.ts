// Writes the table of docs/conformance.md: what `stint conformance` says of stint's kinds of node, of its device in a virtual
// machine, of a plain FIFO, and of a minimal server on libfuse (reference/fuse-server.c), one column each.
//   node bench/conformance.ts [NAME]...          all of them, or those whose name holds one of the NAMEs
//   node bench/conformance.ts --add NAME=FILE    a column from what `stint conformance --json` has said elsewhere
// Columns that are not made stay as they are.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Report } from '../src/conformance/kit.ts';
import { formatRatio, formatValue } from '../src/conformance/table.ts';
import { type Place, STINT } from '../test/helpers/pool.ts';
import { until } from '../test/helpers/until.ts';
import { noVm } from '../test/vm/vm.ts';
import { reportsOfDevice } from './helpers/device-kit.ts';
import { compile, fuseFlags, openNode } from './helpers/mounts.ts';
import { plainFifo, withEnds, withPlace } from './helpers/pool.ts';

const PAGE = join(import.meta.dirname, '../docs/conformance.md');
const BEGIN = '<!-- written by `node bench/conformance.ts` -->';
const END = '<!-- /written -->';

/** Slots that can be taken. */
const SLOTS = 4;
/** Stands where a column has nothing to say. */
const NOTHING = '–';
/** How long the kit may take, milliseconds. */
const PATIENCE = 900_000;

/** A column: by the title of its row, what stands there. */
type Column = ReadonlyMap<string, string>;

/** What is measured, in the order of the table; others come behind. */
export const COLUMNS: Readonly<Record<string, (place: Place) => Promise<Report>>> = {
  'stint, file node': (place) => ofServer(place, stint, ['--as', 'make']),
  'stint, device': ofDevice,
  'stint, pipe node': (place) => ofServer(place, stint, []),
  "stint, a user's FIFO": ofUser,
  'plain FIFO': ofFifo,
  'minimal FUSE server': (place) => ofServer(place, reference, []),
};

/** `page` with `columns` in its table, in the place of those of the same name. @throws Error when it has no such table */
export function publish(page: string, columns: ReadonlyMap<string, Column>): string {
  const all = new Map([...published(page), ...columns]);
  const known = Object.keys(COLUMNS);
  const rank = (name: string) => (known.includes(name) ? known.indexOf(name) : known.length);
  const names = [...all.keys()].sort((a, b) => rank(a) - rank(b));
  const titles = [...new Set(names.flatMap((name) => [...(all.get(name)?.keys() ?? [])]))];
  const rows = titles.map((title) => [title, ...names.map((name) => all.get(name)?.get(title) ?? NOTHING)]);
  const lines = [['', ...names], ['', ...names].map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  const { before, after } = parts(page);
  return `${before}${BEGIN}\n\n${lines.join('\n')}\n\n${END}${after}`;
}

/** The table of `page`, by column. */
export function published(page: string): Map<string, Column> {
  const lines = parts(page).table.split('\n');
  const rows = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1));
  const [[, ...names] = [], , ...cells] = rows.map((row) => row.map((cell) => cell.trim()));
  const column = (n: number) => cells.map(([title = '', ...row]): [string, string] => [title, row[n] ?? NOTHING]);
  return new Map(names.map((name, n) => [name, new Map(column(n).filter(([, cell]) => cell !== NOTHING))]));
}

/** What stands of a report in its column. */
export function columnOf({ checks, figures, clients }: Report): Column {
  return new Map([
    ...checks.map(({ title, required, passed, found }): [string, string] => [
      required ? title : `*${title}*`,
      passed ? 'yes' : `no${found === undefined ? '' : `: ${found}`}`,
    ]),
    ...figures.map(({ title, unit, value, ratio }): [string, string] => [
      `${unit === 'share' ? title : `${title}, ${unit}`}${ratio === undefined ? '' : ', and for one of a plain FIFO'}`,
      `${formatValue(value, unit)}${ratio === undefined ? '' : `, ${formatRatio(ratio)}`}`,
    ]),
    ...clients.map(({ client, style, verdict, killed }): [string, string] => [
      `${client}, \`${style}\`, and what it loses when it is killed`,
      verdict === 'ok' ? `ok, ${killed.lost} of ${killed.held}` : verdict,
    ]),
  ]);
}

function parts(page: string): { before: string; table: string; after: string } {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`the page has no ${BEGIN} with an ${END}`);
  return { before: page.slice(0, from), table: page.slice(from, to), after: page.slice(to + END.length) };
}

/** Of stint's slots the kit's own job has one. */
const stint = (dir: string): string[] => [STINT, 'serve', '--strict', '--mount', dir, '--jobs', String(SLOTS + 1)];

const reference = (dir: string): string[] => [
  compile('reference/fuse-server.c', ...fuseFlags().split(' ')),
  dir,
  String(SLOTS),
];

async function ofServer(place: Place, server: (dir: string) => string[], more: readonly string[]): Promise<Report> {
  const node = await openNode(place, server, SLOTS);
  try {
    return await examine(place, node.path, more);
  } finally {
    await node.close();
  }
}

/** It does not use its place: what it has is in a virtual machine. */
async function ofDevice(): Promise<Report> {
  const lack = noVm();
  if (lack !== false) throw new Error(lack);
  return (await withEnds((t) => reportsOfDevice(t, SLOTS, 'whole'))).device;
}

async function ofUser(place: Place): Promise<Report> {
  place.start(['serve', '--user', '--strict', '--jobs', String(SLOTS + 1)], { deadline: PATIENCE });
  await until('the daemon serves', () => place.daemonPid());
  const kit = `exec "$0" conformance --path "$STINT_FIFO" --slots ${SLOTS} --json`;
  return told(place, ['run', '--user', '--style', 'fifo', '--', 'sh', '-c', kit, STINT]);
}

async function ofFifo(place: Place): Promise<Report> {
  const fifo = plainFifo(SLOTS);
  try {
    return await examine(place, fifo.path);
  } finally {
    fifo.close();
  }
}

const examine = (place: Place, path: string, more: readonly string[] = []): Promise<Report> =>
  told(place, ['conformance', '--path', path, '--slots', String(SLOTS), '--json', ...more]);

/** What the kit says when `stint` is run with `args`. */
async function told(place: Place, args: readonly string[]): Promise<Report> {
  const { stdout, stderr } = await place.stint(args, { env: { PATH: process.env.PATH }, deadline: PATIENCE });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { add: { type: 'string' } },
    allowPositionals: true,
  });
  const write = (name: string, report: Report) =>
    writeFileSync(PAGE, publish(readFileSync(PAGE, 'utf8'), new Map([[name, columnOf(report)]])));
  if (values.add !== undefined) {
    const [name = '', file = ''] = values.add.split('=');
    write(name, JSON.parse(readFileSync(file, 'utf8')) as Report);
    return;
  }
  for (const [name, make] of Object.entries(COLUMNS)) {
    if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
    process.stdout.write(`${name}\n`);
    write(name, await withPlace(make));
  }
}

if (import.meta.main) await main();
