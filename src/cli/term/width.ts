// How many columns of a terminal a text takes, and texts made to fit. What others chose (labels, names) is made harmless first.
import { harmless } from '../../process/plain.ts';

/** Wide in every terminal: East Asian Wide and Fullwidth (Unicode Standard Annex 11), and what is shown as a picture. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
/** Drawn over the character before, or not at all. */
const NONE = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]/u;
const ASCII = /^[\x20-\x7e]*$/;
/** The text in one line that commands nothing. */
export const printable = harmless;

/** Columns of one character: 0, 1 or 2. */
export function columnsOf(char: string): number {
  if (char <= '~') return 1;
  return NONE.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}

/** Columns of a text. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += columnsOf(char);
  return width;
}

/** The text, or its beginning and an ellipsis, in `columns` at most. */
export function clip(text: string, columns: number, ellipsis = '…'): string {
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const char of text) {
    width += columnsOf(char);
    if (width > columns - 1) break;
    kept += char;
  }
  return columns > 0 ? kept + ellipsis : '';
}

/** Clipped, and filled with blanks to exactly `columns`; from the left with `right`. */
export function fit(text: string, columns: number, { right = false, ellipsis = '…' } = {}): string {
  const clipped = clip(text, columns, ellipsis);
  const blanks = ' '.repeat(Math.max(0, columns - widthOf(clipped)));
  return right ? blanks + clipped : clipped + blanks;
}
