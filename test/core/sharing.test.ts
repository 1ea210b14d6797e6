// What the ledger promises about sharing, in worlds of clients that hold slots for a while and ask again at once: nobody is
// starved, demands for several are met in one step, weights count, and what is given beyond the limit has its bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cap } from '../../src/core/caps.ts';
import { type BuildOpening, Ledger } from '../../src/core/ledger.ts';
import {
  DEFAULT_POLICY,
  firstSlotBound,
  GIVE_WAY,
  overcommitBound,
  PATIENCE,
  type Policy,
  SET_ASIDE,
} from '../../src/core/policy.ts';
import { type Build, type Client, outstanding, type Waiter } from '../../src/core/types.ts';
import { builds, STEP, World } from './world.ts';

test('nobody waits for ever, neither for one slot nor for several, whoever else asks', () => {
  const demands = fc.array(fc.record({ user: fc.nat(2), min: fc.integer({ min: 2, max: 6 }), extra: fc.nat(3) }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), builds, demands, (capacity, list, several) => {
      const world = new World(capacity);
      for (const { holds, ...terms } of list) {
        const build = world.ledger.openBuild(terms);
        for (const hold of holds) world.ask(world.add(build, hold));
      }
      for (const { user, min, extra } of several) {
        const demand = { min: Math.min(min, capacity), max: Math.min(min + extra, capacity) };
        world.ask(world.add(world.ledger.openBuild({ user }), 2, demand));
      }
      // Everybody in front may go before it a few times, and a demand that is met keeps the rest waiting while slots are set aside.
      const patience = 30 * world.workers.length + ((SET_ASIDE + GIVE_WAY) / STEP) * several.length;
      for (let step = 0; step < 2 * patience; step++) {
        world.pass();
        for (const { waitsSince, waiter } of world.workers) {
          if (waitsSince === -1) continue;
          assert.ok(world.step - waitsSince <= patience, `${waiter.min ?? 1} slots are waited for`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a demand for several holds nothing while it waits, and gets from its least to its most in one step', () => {
  const demand = fc.record({
    min: fc.integer({ min: 1, max: 6 }),
    extra: fc.nat(4),
    hold: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 6, max: 12 }),
      fc.array(demand, { minLength: 1, maxLength: 6 }),
      builds,
      (capacity, demands, list) => {
        const world = new World(capacity);
        for (const { holds, ...terms } of list) {
          const build = world.ledger.openBuild(terms);
          for (const hold of holds) world.ask(world.add(build, hold));
        }
        for (const { min, extra, hold } of demands) {
          world.ask(world.add(world.ledger.openBuild({ user: 'lease' }), hold, { min, max: min + extra }));
        }
        for (let step = 0; step < 100; step++) {
          world.pass();
          for (const { waiter, waitsSince } of world.workers)
            if (waitsSince !== -1) assert.equal(waiter.client.held, 0);
        }
        for (const { worker, count } of world.grants) {
          const { min = 1, max = 1 } = worker.waiter;
          assert.ok(count >= min && count <= max, `${count} of ${min} to ${max}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('what many small ones leave free is set aside for a big demand, and it gives way after a while', () => {
  const world = new World(4);
  const holder = world.add(world.ledger.openBuild(), Number.POSITIVE_INFINITY);
  world.ask(holder);
  const small = world.ledger.openBuild();
  for (let i = 0; i < 6; i++) world.ask(world.add(small, 1));
  const big = world.add(world.ledger.openBuild(), 1, { min: 4, max: 4 });
  world.ask(big);
  for (let step = 0; step < 5; step++) world.pass();
  assert.equal(world.ledger.out, 1, 'only what was out already is out');
  const served = world.grants.length;
  for (let step = 0; step < SET_ASIDE / STEP; step++) world.pass();
  assert.ok(world.grants.length > served, 'the small ones are served meanwhile');
  world.ledger.release(holder.waiter.client, 1);
  for (let step = 0; step < GIVE_WAY / STEP + 3; step++) world.pass();
  assert.ok(world.grants.some(({ worker }) => worker === big));
});

test('demands that cannot be met give way together, and have their turns one after the other', () => {
  const world = new World(4);
  const demand = (least: number) => world.add(world.ledger.openBuild(), 1, { min: least, max: least });
  const holder = world.add(world.ledger.openBuild(), Number.POSITIVE_INFINITY);
  const stream = world.ledger.openBuild();
  const small = [0, 1, 2].map(() => world.add(stream, 2));
  for (const worker of [holder, ...small]) world.ask(worker);
  const never = [demand(4), demand(4)];
  const big = demand(3);
  for (const worker of [...never, big]) world.ask(worker);
  for (let step = 0; step < 10; step++) world.pass();
  const served = world.grants.length;
  for (let step = 10; step < (SET_ASIDE + GIVE_WAY) / STEP; step++) world.pass();
  const meanwhile = new Set(world.grants.slice(served).map(({ worker }) => worker));
  assert.ok(
    small.every((worker) => meanwhile.has(worker)),
    'who wants one has his turn when the first gives way',
  );
  for (let step = 0; step < (2 * (SET_ASIDE + GIVE_WAY)) / STEP; step++) world.pass();
  assert.ok(world.grants.some(({ worker }) => worker === big));
  assert.ok(!world.grants.some(({ worker }) => never.includes(worker)));
});

test('builds that always want more have what their weights say, to the slot', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 4 }), fc.boolean(), (list, factor, users) => {
      const sum = list.reduce((total, weight) => total + weight, 0);
      const capacity = sum * factor;
      const world = new World(capacity);
      const made = list.map((weight, n) => {
        const build = world.ledger.openBuild(users ? { user: n } : { weight });
        if (users) world.ledger.setUserWeight(n, weight);
        // More than its share, and of many lengths, so that they come back at all times.
        for (let i = 0; i < 2 * capacity; i++) world.add(build, 1 + (i % 7));
        return { build, share: weight * factor, time: 0 };
      });
      for (const worker of world.workers) world.ask(worker);
      for (let step = 0; step < 100; step++) world.pass();
      const steps = 200;
      for (let step = 0; step < steps; step++) {
        world.pass();
        for (const one of made) one.time += outstanding(one.build);
      }
      for (const { share, time } of made) assert.ok(Math.abs(time / steps - share) <= 1, `${time / steps} of ${share}`);
    }),
    { numRuns: 15 },
  );
});

test('twenty builds of one user have together what the one build of another has', () => {
  const world = new World(8, { newcomerOvercommit: 0.25 });
  const many = Array.from({ length: 20 }, () => world.ledger.openBuild({ user: 'many' }));
  const one = world.ledger.openBuild({ user: 'one' });
  for (const build of many) for (let i = 0; i < 8; i++) world.ask(world.add(build, 1 + (i % 3)));
  for (let i = 0; i < 20; i++) world.ask(world.add(one, 1 + (i % 3)));
  let time = 0;
  for (let step = 0; step < 300; step++) {
    world.pass();
    if (step >= 100) time += outstanding(one);
  }
  assert.ok(Math.abs(time / 200 - 4) <= 0.5, `${time / 200} of 8`);
});

test('an interactive build goes first up to its share, and a background build only when nobody else waits', () => {
  const world = new World(4);
  const open = (terms: BuildOpening) => {
    const build = world.ledger.openBuild(terms);
    return { build, workers: Array.from({ length: 6 }, () => world.add(build, 2)) };
  };
  const background = open({ class: 'background' });
  for (const worker of background.workers) world.ask(worker);
  assert.equal(outstanding(background.build), 4, 'alone it may have everything');
  const normal = open({});
  for (const worker of normal.workers) world.ask(worker);
  world.pass();
  world.pass();
  assert.deepEqual(
    [outstanding(background.build), outstanding(normal.build)],
    [0, 4],
    'it gives way as its slots return',
  );
  const urgent = open({ class: 'interactive' });
  for (const worker of urgent.workers.slice(0, 1)) world.ask(worker);
  const before = world.grants.length;
  world.pass();
  world.pass();
  assert.equal(world.grants[before]?.worker, urgent.workers[0], 'the first that comes back is for it');
  for (let step = 0; step < 20; step++) world.pass();
  assert.ok(outstanding(normal.build) >= 2, 'others keep their share');
});

test('a cap keeps its builds back, and nobody else', () => {
  const world = new World(6);
  const cap = new Cap('group ci', 2);
  const capped = [0, 1].map(() => world.ledger.openBuild({ caps: [cap] }));
  const free = world.ledger.openBuild();
  for (const build of [...capped, free]) for (let i = 0; i < 5; i++) world.ask(world.add(build, 1 + (i % 2)));
  for (let step = 0; step < 50; step++) {
    world.pass();
    assert.deepEqual([cap.out, outstanding(free)], [2, 4]);
  }
  world.ledger.setCap(cap, 1);
  for (let step = 0; step < 5; step++) world.pass();
  assert.deepEqual([cap.out, outstanding(free)], [1, 5]);
});

// Newcomers.

/** A build that holds every slot of the pool and returns none. */
function hoard(capacity: number, policy?: Partial<Policy>): World {
  const world = new World(capacity, policy);
  const build = world.ledger.openBuild();
  for (let i = 0; i < capacity; i++) world.ask(world.add(build, Number.POSITIVE_INFINITY));
  return world;
}

test('the first slot of a newcomer is there at once, up to the bound, or waited for', () => {
  const world = hoard(16, {});
  const newcomers = Array.from({ length: 4 }, () => world.add(world.ledger.openBuild(), Number.POSITIVE_INFINITY));
  for (const worker of newcomers) world.ask(worker);
  assert.deepEqual([world.ledger.free, world.ledger.waiting], [-2, 2], 'an eighth of 16');
  const strict = hoard(16, { firstSlot: 'wait' });
  strict.ask(strict.add(strict.ledger.openBuild(), 1));
  assert.deepEqual([strict.ledger.free, strict.ledger.waiting], [0, 1]);
});

test('beside a hoarder a newcomer gets more after a while, and those who came later never more than it', () => {
  const world = hoard(8, { newcomerOvercommit: 0.25 });
  const open = () => {
    const build = world.ledger.openBuild();
    for (let i = 0; i < 8; i++) world.ask(world.add(build, 1));
    return build;
  };
  const first = open();
  assert.equal(outstanding(first), 1);
  world.ledger.settle(PATIENCE - 1);
  assert.equal(outstanding(first), 1, 'it is patient first');
  assert.equal(world.ledger.nextLook(), PATIENCE);
  world.ledger.settle(PATIENCE);
  assert.equal(outstanding(first), 3, 'a quarter of 8 beside its first slot');
  const second = open();
  for (let step = 0; step < 20; step++) {
    world.pass();
    assert.ok(outstanding(second) <= outstanding(first));
    assert.equal(world.ledger.free, -3);
  }
});

test('a build that loses all that it has while it waits is a newcomer again', () => {
  const world = new World(2, { firstSlot: 'wait', newcomerOvercommit: 0.25 });
  const { ledger } = world;
  const add = () => world.add(ledger.openBuild(), Number.POSITIVE_INFINITY);
  const [hoarder, loser, other] = [add(), add(), add()];
  for (const worker of [hoarder, loser, other]) world.ask(worker);
  const { build } = loser.waiter.client;
  world.ask(world.add(build, Number.POSITIVE_INFINITY));
  ledger.release(loser.waiter.client, 1);
  assert.deepEqual([outstanding(build), outstanding(other.waiter.client.build)], [0, 1]);
  ledger.settle(PATIENCE);
  assert.equal(outstanding(build), 1);
});

test('what builds were given that are short of their share leaves room for the first slots of others', () => {
  const world = hoard(16, {});
  const open = (weight: number) => {
    const build = world.ledger.openBuild({ weight });
    for (let i = 0; i < 8; i++) world.ask(world.add(build, Number.POSITIVE_INFINITY));
    return build;
  };
  const first = open(9);
  world.ledger.settle(PATIENCE);
  assert.equal(outstanding(first), 5, 'a quarter of 16 beside its first slot');
  const second = open(1);
  const third = open(1);
  assert.deepEqual([outstanding(second), outstanding(third)], [1, 0], 'two first slots, an eighth of 16');
  world.ledger.closeBuild(second);
  assert.equal(outstanding(third), 1);
});

test('what newcomers were given is paid back first', () => {
  const world = hoard(4, { newcomerOvercommit: 0.5 });
  const [hoarder] = world.ledger.builds;
  const build = world.ledger.openBuild();
  for (let i = 0; i < 4; i++) world.ask(world.add(build, Number.POSITIVE_INFINITY));
  world.ledger.settle(PATIENCE);
  assert.deepEqual([outstanding(build), world.ledger.free], [2, -2], 'its share of 4, and no more');
  const [client] = (hoarder as Build).clients;
  world.ledger.release(client as Client, 1);
  assert.equal(world.ledger.free, -1);
});

test('nothing is given beyond a limit that is below the capacity', () => {
  const world = hoard(8, {});
  world.ledger.setLimit(7);
  world.ask(world.add(world.ledger.openBuild(), 1));
  assert.equal(world.ledger.waiting, 1);
  world.ledger.setLimit(8);
  assert.equal(world.ledger.waiting, 0);
});

test('over-commit stays within its bound, whatever happens', () => {
  const policy = fc.record({
    firstSlot: fc.constantFrom('overcommit' as const, 'wait' as const),
    firstSlotMax: fc.constantFrom(undefined, 0, 1, 3),
    newcomerOvercommit: fc.constantFrom(0, 0.25, 1),
  });
  const events = fc.array(fc.tuple(fc.constantFrom('open', 'pass', 'close', 'demand'), fc.nat(20)), { size: '+1' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), policy, events, (capacity, chosen, list) => {
      const world = new World(capacity, chosen);
      const bound = overcommitBound({ ...DEFAULT_POLICY, ...chosen }, capacity);
      for (const [what, n] of list) {
        if (what === 'open') {
          const build = world.ledger.openBuild({ user: n % 2 });
          for (let i = 0; i <= n % 5; i++) world.ask(world.add(build, 1 + (n % 4)));
        } else if (what === 'demand') {
          const most = 1 + (n % capacity);
          world.ask(world.add(world.ledger.openBuild(), 2, { min: most, max: most }));
        } else if (what === 'pass') world.pass();
        else {
          const build = [...world.ledger.builds][n % Math.max(1, world.ledger.builds.size)];
          if (build === undefined) continue;
          const left = world.workers.filter(({ waiter }) => waiter.client.build !== build);
          world.workers.splice(0, world.workers.length, ...left);
          world.ledger.closeBuild(build);
        }
        assert.ok(-world.ledger.free <= bound, `${-world.ledger.free} beyond, at most ${bound}`);
      }
    }),
    { numRuns: 200 },
  );
});

test('a bound for first slots that was said for a larger pool is no more than the pool', () => {
  const policy = { ...DEFAULT_POLICY, firstSlotMax: 32 };
  assert.equal(firstSlotBound(policy, 64), 32);
  assert.equal(firstSlotBound(policy, 2), 2);
});

test('interactive builds do not go first for ever, though a bound keeps who is behind them out of the queue now and then', () => {
  const { ledger, grants, add } = turns(2);
  const cap = new Cap('group ci', 1);
  const urgent = add({ user: 1, class: 'interactive' });
  const behind = add({ user: 1, caps: [cap] });
  const beside = [add({ user: 2, caps: [cap] }), add({ user: 2, caps: [cap] })];
  const other = add({ user: 3 });
  let [holder, waiting] = beside as [Waiter, Waiter];
  for (const one of [holder, other, behind, urgent, waiting]) ledger.acquire(one, 0);
  const again = (one: Waiter) => {
    ledger.release(one.client, 1);
    ledger.acquire(one, 0);
  };
  for (let cycle = 0; cycle < 50 && !grants.has(behind); cycle++) {
    again(other); // the slot is for the interactive one: the other is out of the queue
    again(urgent);
    again(holder); // now there is room, and both are in the queue
    if (grants.has(behind)) break;
    again(other);
    again(urgent);
    [holder, waiting] = [waiting, holder];
  }
  assert.ok(grants.has(behind), 'the other has its turn');
});

/** A ledger whose waiters are noted once they were granted. */
function turns(capacity: number) {
  const grants = new Set<Waiter>();
  const ledger = new Ledger(capacity, (waiter) => grants.add(waiter), { audit: true });
  const add = (opening: BuildOpening): Waiter => {
    const client = ledger.openClient(ledger.openBuild(opening), 'exact');
    return { client, reserves: false, since: 0, order: 0 };
  };
  return { ledger, grants, add };
}
