// The builds as a table: which columns there is room for, and the rows, those of the processes of expanded builds among them.
import type { BuildStatus, ClientStatus } from '../../api/schema.ts';
import { age, remark } from '../status.ts';
import type { Glyphs } from '../term/paint.ts';
import type { Line, Span } from '../term/screen.ts';
import { fit, printable, widthOf } from '../term/width.ts';
import { colourOf } from './bar.ts';
import { spark } from './spark.ts';
import { type Order, usedBy, type View } from './view.ts';

interface Column {
  head: string;
  width: number;
  /** What sorting by it is called. */
  order?: Order;
  /** Words stand at the left, figures at the right. */
  left?: true;
  text(build: BuildStatus): string;
  look?(build: BuildStatus): string;
}

export interface Table {
  columns: readonly Column[];
  /** Columns left for the label. */
  label: number;
}

/** The label has at least so many columns before there is another column; on a narrow screen the second number. */
const LABEL = 20;
const NARROW = { below: 60, label: 14 };
const SHORT_CLASS = { interactive: 'inter', normal: 'norm', background: 'back' } as const;
/** Narrower than this a curve says nothing. */
const CURVE = 12;
/** Wider than this it says nothing more. */
const CURVE_MAX = 60;

/** The columns for a screen that is so wide: those that say most come in first. */
export function tableFor(view: View, width: number, glyphs: Glyphs): Table {
  const { id, user, of, slots, waits, share, time, work, memory } = columnsOf(view);
  const narrowest = curve(view, CURVE, glyphs);
  const chosen = new Set([id, slots, waits]);
  let left = width - 2;
  for (const column of chosen) left -= column.width + 1;
  const known = view.status?.builds.some(({ peakMemory }) => peakMemory !== undefined);
  for (const column of [time, share, user, narrowest, of, work, ...(known ? [memory] : [])]) {
    if (left - column.width - 1 < (width < NARROW.below ? NARROW.label : LABEL)) break;
    left -= column.width + 1;
    chosen.add(column);
  }
  const columns = [id, user, of, slots, waits, share, time, work, memory].filter((column) => chosen.has(column));
  if (!chosen.has(narrowest)) return { columns, label: Math.max(0, left) };
  const wider = Math.max(0, Math.min(CURVE_MAX - CURVE, left - 2 * LABEL));
  return { columns: [...columns, curve(view, CURVE + wider, glyphs)], label: left - wider };
}

function columnsOf({ status, now }: View) {
  const widest = largest(status?.builds ?? [], ({ user }) => widthOf(printable(user)));
  const user: Column = {
    head: 'USER',
    width: Math.min(10, Math.max(5, widest)),
    order: 'user',
    left: true,
    text: (build) => printable(build.user),
  };
  const id: Column = { head: 'BUILD', width: 5, order: 'came', text: (build) => String(build.id), look: idLook };
  const of: Column = { head: 'CLASS', width: 5, left: true, text: (build) => SHORT_CLASS[build.class] };
  const slots: Column = { head: 'SLOTS', width: 5, order: 'slots', text: (build) => String(usedBy(build)) };
  const waits: Column = { head: 'WAIT', width: 4, order: 'waiting', text: waitText, look: waitLook };
  const share: Column = { head: 'SHARE', width: 5, order: 'share', text: (build) => figure(build.share) };
  const time: Column = { head: 'TIME', width: 6, order: 'time', text: ({ since }) => age(now - since) };
  const work: Column = { head: 'SLOT-S', width: 7, order: 'work', text: ({ slotSeconds }) => count(slotSeconds) };
  const memory: Column = { head: 'PEAK', width: 6, order: 'memory', text: ({ peakMemory }) => bytes(peakMemory) };
  return { id, user, of, slots, waits, share, time, work, memory };
}

