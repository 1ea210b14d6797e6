import assert from 'node:assert/strict';
import { closeSync, readSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasReader, makeFifo, openReadEnd, openWriteEnd, pathOf } from '../../src/kernel/fifo.ts';
import { writeBytes } from '../../src/kernel/io.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { pipe } from './helpers/pipe.ts';

test('a FIFO is made with its mode', (t) => {
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  const found = statSync(path);
  assert.ok(found.isFIFO());
  assert.equal(found.mode & 0o777, 0o600);
});

test('errors of mkfifo have the names of their errno', (t) => {
  const folder = temporaryFolder(t);
  makeFifo(join(folder, 'fifo'), 0o600);
  assert.throws(() => makeFifo(join(folder, 'fifo'), 0o600), { code: 'EEXIST', syscall: 'mkfifo' });
  assert.throws(() => makeFifo(join(folder, 'none/fifo'), 0o600), { code: 'ENOENT' });
  rmSync(join(folder, 'fifo'));
  assert.throws(() => makeFifo(join(folder, 'x'.repeat(300)), 0o600), { code: 'ENAMETOOLONG' });
});

test('a write end without a reader is refused, a read end without a writer is not', (t) => {
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  assert.throws(() => openWriteEnd(path), { code: 'ENXIO' });
  const readEnd = openReadEnd(path);
  t.after(() => closeSync(readEnd));
  closeSync(openWriteEnd(path));
});

test('a write end knows whether it has a reader', (t) => {
  const { readEnd, writeEnd } = pipe(t);
  assert.ok(hasReader(writeEnd));
  writeBytes(writeEnd, Buffer.from('+'), 1);
  assert.ok(hasReader(writeEnd));
  closeSync(readEnd);
  assert.ok(!hasReader(writeEnd));
});

test('a FIFO that has lost its name can be opened anew by its descriptor', (t) => {
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  const first = openReadEnd(path);
  const writeEnd = openWriteEnd(path);
  t.after(() => closeSync(writeEnd));
  unlinkSync(path);
  writeBytes(writeEnd, Buffer.from('+'), 1);
  const second = openReadEnd(pathOf(writeEnd));
  t.after(() => closeSync(second));
  closeSync(first);
  assert.ok(hasReader(writeEnd));
  const byte = Buffer.alloc(2);
  assert.equal(readSync(second, byte), 1);
  assert.equal(byte[0], '+'.charCodeAt(0));
});
