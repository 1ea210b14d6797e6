// The counters under a kill between any two stores: what is read afterwards is what clients have been told.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Counters, type Mark } from '../../../src/engine/journal/counters.ts';
import { layOut, MARK, wordsFor } from '../../../src/engine/journal/layout.ts';
import { PastCounters } from '../../../src/engine/journal/past.ts';

/** What version 1 has written. */
const journal1 = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/journal-1.json'), 'utf8')) as {
  facts: string[];
  counters: Record<string, number>;
  words: number;
};

/** Of the file node; two of pipes follow. */
const RECORDS = 4;
const FILES = 3;
const SIZE = wordsFor(RECORDS + 2, FILES, 4);
/** The bit by which the kernel marks what it asks again. */
const RESENT = 0x8000_0000;

/** What one request does: changes to records, and grants to others that come of it. */
type Step =
  | {
      type: 'answer';
      resent: boolean;
      changes: { record: number; by: number }[];
      grants: { record: number; by: number }[];
    }
  /** Slots are given back, which may be the turn of others, or of the same client again. */
  | { type: 'return'; record: number; count: number; lends: boolean; grants: { record: number; by: number }[] }
  /** Of itself: a death, a time-out. */
  | { type: 'plain'; record: number; value: number }
  /** Slots that go through the tray. */
  | { type: 'move'; record: number; count: number; done: number }
  | { type: 'open'; fh: number }
  | { type: 'poll'; fh: number; kh: number };

const record = fc.nat(RECORDS - 1);
const change = fc.record({ record, by: fc.constantFrom(-2, -1, 1, 2) });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('answer' as const),
    resent: fc.boolean(),
    changes: fc.array(change, { maxLength: 5 }),
    grants: fc.array(change, { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('return' as const),
    record,
    count: fc.constantFrom(1, 2),
    lends: fc.boolean(),
    grants: fc.array(fc.record({ record, by: fc.constant(1) }), { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('plain' as const), record, value: fc.nat(5) }),
  fc.record({
    type: fc.constant('move' as const),
    record: fc.constantFrom(RECORDS, RECORDS + 1),
    count: fc.constantFrom(-3, -2, -1, 1, 2, 3),
    done: fc.nat(3),
  }),
  fc.record({ type: fc.constant('open' as const), fh: fc.nat(FILES - 1) }),
  fc.record({ type: fc.constant('poll' as const), fh: fc.nat(FILES - 1), kh: fc.nat() }),
);

test('a kill at any store leaves what clients were told', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.nat(200), (steps, kill) => {
      const world = new World(kill);
      world.play(steps);
      const past = new PastCounters(world.words.slice());
      past.settle((unique) => world.asked.has(unique) && !world.answered.has(unique), world.tray);
      for (const [i, mark] of world.marks.entries())
        assert.ok(world.truth[i]?.includes(past.value(mark) as number), `record ${i}: ${past.value(mark)}`);
      for (const { fh } of past.files()) assert.ok(world.open.has(fh), `file ${fh} is open`);
      const open = new Set([...past.files()].map(({ fh }) => fh));
      for (const fh of world.sure) assert.ok(open.has(fh), `file ${fh} is open still`);
    }),
    { numRuns: 3000 },
  );
});

test('a record that was given to another is not taken for the old one', () => {
  const words = new Int32Array(SIZE);
  layOut(words, FILES, 4);
  const counters = new Counters(words);
  const first = counters.open();
  counters.set(first, 3);
  const mark = counters.markOf(first);
  counters.close(first);
  const second = counters.open();
  assert.equal(second, first);
  const past = new PastCounters(words);
  assert.equal(past.value(mark), undefined);
  assert.equal(past.value(counters.markOf(second)), 0);
});

test('counters of version 1 are read, with all that was under way', () => {
  const words = new Int32Array(journal1.words);
  for (const [at, word] of Object.entries(journal1.counters)) words[Number(at)] = word;
  const past = new PastCounters(words);
  past.settle((unique) => unique === 100, 1);
  const values = [0, 1, 2, 3, 4, 5].map((record) => past.value([record, 1]));
  // Answered, not booked; plain; not answered; answered and granted; two of three slots moved; nothing.
  assert.deepEqual(values, [1, 3, 0, 0, 2, 0]);
  assert.deepEqual([...past.files()], [{ fh: 2, khLow: 7, khHigh: 2 ** 32 - 5 }]);
  assert.deepEqual([past.mark(MARK.pipe), past.mark(MARK.build)], [21, 9]);
  assert.equal(past.damaged, 0);
});

test('requests that wait are known until they are answered, where that is wanted', () => {
  const words = new Int32Array(SIZE);
  layOut(words, FILES, 4);
  const counters = new Counters(words);
  assert.equal(counters.waiting(2, 0), -1);
  assert.deepEqual([...new PastCounters(words).unanswered()], []);
  counters.noteWaits();
  const places = [4, 6, 8, 10].map((unique) => counters.waiting(unique, 1));
  assert.equal(counters.waiting(12, 1), -1, 'there is room for no more');
  counters.waited(places[1] as number);
  counters.looking(14, 1);
  const past = [...new PastCounters(words).unanswered()].map(([low]) => low);
  assert.deepEqual(past.slice(0, 5), [4, 8, 10, 14, 16], 'and those that may come next');
  assert.equal(counters.waiting(16, 1), places[1], 'a place that is free is used again');
});

