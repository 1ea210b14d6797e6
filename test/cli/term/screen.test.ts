// The screen: whatever two pictures follow each other, a terminal that obeys the bytes shows the second; and keys and widths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isUnfinished, keysOf } from '../../../src/cli/term/keys.ts';
import { type Line, Screen, type Span, textOf } from '../../../src/cli/term/screen.ts';
import { clip, columnsOf, fit, printable, widthOf } from '../../../src/cli/term/width.ts';

const SEQUENCE = new RegExp(`^${'\x1b'}\\[([?0-9;]*)([A-Za-z])`);

/** What a terminal shows: in each place a character and how it looks. */
class Glass {
  readonly #cells = new Map<string, string>();
  #row = 0;
  #column = 0;
  #look = '';

  obey(bytes: string): void {
    for (let rest = bytes; rest !== ''; ) {
      const [sequence, args = '', kind] = SEQUENCE.exec(rest) ?? [];
      if (sequence !== undefined) {
        if (kind === 'm') this.#look = args.replace(/^0;?/, '');
        else if (kind === 'J') this.#cells.clear();
        else if (kind === 'K') this.#erase();
        else [this.#row = 0, this.#column = 0] = args.split(';').map((place) => Number(place) - 1);
        rest = rest.slice(sequence.length);
        continue;
      }
      const char = String.fromCodePoint(rest.codePointAt(0) as number);
      rest = rest.slice(char.length);
      const width = columnsOf(char);
      if (width === 0) continue;
      for (let n = 0; n < width; n++) this.#put(n === 0 ? char : '');
    }
  }

  row(row: number, columns: number): string {
    const cells = Array.from({ length: columns }, (_, column) => this.#cells.get(`${row},${column}`) ?? ' ');
    return cells.join('|').replace(/(?:\| )+$/, '');
  }

  #put(char: string): void {
    const blank = char === ' ' && this.#look === '';
    const place = `${this.#row},${this.#column++}`;
    if (blank) this.#cells.delete(place);
    else this.#cells.set(place, char + this.#look);
  }

  #erase(): void {
    for (const place of this.#cells.keys()) {
      const [row = 0, column = 0] = place.split(',').map(Number);
      if (row === this.#row && column >= this.#column) this.#cells.delete(place);
    }
  }
}

const text = fc.string({ unit: fc.constantFrom(' ', ' ', 'a', 'b', '█', '日', '🦊'), maxLength: 12 });
const span: fc.Arbitrary<Span> = fc.oneof(text, fc.tuple(text, fc.constantFrom('1', '7', '32;1', '')));
const picture: fc.Arbitrary<Line[]> = fc.array(fc.array(span, { maxLength: 4 }), { maxLength: 4 });
const size = fc.record({ columns: fc.integer({ min: 1, max: 24 }), rows: fc.integer({ min: 1, max: 4 }) });

test('after any pictures and sizes a terminal shows the last one, as if it had been drawn alone', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(picture, size), { minLength: 1, maxLength: 6 }), (pictures) => {
      const screen = new Screen({ colour: true });
      const glass = new Glass();
      for (const [lines, { columns, rows }] of pictures) {
        glass.obey(screen.draw(lines, { columns, rows }));
        const alone = new Glass();
        alone.obey(new Screen({ colour: true }).draw(lines, { columns, rows }));
        for (let row = 0; row < rows; row++) assert.equal(glass.row(row, columns), alone.row(row, columns));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a picture drawn alone has the text of its lines, cut at the edge', () => {
  fc.assert(
    fc.property(picture, size, (lines, { columns, rows }) => {
      const glass = new Glass();
      glass.obey(new Screen({ colour: false }).draw(lines, { columns, rows }));
      for (const [row, line] of lines.slice(0, rows).entries()) {
        const shown = glass.row(row, columns).replaceAll('|', '').trimEnd();
        let cut = '';
        for (const char of textOf(line)) {
          if (widthOf(cut + char) > columns) break;
          cut += char;
        }
        assert.equal(shown, cut.trimEnd());
      }
    }),
  );
});

test('nothing is written when nothing has changed, and only what has', () => {
  const screen = new Screen({ colour: true });
  const of = (clock: string): Line[] => [[['stint', '1'], '      ', clock], ['the same']];
  screen.draw(of('12:00:00'), { columns: 40, rows: 2 });
  assert.equal(screen.draw(of('12:00:00'), { columns: 40, rows: 2 }), '');
  assert.equal(screen.draw(of('12:00:01'), { columns: 40, rows: 2 }), '\x1b[1;19H1');
});

test('keys are told apart, whatever bytes they come in', () => {
  for (const [typed, keys] of [
    ['q', ['q']],
    ['\x1b[A\x1bOB\x1b[5~\x1b[1;5H', ['up', 'down', 'page-up']],
    ['\r\x7f\x03\x1a\x1b', ['enter', 'backspace', 'ctrl-c', 'ctrl-z', 'escape']],
    ['ü🦊\x1b[99~\x01\x9b\u202e', ['ü', '🦊']],
  ] as const)
    assert.deepEqual(keysOf(typed), keys);
  assert.deepEqual(['\x1b', 'a\x1b[', '\x1b[1;', '\x1b[A', 'a'].map(isUnfinished), [true, true, true, false, false]);
});

test('texts of any characters take the columns that they are made to take', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.nat(12), (any, columns) => {
      const safe = printable(any);
      assert.equal(widthOf(fit(safe, columns)), columns);
      assert.ok(widthOf(clip(safe, columns)) <= columns);
      assert.doesNotMatch(safe, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u);
    }),
  );
  for (const [char, columns] of [
    ['a', 1],
    ['é', 1],
    ['e\u0301', 1],
    ['日', 2],
    ['한', 2],
    ['🦊', 2],
    ['ｱ', 1],
    ['\u200d', 0],
    ['█', 1],
  ] as const)
    assert.equal(widthOf(char), columns, char);
});
