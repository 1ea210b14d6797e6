import assert from 'node:assert/strict';
import { closeSync, readSync } from 'node:fs';
import { test } from 'node:test';
import { mapMemory, openMemory } from '../../src/kernel/memory.ts';

test('what is stored in memory is seen by whoever has it, also after the descriptor was closed', () => {
  const fd = openMemory('test', 8192);
  const first = new Int32Array(mapMemory(fd, 8192));
  const second = new Int32Array(mapMemory(fd, 8192));
  first[2047] = -7;
  assert.equal(second[2047], -7);
  const bytes = new Int32Array(1);
  readSync(fd, bytes, 0, 4, 4 * 2047);
  assert.equal(bytes[0], -7);
  closeSync(fd);
  second[0] = 1;
  assert.equal(first[0], 1);
});

test('what cannot be mapped is an error with the name of its errno', () => {
  assert.throws(() => mapMemory(99_999, 4096), { code: 'EBADF', syscall: 'mmap' });
});
