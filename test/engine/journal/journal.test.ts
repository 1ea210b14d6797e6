// The journal as one engine writes it and the next one reads it, with a keeper that does nothing but hold descriptors.
import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Journal } from '../../../src/engine/journal/journal.ts';
import { MARK } from '../../../src/engine/journal/layout.ts';
import type { Store } from '../../../src/engine/journal/store.ts';
import { pathOf } from '../../../src/kernel/fifo.ts';
import { openPipe } from '../../../src/kernel/splice.ts';

class Keeper implements Store {
  readonly kept = new Map<string, number>();

  keep(key: string, fd: number): void {
    this.drop(key);
    this.kept.set(key, openSync(pathOf(fd), 'r+'));
  }

  drop(key: string): void {
    const fd = this.kept.get(key);
    if (fd !== undefined) closeSync(fd);
    this.kept.delete(key);
  }

  /** What the next engine gets: descriptors of its own. */
  hand(): Map<string, number> {
    return new Map([...this.kept].map(([key, fd]) => [key, openSync(pathOf(fd), 'r+')]));
  }
}

const begin = (keeper: Keeper): Journal => new Journal(keeper, keeper.hand());
const commit = (journal: Journal): void => journal.commit(openPipe().writeEnd);

test('the next journal knows what the last one was told, and takes its place', () => {
  const keeper = new Keeper();
  const first = begin(keeper);
  assert.equal(first.past, undefined);
  commit(first);
  const record = first.counters.open();
  first.counters.set(record, 3);
  first.counters.setMark(MARK.build, 12);
  first.put('build:1', { has: first.counters.markOf(record) });
  first.put('build:2', {});
  first.drop('build:2');

  const second = begin(keeper);
  assert.deepEqual([...(second.past?.facts.keys() ?? [])], ['stint', 'build:1']);
  assert.equal(second.past?.counters.value([record, 1]), 3);
  assert.equal(second.past?.counters.mark(MARK.build), 12);
  const again = begin(keeper);
  assert.deepEqual(again.past?.facts, second.past?.facts, 'who has not committed has changed nothing');
  commit(second);
  assert.deepEqual([...keeper.kept.keys()].sort(), ['counters:2', 'facts', 'tray:2']);
  assert.deepEqual([...(begin(keeper).past?.facts.keys() ?? [])], ['stint']);
});

test('descriptors that nobody has claimed are let go, but for those of others', () => {
  const keeper = new Keeper();
  commit(begin(keeper));
  const device = openSync('/dev/null', 'r+');
  for (const key of ['fuse', 'root:1', 'root:2']) keeper.keep(key, device);
  const next = begin(keeper);
  assert.ok((next.claim('root:1') ?? -1) >= 0);
  assert.equal(next.claim('fuse'), undefined);
  commit(next);
  assert.deepEqual(
    ['fuse', 'root:1', 'root:2'].map((key) => keeper.kept.has(key)),
    [true, true, false],
  );
});

test('the file of facts stays small, however often they change', () => {
  const keeper = new Keeper();
  const journal = begin(keeper);
  commit(journal);
  for (let i = 0; i < 20_000; i++) journal.put(`process:${i % 10}`, { i });
  const facts = keeper.kept.get('facts') as number;
  assert.ok(fstatSync(facts).size < 1 << 17);
  assert.ok(readFileSync(pathOf(facts), 'utf8').length > 0);
  const { past } = begin(keeper);
  assert.deepEqual(
    [...(past?.facts.values() ?? [])].slice(1),
    Array.from({ length: 10 }, (_, n) => ({ i: 19_990 + n })),
  );
});

test('what is no journal is refused', () => {
  const keeper = new Keeper();
  commit(begin(keeper));
  keeper.drop('counters:1');
  assert.throws(() => begin(keeper), /the counters of the journal are lost/);
});
