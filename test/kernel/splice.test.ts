import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { pathOf } from '../../src/kernel/fifo.ts';
import { bytesInPipe } from '../../src/kernel/fionread.ts';
import { IN_ACCESS, IN_MODIFY, Inotify } from '../../src/kernel/inotify.ts';
import { EAGAIN, EPIPE, readBytes, writeBytes } from '../../src/kernel/io.ts';
import { moveBytes, openPipe, spliceIsHeard } from '../../src/kernel/splice.ts';
import { pipe } from './helpers/pipe.ts';

test('bytes are moved from one pipe to another, as many as there are', (t) => {
  const from = pipe(t);
  const to = pipe(t);
  writeBytes(from.writeEnd, Buffer.from('abc'), 3);
  assert.equal(moveBytes(from.readEnd, to.writeEnd, 2), 2);
  assert.deepEqual([from.readEnd, to.readEnd].map(bytesInPipe), [1, 2]);
  assert.equal(moveBytes(from.readEnd, to.writeEnd, 9), 1);
  const bytes = Buffer.alloc(9);
  assert.equal(bytes.toString('latin1', 0, readBytes(to.readEnd, bytes, 9)), 'abc');
});

test('nothing waits: not for bytes, not for room, not for a reader', (t) => {
  const from = openPipe();
  const to = openPipe();
  t.after(() => [from.readEnd, from.writeEnd, to.writeEnd].map((fd) => closeSync(fd)));
  assert.equal(moveBytes(from.readEnd, to.writeEnd, 1), -EAGAIN);
  let moved = 0;
  for (; ; moved++) {
    writeBytes(from.writeEnd, Buffer.from('+'), 1);
    if (moveBytes(from.readEnd, to.writeEnd, 1) !== 1) break;
  }
  assert.ok(moved > 0 && bytesInPipe(from.readEnd) === 1, 'what had no room stays where it was');
  assert.ok(writeBytes(to.writeEnd, Buffer.from('++'), 2) > 0, 'a write joins the last piece');
  closeSync(to.readEnd);
  assert.equal(moveBytes(from.readEnd, to.writeEnd, 1), -EPIPE);
});

test('inotify tells of it at both ends', { skip: spliceIsHeard ? false : 'Linux is older than 6.8' }, (t) => {
  const inotify = new Inotify();
  t.after(() => inotify.close());
  const from = pipe(t);
  const to = pipe(t);
  const watches = [from.writeEnd, to.writeEnd].map((fd) => inotify.watch(pathOf(fd), IN_ACCESS | IN_MODIFY));
  writeBytes(from.writeEnd, Buffer.from('+'), 1);
  inotify.read(() => {});
  moveBytes(from.readEnd, to.writeEnd, 1);
  const heard: [number, number][] = [];
  inotify.read((watch, mask) => heard.push([watch, mask]));
  assert.deepEqual(
    heard.sort(),
    [
      [watches[0], IN_ACCESS],
      [watches[1], IN_MODIFY],
    ].sort(),
  );
});
