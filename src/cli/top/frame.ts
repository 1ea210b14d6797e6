// The whole picture of `stint top` for a screen of some size. Pure, but for what it notes of the table's scrolling in the view.
import type { Status } from '../../api/schema.ts';
import { age, plural, remark } from '../status.ts';
import type { Paint } from '../term/paint.ts';
import { type Line, type Size, type Span, textOf } from '../term/screen.ts';
import { clip, columnsOf, fit, printable, widthOf } from '../term/width.ts';
import { bar, legend, partsOf } from './bar.ts';
import { helpLines, KEYS } from './help.ts';
import { buildRow, bytes, clientRows, count, head, tableFor } from './table.ts';
import { type Prompt, selectedBuild, shownBuilds, type View } from './view.ts';

/** On fewer rows than this what explains the bar is left out. */
const LOW = 8;
/** From so many rows on, one is for all there is to say of the chosen build. */
const TALL = 14;

export function frame(view: View, size: Size, paint: Paint): Line[] {
  const lines = picture(view, size, paint);
  return paint.unicode ? lines : lines.map((line) => line.map(ascii));
}

function picture(view: View, { columns, rows }: Size, paint: Paint): Line[] {
  if (view.help) return lastRow(helpLines(paint.glyphs, columns), footer(view, columns), rows);
  const { status } = view;
  const lines = [title(view, columns)];
  if (status !== undefined) {
    const parts = partsOf(status);
    lines.push(bar(parts, columns, paint.glyphs));
    if (rows >= LOW)
      lines.push(legend(status, parts, columns, paint.glyphs), [reason(status, view, columns, paint)], []);
  } else if (view.trouble !== undefined) lines.push([], [clip(view.trouble, columns), '']);
  const detailed = rows >= TALL && status !== undefined;
  const left = rows - lines.length - (detailed ? 4 : 2);
  if (status !== undefined && left > 0) lines.push(...table(view, columns, left, paint));
  const last = footer(view, columns);
  return detailed
    ? lastRow(lastRow(lines, details(view, columns, paint), rows - 1), last, rows)
    : lastRow(lines, last, rows);
}

/** `lines`, and another one in the last row. */
function lastRow(lines: Line[], last: Line, rows: number): Line[] {
  const above = lines.slice(0, Math.max(0, rows - 1));
  while (above.length < rows - 1) above.push([]);
  return [...above, last];
}

function title({ status, now, trouble }: View, columns: number): Line {
  const clock = new Date(now).toTimeString().slice(0, 8);
  const name = 'stint';
  if (status === undefined) return [[name, '1'], ' '.repeat(Math.max(1, columns - name.length - clock.length)), clock];
  const { builds, daemon } = status;
  const waits = builds.filter(({ waiting }) => waiting > 0).length;
  const facts = [
    daemon.mode === 'system' ? `the machine's pool` : "a user's pool",
    `${builds.length} ${plural(builds.length, 'build')}${waits > 0 ? `, ${waits} ${waits === 1 ? 'waits' : 'wait'}` : ''}`,
    `up ${age(now - daemon.since)}`,
  ];
  const room = columns - name.length - 2 - clock.length - 1;
  if (trouble !== undefined) return [[name, '1'], '  ', [fit(trouble, room), '31;1'], ' ', clock];
  while (facts.length > 1 && widthOf(facts.join('  ')) > room) facts.pop();
  return [[name, '1'], '  ', fit(facts.join('  '), room), ' ', clock];
}

/** Why slots are not given, in one row. */
function reason(
  { capacity, limit, limits = [], waiting, free, with: lent = [] }: Status,
  view: View,
  columns: number,
  paint: Paint,
): Span {
  const [least, ...more] = limits;
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  const [first] = lent.filter(({ slots }) => slots !== undefined);
  const words =
    least !== undefined
      ? `limit ${limit} of ${capacity}: ${least.reason}${others}`
      : first !== undefined
        ? `${first.slots} ${plural(first.slots ?? 0, 'slot')} while this runs: ${first.label}`
        : waiting > 0 && free <= 0
          ? 'all slots are out: who waits gets what comes back'
          : 'nothing limits the pool';
  const look = view.trouble !== undefined || (least === undefined && first === undefined) ? '2' : '33';
  return [clip(printable(words), columns, paint.glyphs.ellipsis), look];
}

