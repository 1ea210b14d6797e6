// What is written on the tape is read from it in order, each once, by another thread too; what was overwritten is counted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type Booking, newTape, TapeReader, TapeWriter } from '../../src/observe/tape.ts';
import { until } from '../helpers/until.ts';

function readAll(reader: TapeReader): { bookings: Booking[]; missed: number } {
  const bookings: Booking[] = [];
  const missed = reader.read((booking) => bookings.push({ ...booking }));
  return { bookings, missed };
}

test('bookings are read in order, each once', () => {
  const memory = newTape();
  const reader = new TapeReader(memory);
  let told = 0;
  const writer = new TapeWriter(memory, () => told++);
  writer.booked(1.5, 7, 4711, 1, 0);
  writer.waited(250);
  writer.booked(2.5, 7, 4711, -1, 2);
  assert.equal(told, 1);
  assert.deepEqual(readAll(reader), {
    bookings: [
      { time: 1.5, build: 7, pid: 4711, held: 1, offered: 0, waited: 250 },
      { time: 2.5, build: 7, pid: 4711, held: -1, offered: 2, waited: 0 },
    ],
    missed: 0,
  });
  assert.deepEqual(readAll(reader), { bookings: [], missed: 0 });
  writer.booked(3, 1, 0, 1, 0);
  assert.equal(told, 2);
});

test('what was overwritten before it was read is counted', () => {
  const memory = newTape();
  const reader = new TapeReader(memory);
  const writer = new TapeWriter(memory, () => {});
  const count = 100_000;
  for (let n = 0; n < count; n++) writer.booked(n, n, 0, 1, 0);
  const { bookings, missed } = readAll(reader);
  assert.equal(bookings.length + missed, count);
  assert.ok(missed > 0);
  for (const [n, { build }] of bookings.entries()) assert.equal(build, missed + n);
});

test('a reader beside a writer that does not pause reads nothing torn and nothing twice', async (t) => {
  const memory = newTape();
  const reader = new TapeReader(memory);
  const count = 3_000_000;
  const url = new URL('../../src/observe/tape.ts', import.meta.url);
  const code = `const { workerData } = require('node:worker_threads');
    import(${JSON.stringify(url.href)}).then(({ TapeWriter }) => {
      const writer = new TapeWriter(workerData, () => {});
      for (let n = 0; n < ${count}; n++) writer.booked(n, n, n ^ 5, n & 1023, -(n & 1023));
    });`;
  const worker = new Worker(code, { eval: true, workerData: memory });
  t.after(() => worker.terminate());
  let next = 0;
  let read = 0;
  let missed = 0;
  await until('all of it is read', () => {
    missed += reader.read(({ time, build, pid, held, offered }) => {
      assert.ok(build >= next);
      assert.deepEqual([time, pid, held, offered], [build, build ^ 5, build & 1023, 0 - (build & 1023)]);
      next = build + 1;
      read++;
    });
    return read + missed === count;
  });
});
