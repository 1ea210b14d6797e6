import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { bytesInPipe } from '../../src/kernel/fionread.ts';
import { readBytes, writeBytes } from '../../src/kernel/io.ts';
import { pipe } from './helpers/pipe.ts';

test('the bytes in a pipe are counted from either end, and stay there', (t) => {
  const { readEnd, writeEnd } = pipe(t);
  assert.equal(bytesInPipe(writeEnd), 0);
  writeBytes(writeEnd, Buffer.alloc(4096, '+'), 4096);
  for (const end of [readEnd, writeEnd, readEnd, writeEnd]) assert.equal(bytesInPipe(end), 4096);
  readBytes(readEnd, Buffer.alloc(96), 96);
  assert.equal(bytesInPipe(writeEnd), 4000);
});

test('the bytes in a pipe without a reader are counted', (t) => {
  const { readEnd, writeEnd } = pipe(t);
  writeBytes(writeEnd, Buffer.from('+++'), 3);
  closeSync(readEnd);
  assert.equal(bytesInPipe(writeEnd), 3);
});

test('errors of FIONREAD have the names of their errno', (t) => {
  const fd = openSync('/dev/null', 'r');
  t.after(() => closeSync(fd));
  assert.throws(() => bytesInPipe(fd), { code: 'ENOTTY', syscall: 'ioctl FIONREAD' });
  assert.throws(() => bytesInPipe(99_999), { code: 'EBADF' });
});
