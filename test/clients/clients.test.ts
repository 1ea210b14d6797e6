// Real, unpatched clients on one pool: each alone, and all at once in random rounds. Their jobs are traced; no more of them
// run at once than the pool has slots, the job that each client runs without a token included, and every slot comes back.
// STINT_SEED repeats the rounds of an earlier run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';
import { KINDS, PYTHON_KINDS } from './projects.ts';
import { buildAll, openWorkshop, PATIENCE, peaks } from './rounds.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 8);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const ALL = [...KINDS, ...PYTHON_KINDS];
/** How many of 100 rounds have the slow ones. */
const LIKELIHOOD: Record<string, number> = { cargo: 20, 'gcc-lto': 20, portage: 2, 'pytest-jobserver': 5 };

for (const kind of ALL) {
  test(`${kind.name} alone keeps to the pool and uses it`, {
    skip: missing(...kind.needs),
    timeout: PATIENCE,
  }, async (t) => {
    const workshop = openWorkshop(t);
    for (const capacity of [kind.least ?? 1, 3]) {
      const pool = await startPool(t, capacity);
      const traced = await buildAll(pool, workshop, { kinds: [kind], random: seeded(SEED) });
      assert.ok(traced.all.peak <= capacity, `${peaks(traced)}, on ${capacity} slots, seed ${SEED}`);
      if (capacity === 3) assert.ok(traced.all.peak > 1, `it found slots beyond its first, seed ${SEED}`);
      await pool.stop();
    }
  });
}

test(`all clients at once keep to the pool, ${ROUNDS} random rounds, seed ${SEED}`, {
  skip: missing(...ALL.flatMap(({ needs }) => needs)),
  timeout: 600_000,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = seeded(SEED);
  const workshop = openWorkshop(t);
  for (let round = 0; round < ROUNDS; round++) {
    const capacity = round === 0 ? 3 : 1 + random(6);
    // The first round has each of them; later ones are random, with the slow ones now and then.
    const kinds = ALL.filter(
      ({ name, least = 1 }) => least <= capacity && (round === 0 || random(100) < (LIKELIHOOD[name] ?? 60)),
    );
    if (kinds.length === 0) continue;
    const pool = await startPool(t, capacity);
    const traced = await buildAll(pool, workshop, { kinds, random });
    assert.ok(traced.all.peak <= capacity, `round ${round}: ${peaks(traced)}, on ${capacity} slots, seed ${SEED}`);
    await pool.stop();
  }
});