test('a damaged record is told, and the others are read', () => {
  const words = new Int32Array(SIZE);
  layOut(words, FILES, 4);
  const counters = new Counters(words);
  const marks = [3, -1, 4096].map((value) => {
    const record = counters.open();
    counters.set(record, value);
    return counters.markOf(record);
  });
  const [first, second, third] = marks as [Mark, Mark, Mark];
  fc.assert(
    fc.property(fc.nat(31), (bit) => {
      const copy = words.slice();
      const at = (copy[2] as number) + second[0] * 2 + 1;
      copy[at] = (copy[at] as number) ^ (1 << bit);
      const past = new PastCounters(copy);
      assert.deepEqual([past.value(first), past.value(second), past.value(third)], [3, 0, 4096]);
      assert.equal(past.damaged, 1);
    }),
  );
});

test('foreign bytes are refused', () => {
  assert.throws(() => new PastCounters(new Int32Array(SIZE)), /no head/);
  const words = new Int32Array(SIZE);
  layOut(words, FILES, 4);
  words[1] = 99;
  assert.throws(() => new PastCounters(words), /version 99/);
  for (const at of [2, 3, 4, 5]) {
    for (const value of [-1, 2 ** 31 - 1]) {
      const damaged = new Int32Array(SIZE);
      layOut(damaged, FILES, 4);
      damaged[at] = value;
      assert.throws(() => new PastCounters(damaged), /damaged head/, `${at}: ${value}`);
    }
  }
});

class Killed extends Error {}

/** Counters that die at a store, beside what is true. */
class World {
  readonly words = new Int32Array(SIZE);
  readonly marks: Mark[] = [];
  /** What each record may be found to hold. */
  readonly truth: number[][] = [];
  readonly asked = new Set<number>();
  readonly answered = new Set<number>();
  /** Files that may be found open, and those that have to be. */
  readonly open = new Set<number>();
  readonly sure = new Set<number>();
  /** Slots that lie in the tray. */
  tray = 0;
  readonly #counters: Counters;
  #left = Number.POSITIVE_INFINITY;
  #unique = 2;

  constructor(kill: number) {
    layOut(this.words, FILES, 4);
    const dying = new Proxy(this.words, {
      get: (words, at) => Reflect.get(words, at),
      set: (words, at, value) => {
        if (this.#left-- <= 0) throw new Killed();
        return Reflect.set(words, at, value);
      },
    });
    this.#counters = new Counters(dying);
    for (let i = 0; i < RECORDS + 2; i++) {
      this.marks.push(this.#counters.markOf(this.#counters.open()));
      this.truth.push([0]);
    }
    this.#left = kill;
  }

  play(steps: readonly Step[]): void {
    try {
      for (const one of steps) this.#do(one);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }

  #do(one: Step): void {
    const counters = this.#counters;
    if (one.type === 'answer') this.#answer(one);
    else if (one.type === 'return') this.#return(one);
    else if (one.type === 'plain') {
      this.truth[one.record] = [...(this.truth[one.record] as number[]), one.value];
      counters.set(one.record, one.value);
      this.truth[one.record] = [one.value];
    } else if (one.type === 'move') this.#move(one);
    else if (one.type === 'poll') counters.pollFile(one.fh, one.kh, 0);
    else if (!this.open.has(one.fh)) {
      const unique = this.#ask();
      counters.answering(unique, 0);
      this.open.add(one.fh);
      try {
        counters.openFile(one.fh);
      } catch (error) {
        this.open.delete(one.fh);
        throw error;
      }
      this.sure.add(one.fh);
      this.answered.add(unique);
      counters.answered();
    }
  }

  #return({ record, count, lends, grants }: Extract<Step, { type: 'return' }>): void {
    const unique = this.#ask();
    const from = this.truth[record]?.[0] as number;
    const to = from > 0 ? Math.max(0, from - count) : from === 0 && lends ? -1 : from;
    this.#counters.returning({ uniqueLow: unique, uniqueHigh: 0, size: count }, record, lends);
    this.answered.add(unique);
    this.truth[record] = [to];
    this.#counters.set(record, to);
    for (const { record, by } of grants) {
      const granted = this.#ask();
      const value = (this.truth[record]?.[0] as number) + by;
      this.#counters.setFor(granted, 0, record, value);
      this.answered.add(granted);
      this.truth[record] = [value];
    }
    this.#counters.returned();
  }

  /** As the tray does it; the move itself is one step. */
  #move({ record, count, done }: Extract<Step, { type: 'move' }>): void {
    const before = this.truth[record]?.[0] as number;
    const moved = count > 0 ? Math.min(done, count) : -Math.min(done, -count, before);
    if (count > 0) this.tray = count;
    this.#counters.moving(record, count);
    this.tray = count > 0 ? count - moved : -moved;
    this.truth[record] = [before + moved];
    this.#counters.moved(record, moved);
    this.tray = 0;
  }

  #answer({ resent, changes, grants }: Extract<Step, { type: 'answer' }>): void {
    const unique = this.#ask();
    const now = this.truth.map(([value]) => value as number);
    this.#counters.answering(unique, resent ? RESENT : 0);
    for (const { record, by } of changes) {
      now[record] = (now[record] as number) + by;
      this.#counters.set(record, now[record]);
    }
    for (const { record, by } of grants) {
      const granted = this.#ask();
      now[record] = (now[record] as number) + by;
      this.#counters.setFor(granted, resent ? RESENT : 0, record, now[record]);
      this.answered.add(granted);
      this.truth[record] = [(this.truth[record]?.[0] as number) + by];
    }
    this.answered.add(unique);
    for (const [i, value] of now.entries()) this.truth[i] = [value];
    this.#counters.answered();
  }

  #ask(): number {
    this.#unique += 2;
    this.asked.add(this.#unique);
    return this.#unique;
  }
}
