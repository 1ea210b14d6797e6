// What came back in the last minute, and what that lets one expect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expected, Returns } from '../../src/observe/returns.ts';

const NOW = 1_795_478_603_250;

test('what came back counts for a minute, by build', () => {
  const returns = new Returns();
  assert.deepEqual(returns.lately(NOW), { slots: 0, span: 0 });
  returns.add(NOW, 1, 2);
  returns.add(NOW + 10, 2, 1);
  returns.add(NOW + 20_000, 1, 1);
  assert.deepEqual(returns.lately(NOW + 30_000), { slots: 4, span: 30_000 });
  assert.deepEqual(returns.lately(NOW + 30_000, [1]), { slots: 3, span: 30_000 });
  assert.deepEqual(returns.lately(NOW + 30_000, [3, 2]), { slots: 1, span: 30_000 });
  assert.deepEqual(returns.lately(NOW + 61_000), { slots: 1, span: 41_000 });
  returns.add(NOW + 200_000, 1, 1);
  assert.deepEqual(returns.lately(NOW + 200_500), { slots: 1, span: 500 });
});

test('slots that come back steadily let the next one be expected after as long', () => {
  const returns = new Returns();
  for (let n = 0; n <= 20; n++) returns.add(NOW + n * 2000, 1, 1);
  const lately = returns.lately(NOW + 40_000);
  assert.equal(expected(1, lately), 2000);
  assert.equal(expected(6, lately), 12_000);
  assert.equal(expected(0, lately), 0);
});

test('of fewer than two nothing can be expected', () => {
  assert.equal(expected(3, { slots: 0, span: 0 }), undefined);
  assert.equal(expected(3, { slots: 1, span: 20_000 }), undefined);
  assert.equal(expected(0, { slots: 0, span: 0 }), 0, 'it is its turn');
});
