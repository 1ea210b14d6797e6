// The pictures of `stint top`, as text: each stands in test/fixtures/screens, as somebody looked at it and found it good. With
// STINT_SCREENS=write they are written anew.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Paint, paintOf } from '../../../src/cli/term/paint.ts';
import { textOf } from '../../../src/cli/term/screen.ts';
import { widthOf } from '../../../src/cli/term/width.ts';
import { frame } from '../../../src/cli/top/frame.ts';
import { newView, ORDERS, type View } from '../../../src/cli/top/view.ts';
import { buildOf, busyPool, clientOf, NOON, poolOf, viewOf } from './pools.ts';

process.env.TZ = 'UTC';
const folder = join(import.meta.dirname, '../../fixtures/screens');
const FULL = paintOf({ TERM: 'xterm-256color', LANG: 'C.UTF-8' });
const PLAIN = paintOf({ TERM: 'dumb', LANG: 'C' });

function looksAs(name: string, view: View, [columns, rows]: readonly [number, number], paint: Paint = FULL): void {
  const lines = frame(view, { columns, rows }, paint).map((line) => textOf(line).trimEnd());
  assert.equal(lines.length, rows);
  for (const line of lines) assert.ok(widthOf(line) <= columns, `${widthOf(line)} columns: ${line}`);
  const path = join(folder, `${name}.txt`);
  const text = `${lines.join('\n')}\n`;
  if (process.env.STINT_SCREENS === 'write') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  }
  assert.equal(text, readFileSync(path, 'utf8'));
}

const changed = (view: View, more: Partial<View>): View => Object.assign(view, more);

test('a busy machine on a terminal of the usual size', () => looksAs('busy-80x24', viewOf(busyPool()), [80, 24]));

test('README shows one as it looks now, of real builds', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const [, shown = ''] = /^```\n(stint {2}[\s\S]*?)^```$/m.exec(readme) ?? [];
  const own = frame(viewOf(busyPool()), { columns: 80, rows: 14 }, FULL).map((line) => textOf(line).trimEnd());
  const lines = shown.split('\n');
  const heads = (line = '') => line.match(/[A-Z]+/g);
  assert.deepEqual(heads(lines[5]), heads(own[5]));
  assert.equal(lines[13], own[13]);
  assert.match(lines[0] as string, /^stint {2}.* pool {2}\d+ builds?.* {2}up .*\d\d:\d\d:\d\d$/);
  assert.match(lines[2] as string, /^█ \d+ held .*· \d+ free {2}.*of \d+$/);
});

test('on a small one', () => looksAs('busy-40x10', viewOf(busyPool()), [40, 10]));

test('on a large one, with what the builds have used', () => looksAs('busy-200x60', viewOf(busyPool()), [200, 60]));

test('without colours and characters beyond ASCII', () =>
  looksAs('busy-ascii-80x24', viewOf(busyPool()), [80, 24], PLAIN));

test('with the processes of a build, sorted by what builds use', () => {
  const view = changed(viewOf(busyPool()), { order: 'slots', selected: 1 });
  view.expanded.add(1).add(7);
  looksAs('processes-80x24', view, [80, 24]);
});

test('a pool without builds', () => looksAs('idle-80x24', viewOf(poolOf([])), [80, 24]));

test('a filter that fits nothing, while it is typed', () => {
  const view = changed(viewOf(busyPool()), { filter: 'rust', prompt: { ask: 'filter', text: 'rust' } });
  looksAs('filter-80x24', view, [80, 24]);
});

test('questions before a build is changed', () => {
  const status = poolOf([buildOf({ id: 3, label: 'make', held: 2, stranded: 2 })]);
  looksAs('reclaim-80x10', changed(viewOf(status), { prompt: { ask: 'reclaim', id: 3 } }), [80, 10]);
  looksAs('class-80x10', changed(viewOf(status), { prompt: { ask: 'class', id: 3 } }), [80, 10]);
  looksAs('weight-80x10', changed(viewOf(status), { prompt: { ask: 'weight', id: 3, text: '2.5' } }), [80, 10]);
});

