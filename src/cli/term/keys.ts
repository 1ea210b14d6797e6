// What was typed: bytes of a terminal in raw mode become names of keys.
import { printable } from './width.ts';

/** A printable character is itself; all others have names. */
export type Key = string;

const NAMED: Readonly<Record<string, Key>> = {
  '\x03': 'ctrl-c',
  '\x0c': 'ctrl-l',
  '\x15': 'ctrl-u',
  '\x1a': 'ctrl-z',
  '\r': 'enter',
  '\n': 'enter',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x1b': 'escape',
};
/** By the end of their sequence; in application mode the second byte is O. */
const SEQUENCES: Readonly<Record<string, Key>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '4~': 'end',
  '5~': 'page-up',
  '6~': 'page-down',
  '7~': 'home',
  '8~': 'end',
};
const ESC = '\x1b';
const SEQUENCE = new RegExp(`^${ESC}[[O]([0-9;]*[A-Za-z~])`);
const UNFINISHED = new RegExp(`${ESC}(?:[[O][0-9;]*)?$`);

/** Whether the last key may have more bytes that are still to come. */
export const isUnfinished = (text: string): boolean => UNFINISHED.test(text);

/** The keys in what was read at once. Sequences that nobody knows are left out. */
export function keysOf(text: string): Key[] {
  const keys: Key[] = [];
  for (let rest = text; rest !== ''; ) {
    const [sequence, end = ''] = SEQUENCE.exec(rest) ?? [];
    if (sequence !== undefined) {
      rest = rest.slice(sequence.length);
      const key = SEQUENCES[end];
      if (key !== undefined) keys.push(key);
      continue;
    }
    const char = String.fromCodePoint(rest.codePointAt(0) as number);
    rest = rest.slice(char.length);
    const key = NAMED[char] ?? (printable(char) === char ? char : undefined);
    if (key !== undefined) keys.push(key);
  }
  return keys;
}