function table(view: View, columns: number, room: number, paint: Paint): Line[] {
  const builds = shownBuilds(view);
  const chosen = selectedBuild(view);
  const layout = tableFor(view, columns, paint.glyphs);
  const lines: Line[] = [head(layout, view, columns, paint.glyphs)];
  if (builds.length === 0) {
    const none = view.filter === '' ? 'no builds' : `no build has '${view.filter}' in it`;
    return [...lines, [[clip(printable(`  ${none}`), columns), '2']]];
  }
  view.room = room;
  view.scroll = scrolled(
    view,
    builds.map(({ id, clients }) => ({ id, rows: rowsOf(view, id, clients?.length) })),
    room,
  );
  let row = 0;
  for (const build of builds) {
    const end = row + rowsOf(view, build.id, build.clients?.length);
    if (end > view.scroll && row < view.scroll + room) {
      const own = [buildRow(build, layout, { selected: build.id === chosen?.id, glyphs: paint.glyphs })];
      if (view.expanded.has(build.id)) own.push(...clientRows(build, columns, paint.glyphs));
      lines.push(...own.slice(Math.max(0, view.scroll - row), view.scroll + room - row));
    }
    row = end;
  }
  return lines;
}

/** Rows that a build takes. */
const rowsOf = ({ expanded }: View, id: number, clients: number | undefined): number =>
  expanded.has(id) ? 1 + Math.max(1, clients ?? 0) : 1;

/** The first row to show, such that the selected build is to be seen. */
function scrolled(view: View, builds: readonly { id: number; rows: number }[], room: number): number {
  const chosen = selectedBuild(view)?.id;
  let before = 0;
  let own = 0;
  let all = 0;
  for (const { id, rows } of builds) {
    if (id === chosen) {
      before = all;
      own = rows;
    }
    all += rows;
  }
  const least = before + Math.min(own, room) - room;
  return Math.max(0, Math.min(Math.max(view.scroll, least), before, Math.max(0, all - room)));
}

/** The chosen build without the table's bounds. */
function details(view: View, columns: number, { glyphs }: Paint): Line {
  const build = selectedBuild(view);
  if (build === undefined) return [];
  const { id, label, cwd, rootPid, slotSeconds, peakMemory } = build;
  const where = [...(rootPid > 0 ? [`pid ${rootPid}`] : []), ...(cwd === '' ? [] : [`in ${cwd}`])].join(' ');
  const had = [
    `${count(slotSeconds)} slot-seconds`,
    ...(peakMemory === undefined ? [] : [`peak ${bytes(peakMemory)}`]),
  ];
  const words = `build ${id}: ${label}${remark(build)}  ${had.join(', ')}  ${where}`;
  return [[clip(printable(words), columns, glyphs.ellipsis), '2']];
}

const ascii = (span: Span): Span => (typeof span === 'string' ? plain(span) : [plain(span[0]), span[1]]);

const plain = (text: string): string => text.replace(/[^ -~]/gu, (char) => '?'.repeat(columnsOf(char)));

function footer(view: View, columns: number): Line {
  if (view.prompt !== undefined) return [[clip(printable(question(view.prompt, view)), columns), '1']];
  if (view.message !== undefined) return [[clip(printable(view.message), columns), '1']];
  if (view.help) return [['any key goes back', '2']];
  const spans: Span[] = [];
  if (view.filter !== '') spans.push([clip(printable(`only '${view.filter}'  `), columns), '33']);
  for (const [key, what] of KEYS) {
    if (what === undefined) continue;
    const next: Span[] = [
      [key, '1'],
      [` ${what}  `, '2'],
    ];
    if (widthOf(textOf([...spans, ...next])) > columns + 2) break;
    spans.push(...next);
  }
  return spans;
}

function question(prompt: Prompt, { status }: View): string {
  if (prompt.ask === 'filter') return `show only builds with: ${prompt.text}_`;
  const build = status?.builds.find(({ id }) => id === prompt.id);
  const name = `build ${prompt.id}${build === undefined ? ' (it is over)' : ''}`;
  if (prompt.ask === 'weight') return `weight of ${name}, 0.01 to 1000, now ${build?.weight ?? '-'}: ${prompt.text}_`;
  if (prompt.ask === 'class')
    return `class of ${name}, now ${build?.class ?? '-'}: (i)nteractive (n)ormal (b)ackground?`;
  return `take back what nobody can return of ${name}: ${build?.stranded ?? 0} ${plural(build?.stranded ?? 0, 'slot')} (y/n)?`;
}
