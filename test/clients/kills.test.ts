// What a killed build held is back at once, however it was killed. The times are printed; bench/ measures them.
import { test } from 'node:test';
import { quantile } from '../../bench/helpers/figures.ts';
import { startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 8);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const skip = missing('make43', 'make44', 'ninja');

test(`slots come back from killed builds, seed ${SEED}`, { skip, timeout: 1_500_000 }, async (t) => {
  const { KILLINGS, killOnce, writeVictims } = await import('./killing.ts');
  const folder = temporaryFolder(t);
  writeVictims(folder);
  const random = seeded(SEED);
  const pool = await startPool(t, 4);
  for (const killing of KILLINGS) {
    await t.test(`${killing.name}, ${ROUNDS} times`, async (t) => {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await killOnce(pool, folder, killing, random));
      t.diagnostic(
        `p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, seed ${SEED}`,
      );
    });
  }
  await pool.stop();
});
