// The keys of `stint top`, for its last row and its page of help, and what the characters in the bar mean.
import type { Glyphs } from '../term/paint.ts';
import type { Line } from '../term/screen.ts';
import { clip } from '../term/width.ts';

/** Key, what the last row says of it (undefined: nothing), and what the page of help says. */
export const KEYS: readonly (readonly [key: string, short: string | undefined, long: string])[] = [
  ['q', 'quit', 'quit; Ctrl-C too'],
  ['?', 'help', 'this page'],
  ['enter', 'processes', 'show the processes of the build, or hide them'],
  ['s', 'sort', 'sort by the next column; S turns the order round'],
  ['/', 'filter', 'only builds with this in label, user, class or programs; Esc: all'],
  ['w', 'weight', 'change the weight of the build, as long as it lasts'],
  ['c', 'class', 'change its class: interactive, normal or background'],
  ['r', 'reclaim', 'take back slots that nobody can return any more'],
  ['up, down', undefined, 'choose a build; k and j, Page Up and Down, Home, End too'],
  ['Ctrl-L', undefined, 'draw the screen anew'],
];

export function helpLines(glyphs: Glyphs, columns: number): Line[] {
  const parts = [
    [glyphs.held, 'held: taken as tokens; the number in the bar is that of the build'],
    [glyphs.implicit, 'implicit: charged for jobs that run without a token'],
    [glyphs.leased, 'leased: taken in one step'],
    [glyphs.reserved, 'reserved: laid out for a client, not taken yet'],
    [glyphs.limited, 'limited: not given at the moment, the row below says why'],
    [glyphs.free, 'free'],
  ] as const;
  return [
    [['stint top', '1'], ': who holds which slots, and who waits'],
    [],
    ...KEYS.map(([key, , long]): Line => ['  ', [key.padEnd(10), '1'], clip(long, columns - 12)]),
    [],
    ...parts.map(([glyph, what]): Line => [clip(`  ${glyph.repeat(3).padEnd(10)}${what}`, columns)]),
  ];
}
