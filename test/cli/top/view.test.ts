// What `stint top` keeps and what keys do to it, without a terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { press } from '../../../src/cli/top/press.ts';
import { spark } from '../../../src/cli/top/spark.ts';
import { heard, newView, ORDERS, PAST, shownBuilds } from '../../../src/cli/top/view.ts';
import { buildOf, busyPool, clientOf, NOON, poolOf, viewOf } from './pools.ts';

const ids = (view: ReturnType<typeof newView>) => shownBuilds(view).map(({ id }) => id);

test('builds are in the order of what was chosen, the most first', () => {
  const view = viewOf(busyPool());
  const orders = ORDERS.map((order) => [order, ids(Object.assign(view, { order })).join(' ')]);
  assert.deepEqual(Object.fromEntries(orders), {
    came: '1 2 4 7 9',
    slots: '1 2 4 7 9',
    waiting: '1 9 2 4 7',
    share: '1 2 4 7 9',
    time: '7 4 2 1 9',
    work: '2 1 4 7 9',
    memory: '2 1 4 7 9',
    user: '1 7 4 9 2',
    label: '9 2 1 4 7',
  });
  view.reversed = true;
  assert.deepEqual(ids(view), [7, 4, 1, 2, 9]);
});

test('a filter looks at labels, users, classes, states and programs', () => {
  const view = viewOf(busyPool());
  for (const [filter, found] of [
    ['CARGO', [9]],
    ['portage', [2]],
    ['ninja', [1]],
    ['background', [2]],
    ['starting', [9]],
    ['bo', [4, 9]],
    ['none of them', []],
  ] as const) {
    view.filter = filter;
    assert.deepEqual(ids(view), found, filter);
  }
});

test('another daemon is another pool: nothing of the one before is kept', () => {
  const view = viewOf(poolOf([buildOf({ id: 1, label: 'make' })]));
  view.expanded.add(1);
  assert.ok((view.past.get(1)?.length ?? 0) > 1);
  const next = poolOf([buildOf({ id: 1, label: 'cargo' })]);
  heard(view, { ...next, daemon: { ...next.daemon, since: NOON } }, NOON);
  assert.deepEqual([view.past.get(1)?.length, view.expanded.size], [1, 0]);
});

test('what is older than the curve, and builds that are over, are forgotten', () => {
  const view = newView(NOON);
  const status = poolOf([buildOf({ id: 1, label: 'make' })]);
  for (let at = 0; at <= 2 * PAST; at += 500) heard(view, status, NOON + at);
  assert.equal(view.past.get(1)?.length, PAST / 500 + 1);
  heard(view, poolOf([]), NOON + 3 * PAST);
  assert.equal(view.past.size, 0);
});

test('a curve has the most of each part of the minute, and nothing before the build came', () => {
  const samples = [
    { at: NOON - 30_000, slots: 2 },
    { at: NOON - 29_000, slots: 8 },
    { at: NOON - 10_000, slots: 0 },
    { at: NOON, slots: 1 },
  ];
  assert.equal(spark(samples, 6, { now: NOON, most: 8, levels: ' 12345678' }), '   881');
});

test('keys ask the daemon only for what they are to', () => {
  const lost = buildOf({ id: 3, label: 'make', stranded: 2, clients: [clientOf({ pid: 9, program: 'make' })] });
  const view = viewOf(poolOf([buildOf({ id: 2, label: 'cargo' }), lost]));
  const typed = (keys: readonly string[]) =>
    keys.map((key) => press(view, key)).filter((action) => action !== undefined);
  assert.deepEqual(typed(['down', 'c', 'x']), []);
  assert.deepEqual(typed(['c', 'i']), [{ do: 'change', id: 3, change: { class: 'interactive' } }]);
  assert.deepEqual(typed(['w', '1', 'x', 'enter', 'w', '4', 'backspace', '2', 'enter']), [
    { do: 'change', id: 3, change: { weight: 2 } },
  ]);
  assert.deepEqual(typed(['r', 'n', 'r', 'y']), [{ do: 'reclaim', id: 3 }]);
  assert.deepEqual(typed(['up', 'r', 'y']), [], 'nothing is stranded there');
  assert.deepEqual(typed(['/', 'q', 'enter', 'escape', '?', 'x', 'q']), [{ do: 'quit' }]);
  assert.deepEqual(typed(['/', 'ctrl-c', 'escape', 'ctrl-z', 'ctrl-l']), [
    { do: 'quit' },
    { do: 'suspend' },
    { do: 'redraw' },
  ]);
});

test('keys on an empty pool do no harm', () => {
  const view = newView(NOON);
  for (const key of ['down', 'end', 'enter', 'w', 'c', 'r', 's', 'S', 'page-up'])
    assert.equal(press(view, key), undefined);
});