test('the keys', () => looksAs('help-80x24', changed(viewOf(busyPool()), { help: true }), [80, 24]));

test('a daemon that has gone, with what it said last', () => {
  const trouble = 'no daemon is running for /run/stint';
  looksAs('gone-80x24', changed(viewOf(busyPool()), { trouble, now: NOON + 5000 }), [80, 24]);
  looksAs('none-80x10', changed(newView(NOON), { trouble }), [80, 10]);
});

test('more out than there is', () => {
  const status = poolOf([buildOf({ id: 1, label: 'make', held: 9 }), buildOf({ id: 2, label: 'cargo', held: 3 })], {
    capacity: 8,
    with: [{ id: 1, label: 'emerge webkit-gtk', pid: 17, user: 'root', uid: 0, since: NOON, slots: 8 }],
  });
  looksAs('beyond-80x10', viewOf(status), [80, 10]);
});

test('of many builds those are shown that there is room for, the chosen one among them', () => {
  const clients = [clientOf({ pid: 5, program: 'make' }), clientOf({ pid: 6, program: 'cc' })];
  const builds = Array.from({ length: 200 }, (_, n) => buildOf({ id: n + 1, label: `build ${n + 1}`, clients }));
  const view = changed(viewOf(poolOf(builds, { capacity: 1024 })), { selected: 150 });
  looksAs('many-80x24', view, [80, 24]);
  view.expanded.add(150);
  const texts = frame(view, { columns: 80, rows: 24 }, FULL).map(textOf);
  assert.ok(
    texts.some((text) => /▶ .* build 150/.test(text)) && texts.some((text) => / 6 cc /.test(text)),
    texts.join('\n'),
  );
});

test('every pool has a picture of every size, and from 50 columns on no line of it is too long', () => {
  const build = fc.record({
    id: fc.integer({ min: 1, max: 99_999 }),
    label: fc.string({ unit: 'binary', maxLength: 60 }),
    user: fc.string({ unit: 'grapheme', maxLength: 20 }),
    held: fc.integer({ min: -1, max: 5000 }),
    implicit: fc.nat(50),
    offered: fc.nat(50),
    waiting: fc.nat(5000),
    stranded: fc.nat(2),
    share: fc.double({ min: 0, max: 4096, noNaN: true }),
    since: fc.integer({ min: NOON - 1e10, max: NOON + 1e6 }),
    slotSeconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
    class: fc.constantFrom('interactive' as const, 'normal' as const, 'background' as const),
    clients: fc.array(fc.constant(clientOf({ pid: 1, program: 'make\n' })), { maxLength: 3 }),
  });
  const pool = fc.record({ builds: fc.array(build, { maxLength: 12 }), capacity: fc.integer({ min: 1, max: 4096 }) });
  const chosen = fc.record({
    order: fc.constantFrom(...ORDERS),
    reversed: fc.boolean(),
    filter: fc.string({ unit: 'binary', maxLength: 3 }),
    help: fc.boolean(),
    selected: fc.nat(20),
    scroll: fc.nat(30),
  });
  const size = fc.record({ columns: fc.integer({ min: 1, max: 250 }), rows: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(
      pool,
      chosen,
      size,
      fc.constantFrom(FULL, PLAIN),
      ({ builds, capacity }, more, { columns, rows }, paint) => {
        const unique = [...new Map(builds.map((one) => [one.id, buildOf(one)])).values()];
        const view = changed(viewOf(poolOf(unique, { capacity })), more);
        for (const { id } of unique.slice(0, 3)) view.expanded.add(id);
        const lines = frame(view, { columns, rows }, paint).map((line) => textOf(line).trimEnd());
        assert.equal(lines.length, rows);
        for (const line of lines) {
          assert.ok(columns < 50 || widthOf(line) <= columns, `${widthOf(line)} columns: ${line}`);
          assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u);
        }
      },
    ),
    { numRuns: 300 },
  );
});
