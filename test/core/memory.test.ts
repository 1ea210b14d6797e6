// What is learned of the builds' memory, and what is foreseen from it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BuildMemory, MAX_LEARNED, MAX_NAME, Memory } from '../../src/core/memory.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const build = (more: Partial<BuildMemory> = {}): BuildMemory => ({
  id: 1,
  program: 'make',
  label: 'webkit',
  slots: 1,
  waiting: 0,
  bytes: 0,
  peak: more.bytes ?? 0,
  young: 0,
  ...more,
});

/** A build of one slot that had `bytes` at most. */
function lived(memory: Memory, id: number, bytes: number, label = 'webkit'): void {
  for (const now of [0, 1]) memory.observe([build({ id, label, bytes })], now);
  memory.ended(id);
}

test('what a build had at most for each slot is expected of the next of its kind', () => {
  const memory = new Memory(256 * MIB);
  assert.equal(memory.expected('webkit', 'make'), 256 * MIB);
  memory.observe([build({ program: 'stint', bytes: 50 * GIB })], 0); // not yet what it becomes
  memory.observe([build({ slots: 4, bytes: 6 * GIB })], 1000);
  memory.observe([build({ slots: 4, bytes: 2 * GIB })], 2000);
  memory.ended(1);
  assert.equal(memory.expected('webkit', 'make'), 1.5 * GIB);
  assert.equal(memory.expected('webkit'), 1.5 * GIB, 'by its label, while its program is not known');
  assert.equal(memory.expected('chromium', 'make'), 1.5 * GIB, 'by its program, where the label is not known');
  assert.equal(memory.expected('chromium', 'ninja'), 256 * MIB);
});

test('one outlier does not stick for ever', () => {
  const memory = new Memory(256 * MIB);
  lived(memory, 1, 15 * GIB);
  assert.equal(memory.expected('webkit', 'make'), 15 * GIB, 'a larger need is believed at once');
  let builds = 0;
  for (let id = 2; memory.expected('webkit', 'make') > 2 * GIB; id++, builds++) lived(memory, id, GIB);
  assert.ok(builds > 3 && builds < 20, `${builds} builds later`);
});

test('a build that goes on for hours is not judged by its first minutes', () => {
  const memory = new Memory(256 * MIB);
  memory.observe([build({ bytes: 8 * GIB })], 0);
  for (let hour = 1; hour < 10; hour++) memory.observe([build({ bytes: GIB })], hour * 3_600_000);
  memory.ended(1);
  assert.ok(memory.expected('webkit', 'make') < 2.5 * GIB);
});

test('the guess for unknown programs follows what others need', () => {
  const memory = new Memory(256 * MIB);
  lived(memory, 8, MIB, 'tiny');
  lived(memory, 9, 20 * GIB, 'huge');
  assert.equal(memory.unknown, 256 * MIB, 'not each one');
  assert.equal(memory.worst(0).next, 20 * GIB, 'though the next may be like it');
  for (let id = 0; id < 8; id++) lived(memory, id, GIB, `build ${id}`);
  assert.equal(memory.unknown, GIB);
});

test('a build of a new kind is judged by itself once it was there for a while', () => {
  const memory = new Memory(256 * MIB);
  const all = [build({ slots: 2, bytes: 20 * MIB, waiting: 1 })];
  memory.observe(all, 0);
  assert.equal(memory.forecast(all, 0).next, 256 * MIB);
  memory.observe(all, 121_000);
  assert.equal(memory.forecast(all, 0).next, 10 * MIB);
});

