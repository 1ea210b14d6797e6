// The tray, and what is written down of it: at any moment the two together tell how many slots are in a pipe or were taken from it.
import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { bytesInPipe } from '../../src/kernel/fionread.ts';
import { EPIPE, readBytes } from '../../src/kernel/io.ts';
import { openPipe } from '../../src/kernel/splice.ts';
import { type Moves, Tray } from '../../src/nodes/tray.ts';

/** A client's pipe, a tray, and what was written down. */
function scene() {
  const pipe = openPipe();
  const told: string[] = [];
  let tray: Tray | undefined;
  const moves: Moves = {
    moving: (record, count) =>
      told.push(`${record} is to move ${count}, ${bytesInPipe(tray?.readEnd as number)} in the tray`),
    moved: (record, count) =>
      told.push(`${record} has moved ${count}, ${bytesInPipe(tray?.readEnd as number)} in the tray`),
    settle: () => {},
  };
  tray = new Tray(moves);
  return { pipe, told, tray };
}

test('slots pass through the tray in both directions, and it is empty afterwards', () => {
  const { pipe, told, tray } = scene();
  assert.equal(tray.put(pipe.writeEnd, 7, 3), 3);
  assert.equal(bytesInPipe(pipe.readEnd), 3);
  assert.equal(tray.take(pipe.readEnd, 7, 9), 3);
  assert.deepEqual(told, [
    '7 is to move 3, 3 in the tray',
    '7 has moved 3, 0 in the tray',
    '7 is to move -9, 0 in the tray',
    '7 has moved -3, 3 in the tray',
  ]);
  assert.equal(bytesInPipe(tray.readEnd), 0);
});

test('a pipe that has no room for one more piece gets it by a write', () => {
  const { pipe, tray } = scene();
  for (let i = 0; i < 100; i++) assert.equal(tray.put(pipe.writeEnd, 1, 1), 1);
  assert.equal(bytesInPipe(pipe.readEnd), 100);
  assert.equal(bytesInPipe(tray.readEnd), 0);
  const bytes = Buffer.alloc(200);
  assert.equal(bytes.toString('latin1', 0, readBytes(pipe.readEnd, bytes, 200)), '+'.repeat(100));
});

test('nobody gets what nobody can read', () => {
  const { pipe, told, tray } = scene();
  closeSync(pipe.readEnd);
  assert.equal(tray.put(pipe.writeEnd, 1, 2), -EPIPE);
  assert.equal(told.at(-1), '1 has moved 0, 2 in the tray');
  assert.equal(bytesInPipe(tray.readEnd), 0);
});
