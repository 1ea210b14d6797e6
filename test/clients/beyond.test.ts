// Real clients of all kinds at once, with what is given beyond the pool by default: no more jobs run at once than the bound allows, all
// builds end well, and every slot comes back. STINT_SEED repeats the rounds of an earlier run, STINT_ROUNDS sets how many there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY, overcommitBound } from '../../src/core/policy.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';
import { KINDS, PYTHON_KINDS } from './projects.ts';
import { buildAll, openWorkshop, PATIENCE, peaks } from './rounds.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 2);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const SLOTS = 3;
const BEYOND = overcommitBound(DEFAULT_POLICY, SLOTS);
/** Portage takes too long for what it adds here. */
const ALL = [...KINDS, ...PYTHON_KINDS].filter(({ name }) => name !== 'portage');
const lacks = missing(...ALL.flatMap(({ needs }) => needs));

for (const [kind, start, skip] of [
  ["a user's", startPool, lacks],
  ["the machine's", startMachine, noMachine() ?? lacks],
] as const) {
  test(`all clients at once go no further beyond ${kind} pool than is allowed, ${ROUNDS} rounds, seed ${SEED}`, {
    skip,
    timeout: (ROUNDS + 1) * PATIENCE,
  }, async (t) => {
    const random = seeded(SEED);
    const workshop = openWorkshop(t);
    const pool = await start(t, SLOTS, { strict: false });
    for (let round = 0; round < ROUNDS; round++) {
      const traced = await buildAll(pool, workshop, { kinds: ALL, random });
      assert.ok(traced.all.peak <= SLOTS + BEYOND, `round ${round}: ${peaks(traced)}, seed ${SEED}`);
      assert.equal((await pool.status()).surplus, 0, `round ${round}, seed ${SEED}`);
    }
    await pool.stop();
  });
}
