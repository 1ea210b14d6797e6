import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MAX_FDS, MAX_TEXT, receiveMessage, sendMessage, socketPair, waitToSend } from '../../src/kernel/fds.ts';
import { EAGAIN, EPIPE } from '../../src/kernel/io.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const next = (socket: number) => {
  const received = receiveMessage(socket, { wait: false });
  assert.ok(typeof received === 'object');
  return received;
};

const openFiles = () => readdirSync('/proc/self/fd').length;

test('a message and a descriptor arrive together, and outlive what was sent', (t) => {
  const [one, other] = socketPair();
  const path = join(temporaryFolder(t), 'file');
  const file = openSync(path, 'w+');
  assert.equal(sendMessage(one, 'keep file', [file]), 0);
  closeSync(file);
  closeSync(one);
  const { message, fds, truncated } = next(other);
  assert.deepEqual([message, fds.length, truncated], ['keep file', 1, false]);
  writeSync(fds[0] as number, 'ours');
  assert.equal(readFileSync(path, 'utf8'), 'ours');
  assert.match(readFileSync(`/proc/self/fdinfo/${fds[0]}`, 'utf8'), /^flags:\s+02/m, 'close-on-exec');
  closeSync(fds[0] as number);
  assert.equal(receiveMessage(other, { wait: false }), undefined, 'the other end is gone');
  closeSync(other);
});

test('messages keep their bounds and their order, with as many descriptors as one can carry, or none', () => {
  const [one, other] = socketPair();
  const before = openFiles();
  const file = openSync('/dev/zero', 'r');
  for (const count of [0, 1, 2, 3, MAX_FDS]) {
    assert.equal(sendMessage(one, `${count} ${'x'.repeat(count * 10)}`, new Array<number>(count).fill(file)), 0);
  }
  assert.equal(sendMessage(one, 'y'.repeat(MAX_TEXT)), 0);
  closeSync(file);
  for (const count of [0, 1, 2, 3, MAX_FDS]) {
    const { message, fds } = next(other);
    assert.equal(message, `${count} ${'x'.repeat(count * 10)}`);
    assert.equal(new Set(fds).size, count);
    for (const fd of fds) {
      assert.equal(readSync(fd, Buffer.alloc(1)), 1);
      closeSync(fd);
    }
  }
  assert.equal(next(other).message, 'y'.repeat(MAX_TEXT));
  assert.equal(receiveMessage(other, { wait: false }), -EAGAIN);
  assert.equal(openFiles(), before);
  closeSync(one);
  closeSync(other);
});

test('a full socket is told, and so is when it has room again', () => {
  const [one, other] = socketPair();
  let sent = 0;
  while (sendMessage(one, 'x'.repeat(1000)) === 0) sent++;
  assert.ok(sent > 100, `${sent} messages were sent`);
  assert.equal(sendMessage(one, 'more'), -EAGAIN);
  assert.equal(waitToSend(one, 0), false);
  for (let i = 0; i < sent; i++) next(other);
  assert.equal(waitToSend(one, 20_000), true);
  assert.equal(sendMessage(one, 'more'), 0);
  next(other);
  closeSync(other);
  assert.equal(sendMessage(one, 'to nobody'), -EPIPE);
  closeSync(one);
});

test('another thread sends by itself, while this one waits', async (t) => {
  const [one, other] = socketPair();
  const fds = new URL('../../src/kernel/fds.ts', import.meta.url).href;
  const code = `const { sendMessage } = await import(${JSON.stringify(fds)});
    sendMessage(${one}, 'from a thread', [0]);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  t.after(() => worker.terminate());
  const received = receiveMessage(other, { wait: true });
  assert.ok(typeof received === 'object');
  assert.equal(received.message, 'from a thread');
  for (const fd of [one, other, ...received.fds]) closeSync(fd);
});
