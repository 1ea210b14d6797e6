// Leases beside jobserver clients on one pool: two pytests that take 2 to 8 workers, and two makes, started at random moments
// on four slots. Never do more than four jobs run, who waits holds nothing, all of them end, and all slots come back.
//
// STINT_ROUNDS=N: so many rounds, by turns on a user's pool and on the machine's; STINT_SEED=N repeats the moments.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { checkLog, MAKEFILE, SUITE } from '../helpers/job-log.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, type Started, startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { type Samples, sampled } from '../helpers/sampling.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const ROUNDS = Number(process.env.STINT_ROUNDS ?? 10);
const SLOTS = 4;
/** For one round, on a machine that is busy with other things; milliseconds. */
const PATIENCE = 180_000;

class Site {
  readonly #place: Place;
  readonly #log: string;
  readonly #random: (n: number) => number;

  constructor(place: Place, random: (n: number) => number) {
    this.#place = place;
    this.#log = join(place.folder, 'log');
    this.#random = random;
    for (const name of ['first', 'second']) {
      mkdirSync(join(place.folder, name));
      writeFileSync(join(place.folder, name, 'test_jobs.py'), SUITE);
      writeFileSync(join(place.folder, name, 'Makefile'), MAKEFILE);
    }
  }

  async round(): Promise<void> {
    rmSync(this.#log, { force: true });
    const started: Started[] = [];
    const starts = [0, 1, 2, 3].map(async (n) => {
      await pause(this.#random(600));
      started.push(n < 2 ? this.#pytest(n) : this.#make(n));
    });
    const watch = this.#watch();
    await Promise.all(starts);
    for (const { ended } of started) {
      const { code, stdout, stderr } = await ended;
      assert.equal(code, 0, stdout + stderr);
    }
    await this.#place.untilIdle(PATIENCE);
    await watch.stop();
    checkLog(this.#log, 4, SLOTS);
  }

  #pytest(n: number): Started {
    const args = ['-q', '-n', '{slots}', '-p', 'no:cacheprovider', '-p', 'no:jobserver'];
    return this.#run(n, ['--slots', '2..8', '--style', 'fifo', '--', toolPath('pytest'), ...args]);
  }

  #make = (n: number): Started => this.#run(n, ['--style', 'fifo', '--', toolPath('make44'), '-s']);

  #run(n: number, args: readonly string[]): Started {
    const cwd = join(this.#place.folder, n % 2 === 0 ? 'first' : 'second');
    const env = { LOG: this.#log, PYTHONDONTWRITEBYTECODE: '1' };
    return this.#place.spawnRun(args, { env, cwd, deadline: PATIENCE });
  }

  /** Looks again and again that who waits holds nothing, and that no more is out than there is. */
  #watch(): Samples {
    return sampled(this.#place, ({ builds, free, overcommit }) => {
      assert.ok(free >= 0 && overcommit === 0);
      for (const { state, implicit, held } of builds) assert.ok(state !== 'starting' || implicit + held === 0);
      for (const { lease, implicit } of builds) assert.ok(lease === undefined || implicit === 0 || implicit >= 2);
    });
  }
}

async function rounds(place: Place, count: number): Promise<void> {
  const site = new Site(place, seeded(SEED));
  for (let round = 0; round < count; round++) await site.round();
}

const lacks = missing('pytest', 'make44');
const timeout = ROUNDS * PATIENCE;

test(`pytests in leases and makes share a user's pool (STINT_SEED=${SEED})`, { timeout, skip: lacks }, async (t) => {
  const pool = await startPool(t, SLOTS);
  await rounds(pool, Math.ceil(ROUNDS / 2));
  await pool.stop();
});

test(`pytests in leases and makes share the machine's pool (STINT_SEED=${SEED})`, {
  timeout,
  skip: noMachine() ?? lacks,
}, async (t) => {
  const machine = await startMachine(t, SLOTS);
  await rounds(machine, Math.floor(ROUNDS / 2));
  await machine.stop();
});
