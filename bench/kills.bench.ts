// How soon a killed build's slots are back: from the signal to the moment at which a status says so. The reference, in the
// same run, is what it takes to ask for a status at all.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { KILLINGS, killOnce, writeVictims } from '../test/clients/killing.ts';
import { startPool } from '../test/helpers/pool.ts';
import { seeded } from '../test/helpers/random.ts';
import { quantile, table } from './helpers/figures.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 170);

const ends: (() => Promise<void>)[] = [];
try {
  const pool = await startPool({ after: (end) => ends.push(end) }, 4);
  const folder = join(pool.folder, 'victims');
  mkdirSync(folder);
  writeVictims(folder);
  const random = seeded(1);
  const show = (times: readonly number[]) => [0.5, 0.99, 1].map((share) => `${quantile(times, share).toFixed(1)} ms`);
  const asks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await pool.status();
    asks.push(performance.now() - start);
  }
  const rows = [['a status, for comparison', String(ROUNDS), ...show(asks)]];
  const all: number[] = [];
  for (const killing of KILLINGS) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) times.push(await killOnce(pool, folder, killing, random));
    all.push(...times);
    rows.push([killing.name, String(ROUNDS), ...show(times)]);
  }
  rows.push(['all kills', String(all.length), ...show(all)]);
  table(['what', 'times', 'p50', 'p99', 'longest'], rows);
  await pool.stop();
} finally {
  for (const end of ends) await end();
}
