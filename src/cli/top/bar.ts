// The pool in one line: a cell or more for each slot, by what became of it, and the figures below.
import type { Status } from '../../api/schema.ts';
import type { Glyphs } from '../term/paint.ts';
import type { Line, Span } from '../term/screen.ts';
import { textOf } from '../term/screen.ts';
import { widthOf } from '../term/width.ts';

type Kind = 'held' | 'implicit' | 'leased' | 'reserved' | 'limited' | 'free';

interface Part {
  kind: Kind;
  slots: number;
  look: string;
  /** Of the first part of a build: its number, to be written over it. */
  name: string;
}

/** Colours that builds take in turn. */
const COLOURS = ['36', '32', '33', '35', '34'];
const LOOKS: Readonly<Record<Kind, string>> = {
  held: '',
  implicit: '',
  leased: '',
  reserved: '2',
  limited: '31',
  free: '2',
};

export const colourOf = (id: number): string => COLOURS[(id - 1) % COLOURS.length] ?? '';

export function bar(parts: readonly Part[], columns: number, glyphs: Glyphs): Line {
  const total = Math.max(
    1,
    parts.reduce((sum, { slots }) => sum + slots, 0),
  );
  const spans: Span[] = [];
  let slots = 0;
  let at = 0;
  for (const [n, { kind, look, name, ...part }] of parts.entries()) {
    slots += part.slots;
    const end = Math.round((slots * columns) / total);
    // Its number counts as its own only where more of the build is to be seen than that.
    const more = name !== '' && parts[n + 1]?.name === '' && parts[n + 1]?.look === look ? columns / total : 0;
    const shown = name.length < end - at + Math.floor(more) && name.length <= end - at ? name : '';
    if (shown !== '') spans.push([shown, `7;${look}`]);
    if (end > at + shown.length) spans.push([glyphs[kind].repeat(end - at - shown.length), look]);
    at = end;
  }
  return spans;
}

/** How many slots are what; all of it in words where there is room. */
export function legend(status: Status, parts: readonly Part[], columns: number, glyphs: Glyphs): Line {
  const sums = new Map<Kind, number>();
  for (const { kind, slots } of parts) sums.set(kind, (sums.get(kind) ?? 0) + slots);
  const shown = (['held', 'implicit', 'leased', 'reserved', 'limited', 'free'] as const).filter(
    (kind) => kind === 'held' || kind === 'free' || sums.has(kind),
  );
  const line = (words: boolean): Span[] => [
    ...shown.flatMap((kind): Span[] => [
      [glyphs[kind], LOOKS[kind]],
      ` ${sums.get(kind) ?? 0}${words ? ` ${kind}` : ''}  `,
    ]),
    ...(status.overcommit > 0 ? [[`${status.overcommit} beyond  `, '31'] as const] : []),
    `of ${status.capacity}`,
  ];
  const long = line(true);
  return widthOf(textOf(long)) <= columns ? long : line(false);
}

/** What stands where in the line: builds in their order, then what nobody has. */
export function partsOf({ builds, capacity, limit, free, reserved }: Status): Part[] {
  const parts: Part[] = [];
  for (const { id, held, implicit, lease } of builds) {
    const kinds = [
      ['held', Math.max(0, held)],
      [lease === undefined ? 'implicit' : 'leased', implicit],
    ] as const;
    const own = kinds.filter(([, slots]) => slots > 0);
    parts.push(
      ...own.map(([kind, slots], n) => ({ kind, slots, look: colourOf(id), name: n === 0 ? String(id) : '' })),
    );
  }
  const idle = Math.max(0, free);
  const aside = Math.min(idle, reserved);
  const limited = Math.min(idle - aside, Math.max(0, capacity - limit));
  const rest = { reserved: aside, limited, free: idle - aside - limited };
  for (const [kind, slots] of Object.entries(rest) as [Kind, number][])
    if (slots > 0) parts.push({ kind, slots, look: LOOKS[kind], name: '' });
  return parts;
}
