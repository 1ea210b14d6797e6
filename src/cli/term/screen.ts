// What stands on the screen, and the bytes that turn one picture into the next: only what differs is written, so that a frame
// over a slow line is small. It knows escape sequences (ECMA-48 and xterm's), and nothing of what is shown or who reads it.
import { columnsOf } from './width.ts';

/** A piece of a line: a text, or a text and how it looks, as parameters of SGR (`1`: bold, `7`: inverse, `32`: green). */
export type Span = string | readonly [text: string, look: string];
export type Line = readonly Span[];

export interface Size {
  columns: number;
  rows: number;
}

/** One column of one row; the second column of a wide character is empty. */
interface Cell {
  char: string;
  look: string;
}

/** Another screen than the shell's, no cursor, and no wrapping at the right edge; and back. */
export const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
export const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Unchanged cells between two changed ones that are cheaper to write again than to step over. */
const GAP = 5;
const BLANK: Cell = { char: ' ', look: '' };

/** The text of a line, for those who see no colours. */
export const textOf = (line: Line): string => line.map((span) => (typeof span === 'string' ? span : span[0])).join('');

export class Screen {
  readonly #colour: boolean;
  #shown: Cell[][] = [];
  #size: Size = { columns: 0, rows: 0 };

  constructor({ colour }: { colour: boolean }) {
    this.#colour = colour;
  }

  /** Whatever was known of the screen is no longer so: the next picture is written whole. */
  forget(): void {
    this.#size = { columns: 0, rows: 0 };
  }

  /** The bytes that show `lines` in place of what was shown last; '' when nothing differs. */
  draw(lines: readonly Line[], size: Size): string {
    const { columns, rows } = size;
    let out = '';
    if (columns !== this.#size.columns || rows !== this.#size.rows) {
      out = '\x1b[0m\x1b[2J';
      this.#shown = [];
      this.#size = size;
    }
    for (let row = 0; row < rows; row++) {
      const cells = cellsOf(lines[row] ?? [], columns, this.#colour);
      out += rowChange(this.#shown[row] ?? [], cells, row);
      this.#shown[row] = cells;
    }
    return out;
  }
}

/** A line in cells, cut at the edge; trailing blanks are left out. */
function cellsOf(line: Line, columns: number, colour: boolean): Cell[] {
  const cells = filled(line, columns, colour);
  while (cells.length > 0 && same(cells.at(-1), BLANK)) cells.pop();
  return cells;
}

function filled(line: Line, columns: number, colour: boolean): Cell[] {
  const cells: Cell[] = [];
  for (const span of line) {
    const [text, look] = typeof span === 'string' ? [span, ''] : [span[0], colour ? span[1] : ''];
    for (const char of text) {
      const width = columnsOf(char);
      const last = cells.at(-1);
      if (width === 0 && last !== undefined) last.char += char;
      if (width === 0) continue;
      if (cells.length + width > columns) return cells;
      cells.push({ char, look });
      if (width === 2) cells.push({ char: '', look });
    }
  }
  return cells;
}

function rowChange(before: readonly Cell[], after: readonly Cell[], row: number): string {
  let out = '';
  let look = '';
  /** Where the cursor is, or -1. */
  let at = -1;
  for (let column = 0; column < after.length; column++) {
    const cell = after[column] as Cell;
    if (same(cell, before[column] ?? BLANK) || cell.char === '') continue;
    if (at === -1 || column - at > GAP || after.slice(at, column).some((one) => one.char === '')) at = -1;
    for (let from = at === -1 ? column : at; from <= column; from++) {
      const one = after[from] as Cell;
      if (at === -1) out += `\x1b[${row + 1};${column + 1}H`;
      if (one.look !== look) out += `\x1b[0${one.look && `;${one.look}`}m`;
      look = one.look;
      out += one.char;
      at = from + 1;
    }
    if (columnsOf(cell.char) !== 1) at = -1; // terminals differ in how wide it is
  }
  if (look !== '') out += '\x1b[0m';
  if (before.length > after.length) out += `\x1b[${row + 1};${after.length + 1}H\x1b[K`;
  return out;
}

const same = (a: Cell | undefined, b: Cell): boolean => a !== undefined && a.char === b.char && a.look === b.look;
