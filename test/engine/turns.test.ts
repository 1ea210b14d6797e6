// Whose processes are looked up when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../src/engine/turns.ts';

test('a crowd of one user waits behind itself, in order, and nobody else waits', async () => {
  const turns = new Turns();
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const task = (name: string) => () => {
    begun.push(name);
    return new Promise<void>((end) => ends.push(end));
  };
  const names = Array.from({ length: 18 }, (_, i) => `own ${i}`);
  const all = names.map((name) => turns.take(1, task(name)));
  all.push(turns.take(2, task('other')));
  assert.deepEqual(begun, [...names.slice(0, 16), 'other']);
  for (let i = 0; i < all.length; i++) {
    ends[i]?.();
    await new Promise(setImmediate);
  }
  await Promise.all(all);
  assert.deepEqual(begun, [...names.slice(0, 16), 'other', ...names.slice(16)]);
});

test('a look-up that fails makes room for the next', async () => {
  const turns = new Turns();
  const fails = Array.from({ length: 10 }, () => turns.take(1, () => Promise.reject(new Error('no'))));
  assert.equal((await Promise.allSettled(fails)).filter(({ status }) => status === 'rejected').length, 10);
  assert.equal(await turns.take(1, async () => 'yes'), 'yes');
});
