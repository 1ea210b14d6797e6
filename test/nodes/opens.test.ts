// How often one user may have the file node open: others are to find room in the table of open files.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../src/core/ledger.ts';
import { FileNode, MAX_OPENS } from '../../src/nodes/file.ts';
import { Channel } from '../../src/nodes/fuse/channel.ts';

const ADA = 1000;
const ROOT = 0;
const REQUEST = { uniqueLow: 2, uniqueHigh: 0 };

test('a user has no more than his part, root has, and what is closed can be opened again', () => {
  const ledger = new Ledger(1, () => {});
  const file = new FileNode(ledger, new Channel((_, length) => length), { recall: () => {}, now: () => 0 });
  const opened = Array.from({ length: MAX_OPENS }, () => file.open(REQUEST, ADA));
  assert.equal(new Set(opened).size, MAX_OPENS);
  assert.equal(file.open(REQUEST, ADA), 0);
  assert.ok(file.open(REQUEST, ADA + 1) > 0);
  for (let i = 0; i <= MAX_OPENS; i++) assert.ok(file.open(REQUEST, ROOT) > 0);
  file.release(opened[7] as number, REQUEST);
  assert.equal(file.open(REQUEST, ADA), opened[7]);
  assert.equal(file.open(REQUEST, ADA), 0);
});
