// poll(2) for one descriptor, and system calls that a timer interrupts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { alarmEvery } from '../../src/kernel/alarm.ts';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { readBytes } from '../../src/kernel/io.ts';
import { POLLIN, POLLOUT, pollOne } from '../../src/kernel/poll.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A FIFO, open in a way in which reads wait. */
function openFifo(t: TestContext): { fd: number; path: string } {
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  const fd = openSync(path, constants.O_RDWR);
  t.after(() => closeSync(fd));
  return { fd, path };
}

test('poll says what can be done with a descriptor, after waiting for it', (t) => {
  const { fd } = openFifo(t);
  assert.equal(pollOne(fd, POLLIN | POLLOUT, 0), POLLOUT);
  assert.equal(pollOne(fd, POLLIN, 5), 0);
  writeSync(fd, '+');
  assert.equal(pollOne(fd, POLLIN | POLLOUT, -1), POLLIN | POLLOUT);
});

test('an alarm ends a read that waits, again and again, until it is stopped', (t) => {
  const { fd } = openFifo(t);
  const byte = new Uint8Array(1);
  const stop = alarmEvery(10, { restart: false });
  for (let n = 0; n < 3; n++) assert.equal(readBytes(fd, byte, 1), -os.constants.errno.EINTR);
  stop();
  assert.equal(pollOne(fd, POLLIN, 50), 0, 'nothing interrupts it');
});

test('an alarm that asks for that lets the kernel begin the read again', (t) => {
  const { fd, path } = openFifo(t);
  const stop = alarmEvery(10, { restart: true });
  spawn('sh', ['-c', 'sleep 0.3; printf + >"$0"', path], { stdio: 'ignore' });
  assert.equal(readBytes(fd, new Uint8Array(1), 1), 1);
  stop();
});
