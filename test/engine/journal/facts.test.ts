// The facts of the journal: what is read is what was written, as far as it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  countersOf,
  decodeFacts,
  encodeFact,
  encodeHead,
  type Facts,
  FORMAT,
} from '../../../src/engine/journal/facts.ts';

const key = fc.constantFrom('build:1', 'build:2', 'process:7', 'ü:\n');
const value = fc.option(fc.record({ name: fc.string({ unit: 'binary' }), count: fc.integer() }), { nil: undefined });
const writes = fc.array(fc.tuple(key, value), { maxLength: 12 });

test('what was written last with a key counts', () => {
  fc.assert(
    fc.property(writes, (facts) => {
      const { facts: read, format, damaged } = decodeFacts(Buffer.from(textOf(facts)));
      assert.deepEqual([...read], [...expected(facts)]);
      assert.equal(format, FORMAT);
      assert.equal(damaged, 0);
      assert.equal(countersOf(read), 'counters:1');
    }),
  );
});

test('a text that ends anywhere says what its whole lines say', () => {
  fc.assert(
    fc.property(writes, fc.nat(), (facts, at) => {
      const bytes = Buffer.from(textOf(facts));
      const cut = bytes.subarray(0, at % (bytes.length + 1));
      const lines = cut.filter((byte) => byte === 10).length;
      const { facts: read, format } = decodeFacts(cut);
      if (lines === 0) assert.equal(format, 0);
      else assert.deepEqual([...read], [...expected(facts.slice(0, lines - 1))]);
    }),
  );
});

test('a damaged byte costs no more than its line, or two, and is told', () => {
  fc.assert(
    fc.property(writes, fc.nat(), fc.integer({ min: 1, max: 255 }), (facts, at, flip) => {
      const head = encodeHead('counters:1').length;
      const bytes = Buffer.from(`${textOf(facts)}${encodeFact('last', 1)}${encodeFact('end', 1)}`);
      const where = head + (at % (bytes.length - head - encodeFact('end', 1).length - 1));
      const line = bytes.subarray(0, where).filter((byte) => byte === 10).length - 1;
      bytes[where] = (bytes[where] as number) ^ flip;
      const { facts: read, damaged } = decodeFacts(bytes);
      assert.ok(damaged >= 1 && damaged <= 2, `${damaged} damaged`);
      const all: [string, unknown][] = [...facts, ['last', 1], ['end', 1]];
      const lost = [all.filter((_, i) => i !== line), all.filter((_, i) => i !== line && i !== line + 1)];
      assert.ok(
        lost.some((left) => same(read, expected(left))),
        'all other lines are read',
      );
    }),
  );
});

test('a text without a head, or of noise, is told', () => {
  assert.equal(decodeFacts(Buffer.alloc(0)).format, 0);
  for (const head of [null, 7, {}, { format: 'x' }, { format: 1 }])
    assert.equal(decodeFacts(Buffer.from(encodeFact('stint', head))).format, 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      assert.equal(decodeFacts(noise).format, 0);
    }),
  );
});

const textOf = (facts: readonly (readonly [string, unknown])[]): string =>
  encodeHead('counters:1') + facts.map(([key, value]) => encodeFact(key, value)).join('');

function expected(facts: readonly (readonly [string, unknown])[]): Facts {
  const found: Facts = new Map([['stint', { format: FORMAT, counters: 'counters:1' }]]);
  for (const [key, value] of facts) {
    found.delete(key);
    if (value !== undefined) found.set(key, JSON.parse(JSON.stringify(value)));
  }
  return found;
}

const same = (a: Facts, b: Facts): boolean => JSON.stringify([...a]) === JSON.stringify([...b]);
