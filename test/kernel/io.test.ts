import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import os from 'node:os';
import { test } from 'node:test';
import { EAGAIN, EPIPE, readBytes, writeBytes } from '../../src/kernel/io.ts';
import { pipe } from './helpers/pipe.ts';

test('what is written can be read', (t) => {
  const { readEnd, writeEnd } = pipe(t);
  assert.equal(writeBytes(writeEnd, Buffer.from('abcdef'), 4), 4);
  const buffer = Buffer.alloc(8);
  assert.equal(readBytes(readEnd, buffer, 3), 3);
  assert.equal(buffer.toString('latin1', 0, 3), 'abc');
  assert.equal(readBytes(readEnd, buffer, 8), 1);
  assert.equal(buffer.toString('latin1', 0, 1), 'd');
});

test('an empty pipe and a full one answer EAGAIN', (t) => {
  const { readEnd, writeEnd } = pipe(t);
  assert.equal(readBytes(readEnd, Buffer.alloc(1), 1), -EAGAIN);
  const chunk = Buffer.alloc(65_536);
  while (writeBytes(writeEnd, chunk, chunk.length) > 0);
  assert.equal(writeBytes(writeEnd, chunk, chunk.length), -EAGAIN);
});

test('a pipe without a writer reads as ended, one without a reader answers EPIPE', (t) => {
  const one = pipe(t);
  closeSync(one.writeEnd);
  assert.equal(readBytes(one.readEnd, Buffer.alloc(1), 1), 0);
  const other = pipe(t);
  closeSync(other.readEnd);
  assert.equal(writeBytes(other.writeEnd, Buffer.from('+'), 1), -EPIPE);
});

test('a descriptor that is not open answers EBADF', () => {
  const { EBADF } = os.constants.errno;
  assert.equal(readBytes(99_999, Buffer.alloc(1), 1), -EBADF);
  assert.equal(writeBytes(99_999, Buffer.alloc(1), 1), -EBADF);
});
