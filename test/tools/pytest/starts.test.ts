// Two suites by `stint test` and a make on one pool of two to four slots, started at random moments; in every other round a suite's worker,
// its pytest or its `stint test` is killed. All others end well, no more jobs run than there are slots, and all slots come back.
//
// STINT_ROUNDS=N: so many rounds; STINT_SEED=N repeats the moments.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { checkLog, MAKEFILE, SUITE } from '../../helpers/job-log.ts';
import { type Pool, STINT, type Started, startPool } from '../../helpers/pool.ts';
import { seeded } from '../../helpers/random.ts';
import { missing, toolPath } from '../../helpers/toolchain.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const ROUNDS = Number(process.env.STINT_ROUNDS ?? 6);
/** For one round, on a machine that is busy with other things; milliseconds. */
const PATIENCE = 180_000;

const skip = missing('pytestNew', 'make44');
const timeout = ROUNDS * PATIENCE;

test(`suites and makes share a pool, whoever is killed (STINT_SEED=${SEED})`, { timeout, skip }, async (t) => {
  const random = seeded(SEED);
  for (const slots of [2, 3, 4]) {
    const pool = await startPool(t, slots);
    for (const name of ['first', 'second']) {
      mkdirSync(join(pool.folder, name));
      writeFileSync(join(pool.folder, name, 'test_jobs.py'), SUITE);
      writeFileSync(join(pool.folder, name, 'Makefile'), MAKEFILE);
    }
    for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) await play(pool, slots, random, round % 2 === 1);
    await pool.stop();
  }
});

async function play(pool: Pool, slots: number, random: (n: number) => number, kills: boolean): Promise<void> {
  const log = join(pool.folder, 'log');
  rmSync(log, { force: true });
  const suite = (folder: string) => {
    const args = ['test', '--python', join(toolPath('pytestNew'), '../python'), '--xdist', '--jobs', '8', '--', '-q'];
    return pool.spawn(STINT, args, { cwd: join(pool.folder, folder), env: { LOG: log }, deadline: PATIENCE });
  };
  const make = () =>
    pool.spawnRun(['--', toolPath('make44'), '-s'], {
      cwd: join(pool.folder, 'first'),
      env: { LOG: log },
      deadline: PATIENCE,
    });
  const ways = [() => suite('first'), () => suite('second'), make];
  const started = await Promise.all(
    ways.map(async (start) => {
      await pause(random(600));
      return start();
    }),
  );
  const victim = kills ? started[random(2)] : undefined;
  if (victim !== undefined) {
    await pause(random(2000));
    kill(victim, random(3));
  }
  for (const one of started) {
    const { code, stdout, stderr } = await one.ended;
    if (one !== victim) assert.equal(code, 0, `${stdout}${stderr}`);
  }
  const { free, capacity } = await pool.untilIdle(PATIENCE);
  assert.equal(free, capacity);
  if (victim === undefined) checkLog(log, 3, slots);
}

/** `depth`: 0 kills `stint test`, 1 its pytest, 2 a worker of that, as far as there is one yet. */
function kill({ pid }: Started, depth: number): void {
  let victim = pid;
  for (let i = 0; i < depth; i++) victim = childrenOf(victim)[0] ?? victim;
  try {
    process.kill(victim, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
