// From bookings to lanes and traces: nothing is lost or held twice, and a trace is what viewers of traces read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spansOf } from '../../src/observe/lanes.ts';
import { type Entry, MAX_ENTRIES, Timeline } from '../../src/observe/timeline.ts';
import { traceOf } from '../../src/observe/trace.ts';

const BEGAN = 1_795_478_603_010;
const HEAD = { build: 7, label: 'make x', cwd: '/x', user: 'ada', uid: 1000 };

/** Takes and returns of a few processes, none of which returns more than it has. */
const entries = fc
  .array(
    fc.record({ pause: fc.nat(1000), pid: fc.integer({ min: 1, max: 4 }), change: fc.integer({ min: -3, max: 3 }) }),
  )
  .map((steps) => {
    const held = new Map<number, number>();
    let time = BEGAN;
    return steps.flatMap(({ pause, pid, change }): Entry[] => {
      time += pause / 10;
      const has = held.get(pid) ?? 0;
      const real = Math.max(change, -has);
      held.set(pid, has + real);
      return real === 0 ? [] : [{ time, pid, change: real, waited: real > 0 ? pause % 7 : 0 }];
    });
  });

function timelineOf(list: readonly Entry[]): Timeline {
  const timeline = new Timeline(BEGAN);
  for (const { change, ...entry } of list) timeline.add({ ...entry, held: change });
  return timeline;
}

/** Slots × milliseconds until `end`. */
function slotTime(list: readonly Entry[], end: number): number {
  return list.reduce((sum, { time, change }) => sum + change * (end - time), 0);
}

test('lanes: no lane has two slots at once, none is used while a lower one is free, and all time is told', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const spans = spansOf(list);
      const end = (list.at(-1)?.time ?? BEGAN) + 1;
      const told = spans.reduce((sum, { from, to = end }) => sum + to - from, 0);
      assert.ok(Math.abs(told - slotTime(list, end)) < 1e-3);
      for (const [n, { lane, from }] of spans.entries()) {
        const others = spans.slice(0, n).filter(({ to = end }) => to > from);
        assert.ok(others.every((other) => other.lane !== lane));
        const busy = new Set(others.map((other) => other.lane));
        for (let lower = 0; lower < lane; lower++)
          assert.ok(busy.has(lower) || spans.some((other) => other.to === from));
      }
    }),
  );
});

test('a timeline is the same after it was packed', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const timeline = timelineOf(list);
      const again = Timeline.unpack(timeline.pack());
      assert.deepEqual([...again.entries()], [...timeline.entries()]);
      assert.equal(again.began, BEGAN);
      for (const [n, entry] of [...again.entries()].entries()) {
        const given = list[n] as Entry;
        assert.ok(Math.abs(entry.time - given.time) <= 0.06 && Math.abs(entry.waited - given.waited) <= 0.06);
        assert.deepEqual([entry.pid, entry.change], [given.pid, given.change]);
      }
      // It may go on afterwards.
      again.add({ time: BEGAN + 1, pid: 9, held: 1, waited: 0 });
      assert.equal(again.length, timeline.length + 1);
    }),
  );
  assert.throws(() => Timeline.unpack(new Uint8Array(3)));
});

test('what comes later than a timeline can note is counted as missed', () => {
  const timeline = new Timeline(BEGAN);
  const after = (days: number) => timeline.add({ time: BEGAN + days * 86_400_000, pid: 1, held: 1, waited: 0 });
  assert.deepEqual([after(4), after(5), after(400)], [true, false, false]);
  assert.deepEqual([timeline.length, timeline.missed], [1, 2]);
});

test('a timeline has a bound, and counts what it had no room for', () => {
  const timeline = new Timeline(BEGAN);
  for (let n = 0; n < MAX_ENTRIES + 3; n++) timeline.add({ time: BEGAN + n, pid: 1, held: n % 2 ? -1 : 1, waited: 0 });
  assert.deepEqual([timeline.length, timeline.missed], [MAX_ENTRIES, 3]);
  assert.equal(Timeline.unpack(timeline.pack()).missed, 3);
});

test('a trace names a lane for each slot, shows what holds it, and joins waits to grants', () => {
  const timeline = timelineOf([
    { time: BEGAN + 10, pid: 41, change: 1, waited: 0 },
    { time: BEGAN + 20, pid: 42, change: 1, waited: 8 },
    { time: BEGAN + 30, pid: 41, change: -1, waited: 0 },
  ]);
  const { traceEvents, otherData } = traceOf(HEAD, timeline, BEGAN + 50);
  assert.deepEqual(otherData, { ...HEAD, origin: new Date(BEGAN).toISOString(), missed: 0 });
  const slots = traceEvents.filter(({ cat }) => cat === 'slot');
  assert.deepEqual(
    slots.map(({ tid, ts, dur, args }) => ({ tid, ts, dur, ...args })),
    [
      { tid: 0, ts: 10_000, dur: 20_000, pid: 41, waitedMs: 0 },
      { tid: 1, ts: 20_000, dur: 30_000, pid: 42, waitedMs: 8, open: true },
    ],
  );
  const [wait] = traceEvents.filter(({ cat }) => cat === 'wait');
  assert.deepEqual([wait?.ts, wait?.dur], [12_000, 8_000]);
  const [start, finish] = traceEvents.filter(({ cat }) => cat === 'grant');
  assert.deepEqual([start?.ts, finish?.ts, start?.id === finish?.id], [12_000, 20_000, true]);
  assert.equal(traceEvents.filter(({ name }) => name === 'thread_name').length, 2);
});
