// Demands for several slots under bounds that others use as well, by ones: they are not starved, nor do they starve anybody, nor do
// they keep each other away. See world.ts for the clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cap } from '../../src/core/caps.ts';
import { GIVE_WAY, SET_ASIDE } from '../../src/core/policy.ts';
import { outstanding } from '../../src/core/types.ts';
import { waitsOf } from '../../src/core/waits.ts';
import { rounds } from '../helpers/rounds.ts';
import { STEP, type Worker, World } from './world.ts';

/** Steps in which a demand is tried once, and others have their turn. */
const TURN = (SET_ASIDE + GIVE_WAY) / STEP;

/** Of two bounds. */
const under = fc.constantFrom<number[]>([], [0], [0], [1], [0, 1]);
const terms = { user: fc.nat(2), weight: fc.constantFrom(1, 1, 2, 0.5), caps: under };
const singles = fc.array(
  fc.record({
    ...terms,
    class: fc.constantFrom('normal', 'normal', 'interactive' as const),
    holds: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 6 },
);
const demands = fc.array(
  fc.record({
    ...terms,
    class: fc.constantFrom('normal', 'interactive' as const),
    min: fc.integer({ min: 2, max: 6 }),
    extra: fc.nat(3),
    hold: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 3 },
);
const limit = fc.integer({ min: 2, max: 6 });

test('no demand for several slots waits for ever, whoever else asks under the same bounds', (t) => {
  const property = fc.property(
    fc.integer({ min: 2, max: 10 }),
    fc.tuple(limit, limit),
    singles,
    demands,
    (capacity, limits, list, several) => {
      const world = new World(capacity);
      const caps = limits.map((slots, n) => new Cap(`bound ${n}`, slots));
      const boundsOf = (numbers: number[]) => numbers.map((n) => caps[n] as Cap);
      for (const { holds, ...opening } of list) {
        const build = world.ledger.openBuild({ ...opening, caps: boundsOf(opening.caps) });
        for (const hold of holds) world.ask(world.add(build, hold));
      }
      for (const { min, extra, hold, ...opening } of several) {
        const bounds = boundsOf(opening.caps);
        const least = Math.min(min, capacity, ...bounds.map((cap) => cap.limit));
        const demand = { min: least, max: Math.min(least + extra, capacity) };
        world.ask(world.add(world.ledger.openBuild({ ...opening, caps: bounds }), hold, demand));
      }
      const patience = 30 * world.workers.length + 2 * TURN * several.length;
      for (let step = 0; step < 2 * patience; step++) {
        world.pass();
        for (const { waitsSince, waiter } of world.workers) {
          if (waitsSince === -1 || waiter.min === undefined) continue;
          assert.ok(world.step - waitsSince <= patience, `${waiter.min} slots are waited for`);
        }
      }
    },
  );
  fc.assert(property, rounds(t, 60));
});

/** One build for each of `count` clients that want one slot under `cap`. */
function stream(world: World, cap: Cap, count: number): Worker[] {
  const made = Array.from({ length: count }, (_, n) =>
    world.add(world.ledger.openBuild({ user: n % 2, caps: [cap] }), 1 + (n % 4)),
  );
  for (const worker of made) world.ask(worker);
  return made;
}

function demand(world: World, caps: readonly Cap[], min: number, hold = 2): Worker {
  const worker = world.add(world.ledger.openBuild({ user: 'lease', caps }), hold, { min, max: min });
  world.ask(worker);
  return worker;
}

const grantsOf = ({ grants }: World, worker: Worker): number => grants.filter((one) => one.worker === worker).length;

test('room under a bound is set aside for a demand that a stream of ones would keep away', () => {
  const world = new World(8);
  const cap = new Cap('group ci', 4);
  const small = stream(world, cap, 6);
  const big = demand(world, [cap], 3);
  for (let step = 0; step < 10; step++) world.pass();
  assert.ok(grantsOf(world, big) > 0);
  for (let step = 0; step < 100; step++) world.pass();
  for (const worker of small) assert.ok(grantsOf(world, worker) > 5, 'and they have their turns as before');
});

test('demands that follow each other under a bound leave turns to those that want one', () => {
  const world = new World(8);
  const cap = new Cap('group ci', 4);
  for (let n = 0; n < 3; n++) demand(world, [cap], 4, 3);
  const small = stream(world, cap, 3);
  for (let step = 0; step < 200; step++) world.pass();
  for (const worker of small) assert.ok(grantsOf(world, worker) > 5);
});

test('two demands under two bounds that keep both busy have both, one after the other', () => {
  const world = new World(12);
  const caps = [new Cap('group ci', 4), new Cap('label big', 4)] as const;
  for (const cap of caps) stream(world, cap, 6);
  const both = [demand(world, caps, 3), demand(world, [...caps].reverse(), 3)];
  const single = caps.map((cap) => demand(world, [cap], 4));
  for (let step = 0; step < 200; step++) world.pass();
  for (const worker of [...both, ...single]) assert.ok(grantsOf(world, worker) > 5, `${grantsOf(world, worker)} turns`);
});

test('nothing is set aside under a bound for a demand that it can never have room for', () => {
  const world = new World(8);
  const cap = new Cap('group ci', 4);
  const small = stream(world, cap, 6);
  const build = world.ledger.openBuild({ caps: [cap] });
  world.ask(world.add(build, Number.POSITIVE_INFINITY));
  for (let step = 0; step < 8; step++) world.pass();
  assert.equal(outstanding(build), 1);
  const big = world.add(build, 1, { min: 4, max: 4 });
  world.ask(big);
  const before = small.map((worker) => grantsOf(world, worker));
  for (let step = 0; step < 12; step++) world.pass();
  assert.ok(small.every((worker, n) => grantsOf(world, worker) > (before[n] as number)));
  assert.equal(cap.out, 4);
  assert.equal(grantsOf(world, big), 0);
});

test('room under a bound is set aside for a while only when it does not come together, then others have it', () => {
  const world = new World(8);
  const cap = new Cap('group ci', 4);
  const holder = world.add(world.ledger.openBuild({ caps: [cap] }), Number.POSITIVE_INFINITY);
  world.ask(holder);
  const small = stream(world, cap, 6);
  const never = demand(world, [cap], 4);
  const beside = demand(world, [cap], 3);
  for (let step = 0; step < 6; step++) world.pass();
  assert.equal(cap.out, 1, 'what came back is set aside');
  const before = world.grants.length;
  for (let step = 6; step < TURN; step++) world.pass();
  const meanwhile = new Set(world.grants.slice(before).map(({ worker }) => worker));
  assert.ok(small.every((worker) => meanwhile.has(worker)));
  for (let step = 0; step < TURN; step++) world.pass();
  assert.ok(grantsOf(world, beside) > 0, 'then it is the turn of one that was tried less');
  assert.equal(grantsOf(world, never), 0);
  world.ledger.release(holder.waiter.client, 1);
  for (let step = 0; step < 3 * TURN; step++) world.pass();
  assert.ok(grantsOf(world, never) > 0);
});

test('nobody waits for a demand in the background, under a bound either', () => {
  const world = new World(8);
  const cap = new Cap('group ci', 4);
  const idle = world.ledger.openBuild({ caps: [cap], class: 'background' });
  const small = stream(world, cap, 6);
  const later = world.add(idle, 1, { min: 3, max: 3 });
  world.ask(later);
  for (let step = 0; step < 2 * TURN; step++) {
    world.pass();
    assert.equal(cap.out, 4);
  }
  const big = demand(world, [cap], 3);
  for (let step = 0; step < 10; step++) world.pass();
  assert.ok(grantsOf(world, big) > 0, 'it does not wait for what is set aside for one in the background');
  assert.equal(grantsOf(world, later), 0);
  for (const { waiter } of [...small, big]) world.ledger.closeBuild(waiter.client.build);
  world.workers.splice(0, world.workers.length, later);
  world.pass();
  assert.ok(grantsOf(world, later) > 0);
});

test('nothing lies idle for one slot under two bounds while a bound that it waits for does not move', () => {
  const world = new World(8);
  const caps = [new Cap('user', 4), new Cap('label big', 1)] as const;
  const holder = world.add(world.ledger.openBuild({ caps }), Number.POSITIVE_INFINITY);
  world.ask(holder);
  world.ask(world.add(world.ledger.openBuild({ caps }), 1));
  stream(world, caps[0], 6);
  for (let step = 0; step < 100; step++) {
    world.pass();
    assert.equal(caps[0].out, 4);
  }
});

test('nothing is set aside for a demand of more slots than may be out now', () => {
  const world = new World(8);
  const small = [0, 1, 2, 3].map(() => world.add(world.ledger.openBuild(), 2));
  for (const worker of small) world.ask(worker);
  const cap = new Cap('group ci', 6);
  const big = demand(world, [cap], 5);
  world.ledger.setLimit(3);
  for (let step = 0; step < 8; step++) world.pass();
  const before = small.map((worker) => grantsOf(world, worker));
  for (let step = 0; step < 20; step++) {
    world.pass();
    assert.equal(world.ledger.out, 3);
  }
  for (const [n, worker] of small.entries()) assert.ok(grantsOf(world, worker) > (before[n] as number));
  assert.equal(cap.aside, undefined);
  const [build] = [...world.ledger.builds].slice(-1);
  assert.deepEqual(build && waitsOf(world.ledger)(build)?.cause, { why: 'limit' });
  const had = grantsOf(world, big);
  world.ledger.setLimit(6);
  for (let step = 0; step < 10; step++) world.pass();
  assert.ok(grantsOf(world, big) > had, 'when more may be out it has its turn');
});
