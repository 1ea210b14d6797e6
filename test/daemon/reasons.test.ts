// Why a build that waits has nothing more now: each cause, in the words that people read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cap } from '../../src/core/caps.ts';
import { type BuildOpening, Ledger } from '../../src/core/ledger.ts';
import { GIVE_WAY, type Policy, SET_ASIDE, STRICT_POLICY } from '../../src/core/policy.ts';
import type { Build, Client } from '../../src/core/types.ts';
import { waitsOf } from '../../src/core/waits.ts';
import { estimateOf, reasonOf } from '../../src/daemon/reasons.ts';

class World {
  readonly ledger: Ledger;
  #now = 0;

  constructor(capacity: number, policy: Partial<Policy> = {}) {
    this.ledger = new Ledger(capacity, () => {}, { audit: true, policy: { ...STRICT_POLICY, ...policy } });
  }

  /** A build whose one client asks for slots one by one, or for `min` of them at once. */
  build(slots: number, { min, ...opening }: BuildOpening & { min?: number } = {}): Client {
    const client = this.ledger.openClient(this.ledger.openBuild({ user: 1000, ...opening }), 'exact');
    this.ask(client, slots, min);
    return client;
  }

  ask(client: Client, slots: number, min?: number): void {
    for (let n = 0; n < slots; n++) {
      const waiter = { client, reserves: false, since: 0, order: 0, ...(min !== undefined && { min, max: min }) };
      this.ledger.acquire(waiter, this.#now);
    }
  }

  pass(ms: number): void {
    this.#now += ms;
    this.ledger.settle(this.#now);
  }

  reason({ build }: { build: Build }): string | undefined {
    const { capacity, limit } = this.ledger;
    const limits = [{ reason: 'memory: 1 MiB left' }];
    const wait = waitsOf(this.ledger)(build);
    return wait && reasonOf(wait, { user: 'jo', capacity, limit, limits });
  }
}

test('who waits for nothing needs no reason', () => {
  const world = new World(4);
  assert.equal(world.reason(world.build(2)), undefined);
});

test('all slots are out, and others go first', () => {
  const world = new World(2);
  world.build(2);
  const [second, third] = [world.build(1), world.build(1)];
  assert.equal(world.reason(second), 'all 2 slots are out; 1st in the queue');
  assert.equal(world.reason(third), 'all 2 slots are out; 2nd in the queue');
  const own = new World(3);
  assert.equal(own.reason(own.build(4)), 'all 3 slots are out; 1st in the queue', 'nobody shares with it');
  const alone = new World(1);
  alone.build(1);
  assert.equal(alone.reason(alone.build(1)), 'the slot is out; 1st in the queue');
});

test('it has its share', () => {
  const world = new World(5);
  const first = world.build(8);
  world.build(1);
  assert.equal(world.reason(first), 'it has 5 slots, and its share is 2.5; 2nd in the queue');
});

test('a bound is used up: its own, that of its user, or one that it shares with others', () => {
  const own = new World(4);
  assert.equal(own.reason(own.build(3, { max: 2 })), 'it may have 2 slots; 2 of these are out');
  const user = new World(4, { userMax: 1 });
  assert.equal(user.reason(user.build(2)), 'builds of user jo may have 1 slot in all; 1 of these is out');
  for (const [name, who] of [
    ['rule 1 (label ci *)', 'builds under rule 1 (label ci *)'],
    ['cgroup:/sys/fs/cgroup/box', 'builds in /sys/fs/cgroup/box'],
  ] as const) {
    const world = new World(8);
    const caps = [new Cap(name, 3)];
    world.build(2, { caps });
    const waits = world.build(1, { caps, min: 2 });
    assert.equal(world.reason(waits), `${who} may have 3 slots in all; 2 of these are out; 1 set aside`);
  }
  const client = new World(4, { clientMax: 1 });
  assert.equal(client.reason(client.build(2)), 'each of its processes may have 1 slot');
});

test('the machine can bear fewer', () => {
  const world = new World(8);
  world.ledger.setLimit(2);
  assert.equal(world.reason(world.build(3)), '2 of 8 slots may be out now: memory: 1 MiB left; 1st in the queue');
});

test('it is in the background, and comes after those that are not', () => {
  const world = new World(1);
  world.build(1);
  const [back, front] = [world.build(1, { class: 'background' }), world.build(1)];
  assert.equal(world.reason(back), 'it is in the background, and others wait; 2nd in the queue');
  assert.equal(world.reason(front), 'the slot is out; 1st in the queue');
});

test('several at once are waited for, what is free is kept for them, and after a while they give way', () => {
  const world = new World(4);
  world.build(2);
  const lease = world.build(1, { min: 3 });
  const other = world.build(1);
  assert.equal(world.reason(lease), '1st in the queue; 2 set aside');
  assert.equal(world.reason(other), 'what is free is kept for a build that needs 3 at once; 2nd in the queue');
  world.pass(SET_ASIDE);
  assert.equal(world.reason(lease), 'others go first for a while, as 3 slots did not come together in time');
  assert.equal(world.reason(other), undefined);
  world.pass(GIVE_WAY + 1);
  assert.equal(world.reason(lease), '1st in the queue; 1 set aside');
});

test('what a bound allows is kept for several at once', () => {
  const world = new World(8);
  const caps = [new Cap('rule 1 (label ci *)', 4)];
  const holder = world.build(1, { caps });
  const [, last] = [world.build(1, { caps }), world.build(1, { caps })];
  const lease = world.build(1, { caps, min: 3 });
  const other = world.build(1, { caps });
  const full = 'builds under rule 1 (label ci *) may have 4 slots in all; 3 of these are out';
  assert.equal(world.reason(lease), `${full}; 1 set aside`);
  assert.equal(world.reason(other), 'what is free under rule 1 (label ci *) is kept for a build that needs 3 at once');
  world.ledger.release(last, 1);
  world.ledger.release(holder, 1);
  assert.deepEqual([world.reason(lease), lease.held], [undefined, 3]);
});

test('when it probably has its turn, and of what that is made', () => {
  const lately = (slots: number, span: number) => () => ({ slots, span });
  assert.deepEqual(estimateOf({ returns: 5 }, lately(25, 58_000)), {
    estimate: (5 * 58_000) / 24,
    basis: '25 slots came back in the last minute, and the 5th from now is probably its own',
  });
  assert.deepEqual(estimateOf({ returns: 1, of: [7] }, lately(2, 3100)), {
    estimate: 3100,
    basis: '2 slots under the same bound came back in the last 3 s, and the 1st from now is probably its own',
  });
  assert.deepEqual(estimateOf({ returns: 0 }, lately(0, 0)), { estimate: 0, basis: 'it is its turn' });
  assert.deepEqual(estimateOf({ returns: 2 }, lately(0, 0)), { basis: 'no slot came back in the last minute' });
  assert.deepEqual(estimateOf({ returns: 2 }, lately(1, 900)), { basis: 'only 1 slot came back in the last minute' });
  assert.deepEqual(estimateOf({ why: 'others' }, lately(9, 900)), { basis: 'others go first as long as they wait' });
  assert.deepEqual(estimateOf({ why: 'itself' }, lately(9, 900)), { basis: 'it has to return a slot itself' });
});
