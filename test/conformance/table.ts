// The matrix as a table of Markdown, and its place in a page between two comments.
import { SIGNALS } from './checks.ts';
import type { Row } from './matrix.ts';

const BEGIN = '<!-- conformance: written by `node test/conformance/run.ts --write` -->';
const END = '<!-- /conformance -->';

/** The columns that name a row. */
export const KEYS = ['client', 'style', 'node'] as const;
const HEAD = [...KEYS, 'with free slots', ...SIGNALS, 'with no slot', 'late slots are used'];
/** Sooner than this is at once, milliseconds. */
const AT_ONCE = 150;

export function table(rows: readonly Row[]): string {
  return [HEAD, HEAD.map(() => '---'), ...rows.map(cells)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** `page` with the table between its two comments. @throws Error when it has none */
export function publish(page: string, rows: readonly Row[]): string {
  const { before, after } = parts(page);
  return `${before}${BEGIN}\n\n${table(rows)}\n\n${END}${after}`;
}

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
    `\`${style}\``,
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
  return empty.verdict === 'waits' ? 'waits' : 'ignores the pool';
}

function lateCell(late: Row['late']): string {
  if (late === undefined) return '–';
  if (late === null) return 'never';
  return late < AT_ONCE ? 'at once' : `after ${(late / 1000).toFixed(1)} s`;
}
