// The matrix as a table of Markdown, and its place in a page between two comments.

import { STYLES } from '../../src/conformance/told.ts';
import { SIGNALS } from './checks.ts';
import { CLIENTS } from './client.ts';
import type { Row } from './matrix.ts';
import { SERVERS } from './servers.ts';

const BEGIN = '<!-- conformance: written by `node test/conformance/run.ts --write` -->';
const END = '<!-- /conformance -->';

/** The columns that name a row. */
const KEYS = ['client', 'style', 'node'] as const;
const HEAD = [...KEYS, 'with free slots', ...SIGNALS, 'with no slot', 'late slots are used'];
/** Sooner than this is at once, milliseconds. */
const AT_ONCE = 150;

export const table = (rows: readonly Row[]): string => format(rows.map(cells));

/**
 * `page` with `rows` in the table between its two comments, in the place of those with the same key; others stay.
 * @throws Error when it has no such comments
 */
export function publish(page: string, rows: readonly Row[]): string {
  const { before, after } = parts(page);
  const all = new Map([...published(page).slice(2), ...rows.map(cells)].map((row) => [keyOf(row).join(), row]));
  const sorted = [...all.values()].sort((a, b) => compare(order(a), order(b)));
  return `${before}${BEGIN}\n\n${format(sorted)}\n\n${END}${after}`;
}

/** The cells that name a row. */
export const keyOf = (row: readonly string[]): string[] => row.slice(0, KEYS.length);

function format(rows: readonly (readonly string[])[]): string {
  return [HEAD, HEAD.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function order(row: readonly string[]): number[] {
  const [title = '', style = '', server = ''] = row;
  return [
    CLIENTS.findIndex((client) => client.title === title),
    Object.keys(SERVERS).indexOf(server),
    STYLES.findIndex((name) => style === styleCell(name)),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, i) => number !== b[i]);
  return at === -1 ? 0 : (a[at] as number) - (b[at] as number);
}

const styleCell = (style: string): string => `\`${style}\``;

/** The cells of the table in `page`, the head first. @throws Error when there is none */
export function published(page: string): string[][] {
  const lines = parts(page)
    .table.split('\n')
    .filter((line) => line.startsWith('|'));
  return lines.map((line) => line.split('|').slice(1, -1)).map((row) => row.map((cell) => cell.trim()));
}

function parts(page: string): { before: string; table: string; after: string } {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`the page has no ${BEGIN} with an ${END}`);
  return { before: page.slice(0, from), table: page.slice(from, to), after: page.slice(to + END.length) };
}

function cells({ title, style, server, use, endings, empty, late }: Row): string[] {
  return [
    title,
    styleCell(style),
    server,
    useCell(use),
    ...SIGNALS.map((signal) => endingCell(endings?.[signal])),
    emptyCell(empty),
    lateCell(late),
  ];
}

function useCell({ verdict, code, peak, lost }: Row['use']): string {
  switch (verdict) {
    case 'ok':
      return 'ok';
    case 'fails':
      return `fails, exit code ${code}`;
    case 'ignores':
      return 'ignores the pool';
    case 'serial':
      return 'takes none, one job at a time';
    case 'exceeds':
      return `${peak} jobs at once`;
    case 'loses':
      return `loses ${lost}`;
  }
}

function endingCell(ending: NonNullable<Row['endings']>['SIGINT'] | undefined): string {
  if (ending === undefined) return '–';
  const { held, lost, ended } = ending;
  return `${lost} of ${held}${ended ? '' : ', goes on'}`;
}

function emptyCell(empty: Row['empty']): string {
  if (empty === undefined) return '–';
  if (empty.verdict === 'serial') return 'one job at a time';
  if (empty.verdict === 'fails') return `fails, exit code ${empty.code}`;
  return empty.verdict === 'waits' ? 'waits' : `${empty.peak} jobs at once`;
}

function lateCell(late: Row['late']): string {
  if (late === undefined) return '–';
  if (late === null) return 'never';
  return late < AT_ONCE ? 'at once' : `after ${(late / 1000).toFixed(1)} s`;
}