/** What each build used over the last minute. */
function curve({ past, now }: View, width: number, { spark: levels }: Glyphs): Column {
  const most = largest(past.values(), (samples) => largest(samples, ({ slots }) => slots));
  const text = ({ id }: BuildStatus) => spark(past.get(id) ?? [], width, { now, most, levels });
  return { head: 'LAST MINUTE', width, left: true, text, look: idLook };
}

export function head({ columns }: Table, { order, reversed }: View, width: number, glyphs: Glyphs): Line {
  const arrow = reversed ? glyphs.up : glyphs.down;
  // It stands on the side where the head has a blank.
  const words = columns.map((column) => {
    const mark = column.order === order ? arrow : ' ';
    const word = column.left
      ? fit((column.head + mark).trimEnd(), column.width)
      : fit(column.head, column.width, { right: true });
    return column.left ? ` ${word}` : mark + word;
  });
  const label = order === 'label' ? `LABEL${arrow}` : 'LABEL';
  return [[fit(` ${words.join('')} ${label}`, width), '7']];
}

export function buildRow(
  build: BuildStatus,
  { columns, label }: Table,
  { selected, glyphs }: { selected: boolean; glyphs: Glyphs },
): Line {
  const look = selected ? '1' : '';
  const spans: Span[] = [[selected ? `${glyphs.mark} ` : '  ', look]];
  for (const column of columns) {
    const { ellipsis } = glyphs;
    const own = column.look?.(build) ?? '';
    spans.push([fit(column.text(build), column.width, { right: !column.left, ellipsis }), join(look, own)], ' ');
  }
  const name = printable(build.label);
  const more = printable(remark(build));
  const text = fit(name + more, label, { ellipsis: glyphs.ellipsis });
  spans.push([text.slice(0, name.length), look], [text.slice(name.length), join(look, '2')]);
  return spans;
}

/** The processes of a build. */
export function clientRows(build: BuildStatus, width: number, glyphs: Glyphs): Line[] {
  const { clients } = build;
  const line = (text: string): Line => [[fit(`        ${text}`, width, glyphs), '2']];
  if (clients === undefined) return [line("in a user's pool processes cannot be told apart")];
  if (clients.length === 0) return [line('no process of it has the jobserver open')];
  return clients.map((client) => line(clientWords(client)));
}

function clientWords({ pid, program, node, held, implicit, offered, waiting }: ClientStatus): string {
  const has = [
    `holds ${held}`,
    ...(implicit > 0 ? [`${implicit} without a token`] : []),
    ...(offered > 0 ? [`${offered} laid out`] : []),
    ...(waiting > 0 ? [`waits for ${waiting}`] : []),
  ];
  return `${String(pid).padStart(7)} ${fit(printable(program), 12)} ${fit(node, 5)} ${has.join(', ')}`;
}

const idLook = ({ id }: BuildStatus): string => colourOf(id);

const waitLook = ({ waiting }: BuildStatus): string => (waiting > 0 ? '33' : '');

const waitText = ({ waiting }: BuildStatus): string => (waiting > 0 ? String(waiting) : '-');

function largest<T>(all: Iterable<T>, of: (one: T) => number): number {
  let found = 0;
  for (const one of all) found = Math.max(found, of(one));
  return found;
}

const join = (...looks: readonly string[]): string => looks.filter(Boolean).join(';');

const figure = (slots: number): string => (slots >= 100 ? String(Math.round(slots)) : slots.toFixed(1));

/** `812`, `12.3k`, `4.5M`. */
export function count(value: number): string {
  if (value < 10_000) return String(Math.round(value));
  return value < 1e6 ? `${(value / 1000).toFixed(1)}k` : `${(value / 1e6).toFixed(1)}M`;
}

/** `812M`, `4.5G`. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return '-';
  const mebibytes = value / 2 ** 20;
  return mebibytes < 1000 ? `${Math.round(mebibytes)}M` : `${(mebibytes / 1024).toFixed(1)}G`;
}
