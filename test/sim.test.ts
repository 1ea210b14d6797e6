// The ledger on simulated machines (bench/sim): what is promised of its sharing, with seeds that stay and one that is new each time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantile } from '../bench/helpers/figures.ts';
import { type Scenario, simulate } from '../bench/sim/machine.ts';
import { ours } from '../bench/sim/ours.ts';
import { fifo, roundRobin } from '../bench/sim/reference.ts';
import { day, hoarderFirst, hoarderForEver, mixed, users, weights } from '../bench/sim/scenarios.ts';
import { DEFAULT_POLICY, overcommitBound, type Policy, STRICT_POLICY } from '../src/core/policy.ts';

const seeds = [1, 2, 3, Number(process.env.STINT_SEED ?? Date.now() % 1_000_000)];
const overcommit = DEFAULT_POLICY;
const wait: Policy = { ...DEFAULT_POLICY, firstSlot: 'wait' };

for (const policy of [wait, overcommit]) {
  const name = `first_slot = ${policy.firstSlot}`;

  test(`a hoarder and a build of 40 processes have the same part as the others, and no slot lies idle; ${name}`, (t) => {
    for (const seed of seeds) {
      t.diagnostic(`seed ${seed}`);
      const { jain, utilisation, firstWaits, overcommit: most } = simulate(mixed(1_000), ours(policy), seed);
      assert.ok(jain >= 0.97, `Jain's index is ${jain}`);
      assert.ok(utilisation >= 0.99, `${utilisation} of the slots are busy`);
      const longest = quantile(firstWaits, 0.99);
      const allowed = policy.firstSlot === 'wait' ? 1 : 0;
      assert.ok(longest <= allowed, `a newcomer waits ${longest} job lengths for its first slot`);
      assert.ok(most <= overcommitBound(policy, 64), `${most} slots are given beyond the pool`);
    }
  });

  test(`beside a hoarder that has everything, no more is given beyond the pool than is allowed; ${name}`, (t) => {
    for (const seed of seeds) {
      t.diagnostic(`seed ${seed}`);
      const { overcommit: most } = simulate(hoarderFirst(1_000), ours(policy), seed);
      assert.ok(most > 0 && most <= overcommitBound(policy, 64), `${most} slots`);
    }
  });

  test(`builds have slots by their weights, to within one slot; ${name}`, (t) => {
    for (const seed of seeds) {
      t.diagnostic(`seed ${seed}`);
      const { shares } = simulate(weights(600), ours(policy), seed);
      const fair = [4, 4, 8, 16];
      for (const [i, slots] of [...shares.values()].entries())
        assert.ok(Math.abs(slots - (fair[i] as number)) <= 1, `${slots} instead of ${fair[i]}`);
    }
  });

  test(`a user with 20 builds and a user with one have half each; ${name}`, (t) => {
    for (const seed of seeds) {
      t.diagnostic(`seed ${seed}`);
      const { shares } = simulate(users(2_000), ours(policy), seed);
      for (const slots of shares.values()) assert.ok(Math.abs(slots - 32) <= 1, `${slots} instead of 32`);
    }
  });

  test(`every build of a busy day ends and every slot comes back; ${name}`, (t) => {
    for (const seed of seeds) {
      t.diagnostic(`seed ${seed}`);
      for (const slots of [8, 64]) {
        const scenario = day(slots, 40, 160_000 / slots);
        const { overcommit: most } = simulate(scenario, ours(policy), seed);
        assert.ok(most <= overcommitBound(policy, slots), `${most} slots are given beyond the pool`);
      }
    }
  });
}

test('strictly, nothing is given beyond the pool, and all have the same part still', (t) => {
  for (const seed of seeds) {
    t.diagnostic(`seed ${seed}`);
    const { jain, utilisation, overcommit: most } = simulate(mixed(1_000), ours(STRICT_POLICY), seed);
    assert.ok(jain >= 0.97, `Jain's index is ${jain}`);
    assert.ok(utilisation >= 0.99, `${utilisation} of the slots are busy`);
    assert.equal(most, 0);
  }
});

test('beside a hoarder that returns nothing as long as they run, all makes begin at once and go on', (t) => {
  for (const seed of seeds) {
    t.diagnostic(`seed ${seed}`);
    const { shares, firstWaits } = simulate(hoarderForEver(100), ours(overcommit), seed);
    assert.deepEqual(firstWaits, [0, 0, 0, 0, 0, 0, 0]);
    for (const [group, slots] of shares) if (group !== 'hoarder') assert.ok(slots >= 2, `${group} has ${slots}`);
  }
});

test('one queue for all, or turns between processes, share the same builds unfairly', () => {
  for (const policy of [fifo, roundRobin]) assert.ok(simulate(mixed(1_000), policy, 1).jain < 0.6);
});

test('the same seed gives the same figures', () => {
  const scenario: Scenario = day(8, 10, 10_000);
  assert.deepEqual(simulate(scenario, ours(overcommit), 7), simulate(scenario, ours(overcommit), 7));
});
