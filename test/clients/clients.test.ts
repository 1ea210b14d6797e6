// Real, unpatched clients on one pool: each alone, and all at once in random rounds. Their jobs are traced; no more of them
// run at once than the pool has slots, the job that each client runs without a token included, and every slot comes back.
// STINT_SEED repeats the rounds of an earlier run.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readTrace, type Trace } from '../../demo/trace.ts';
import { type Pool, startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { buildTracer, KINDS, type Kind } from './projects.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 50);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const PATIENCE = 120_000;

interface Place {
  folder: string;
  trace: string;
}

function openPlace(t: TestContext): Place {
  const folder = temporaryFolder(t);
  return { folder, trace: buildTracer(folder) };
}

/** Builds a new project of each of `kinds` at once and returns what was traced. */
async function buildAll(
  pool: Pool,
  { folder, trace }: Place,
  kinds: readonly Kind[],
  random: (n: number) => number,
): Promise<Trace> {
  const round = join(folder, `round-${random(1e9)}`);
  const log = join(round, 'log');
  const projects = kinds.map((kind, i) => {
    const place = join(round, `${i}-${kind.name}`);
    mkdirSync(place, { recursive: true });
    return { name: `${i}-${kind.name}`, place, project: kind.make({ folder: place, trace, random }) };
  });
  const builds = projects.map(({ name, place, project }) => {
    const env = { ...project.env, STINT_DEMO_LOG: log, STINT_DEMO_BUILD: name };
    return pool.run(['--', ...project.args], { cwd: place, env, deadline: PATIENCE });
  });
  for (const [i, result] of (await Promise.all(builds)).entries()) {
    assert.equal(result.code, 0, `${projects[i]?.name}: ${result.stdout}${result.stderr}`);
  }
  const traced = readTrace(readFileSync(log, 'utf8'));
  for (const { name, project } of projects) {
    const jobs = traced.builds.get(name)?.jobs ?? 0;
    assert.ok(jobs >= project.jobs, `${name} ran ${jobs} traced jobs, not ${project.jobs}`);
  }
  const { free, capacity } = await pool.untilIdle();
  assert.equal(free, capacity);
  return traced;
}

for (const kind of KINDS) {
  test(`${kind.name} alone keeps to the pool and uses it`, {
    skip: missing(...kind.needs),
    timeout: PATIENCE,
  }, async (t) => {
    const place = openPlace(t);
    for (const capacity of [1, 3]) {
      const pool = await startPool(t, capacity);
      const { all } = await buildAll(pool, place, [kind], seeded(SEED));
      assert.ok(all.peak <= capacity, `${all.peak} jobs on ${capacity} slots`);
      if (capacity > 1) assert.ok(all.peak > 1, 'it found slots beyond its first');
      await pool.stop();
    }
  });
}

const needed = KINDS.flatMap(({ needs }) => needs);

test(`all clients at once keep to the pool, ${ROUNDS} random rounds, seed ${SEED}`, {
  skip: missing(...needed),
  timeout: 600_000,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = seeded(SEED);
  const place = openPlace(t);
  for (let round = 0; round < ROUNDS; round++) {
    const capacity = 1 + random(6);
    // The first round has each of them; later ones are random, with the slow ones now and then.
    const kinds =
      round === 0 ? KINDS : KINDS.filter(({ name }) => random(10) < (name === 'cargo' || name === 'gcc-lto' ? 2 : 6));
    if (kinds.length === 0) continue;
    const pool = await startPool(t, capacity);
    const { all } = await buildAll(pool, place, kinds, random);
    assert.ok(all.peak <= capacity, `round ${round}: ${all.peak} jobs on ${capacity} slots, seed ${SEED}`);
    await pool.stop();
  }
});