test('what running jobs will still take is set aside: no more than young ones can grow', () => {
  const memory = new Memory(256 * MIB, [{ program: 'make', label: 'webkit', bytes: 2 * GIB }]);
  const pending = (more: Partial<BuildMemory>) => {
    const all = [build({ slots: 4, ...more })];
    memory.observe(all, 0);
    memory.observe(all, 0); // all slots were there before
    return memory.forecast(all, 0).pending;
  };
  assert.equal(pending({ young: 9 }), 8 * GIB);
  assert.equal(pending({ young: 9, bytes: 5 * GIB }), 3 * GIB);
  assert.equal(pending({ young: 1, bytes: GIB }), 2 * GIB, 'three have had their time to grow');
  assert.equal(pending({ young: 0 }), 0);
  memory.observe([build({ slots: 6 })], 0);
  assert.equal(memory.forecast([build({ slots: 6 })], 0).pending, 4 * GIB, 'two slots were given out since');
});

test('who waits is reckoned with as the next; else any that is there', () => {
  const memory = new Memory(256 * MIB, [
    { program: 'make', label: 'webkit', bytes: 2 * GIB },
    { program: 'make', label: 'small', bytes: 10 * MIB },
  ]);
  const webkit = build();
  const small = build({ id: 2, label: 'small' });
  const next = (...builds: BuildMemory[]) => memory.forecast(builds, 0).who;
  assert.equal(next(webkit, small), 'webkit');
  assert.equal(next(webkit, { ...small, waiting: 1 }), 'small');
  assert.equal(next({ ...webkit, waiting: 1 }, { ...small, waiting: 1 }), 'webkit');
  assert.equal(next(), 'an unknown program');
});

test('so many kinds are remembered, and the oldest forgotten first', () => {
  const memory = new Memory(256 * MIB);
  for (let id = 0; id < MAX_LEARNED + 10; id++) lived(memory, id, GIB, `build ${id}`);
  assert.equal(memory.learned.length, MAX_LEARNED);
  assert.equal(memory.learned[0]?.label, 'build 10');
});

test('what is cut short is learned where it says something: it is more than was known, or the build was there for long', () => {
  const memory = new Memory(256 * MIB);
  const seen = (id: number, bytes: number, last: number) => {
    for (const now of [0, last]) memory.observe([build({ id, label: `build ${id}`, bytes })], now);
  };
  seen(1, GIB, 1000);
  seen(2, MIB, 1000);
  seen(3, MIB, 121_000);
  memory.close();
  assert.deepEqual(
    memory.learned.map(({ label, bytes }) => [label, bytes]),
    [
      ['build 1', GIB],
      ['build 3', MIB],
    ],
  );
  memory.ended(1);
  assert.equal(memory.learned.length, 2, 'nothing is learned twice');
});

test('of a long label the beginning counts, however long it is', () => {
  const memory = new Memory(256 * MIB);
  const long = 'x'.repeat(MAX_NAME);
  lived(memory, 1, GIB, `${long} and more`);
  assert.equal(memory.expected(`${long} or less`), GIB);
  assert.equal(memory.expected(long.slice(1)), 256 * MIB);
  assert.equal(memory.learned[0]?.label, long);
});

test('what is foreseen is never below nothing, nor more than all slots could take', () => {
  const some = fc.record({
    id: fc.integer({ min: 0, max: 5 }),
    slots: fc.integer({ min: 0, max: 64 }),
    waiting: fc.integer({ min: 0, max: 3 }),
    bytes: fc.integer({ min: 0, max: 64 * GIB }),
    young: fc.integer({ min: 0, max: 100 }),
  });
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(some, { selector: ({ id }) => id }), { maxLength: 20 }), (looks) => {
      const memory = new Memory(256 * MIB);
      for (const [second, look] of looks.entries()) {
        const builds = look.map((one) => build({ ...one, label: `build ${one.id % 3}`, peak: one.bytes }));
        memory.observe(builds, second * 1000);
        const { pending, next, used } = memory.forecast(builds, GIB);
        assert.equal(
          used,
          builds.reduce((sum, { slots }) => sum + slots, 0),
        );
        assert.ok(pending >= 0 && next > 0);
        if (builds.every(({ slots }) => slots === 0)) assert.equal(pending, 0);
      }
    }),
  );
});
