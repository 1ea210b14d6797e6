// The engine is killed at random moments and another one goes on from its journal: what clients hold is theirs still, nobody is
// given a slot that somebody has, who waits goes on waiting, and no build fails. STINT_SEED repeats a run, STINT_ROUNDS sets its length.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantile } from '../../bench/helpers/figures.ts';
import type { BuildStatus } from '../../src/api/schema.ts';
import { longJobs } from '../clients/long-jobs.ts';
import { KINDS, type Kind } from '../clients/projects.ts';
import { buildAll, openWorkshop, peaks } from '../clients/rounds.ts';
import { killEngine, killEngines, type Served } from '../helpers/engine-kills.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';
import { buildRacers, NODES, Racer, startTrack, untilBlocked, untilTrue } from './racers.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 4);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);

/** Where the kernel cannot ask again what was not answered, the journal has to know who waits. */
const SCENES = [...NODES.map((kind) => ({ kind, resend: true })), { kind: 'file' as const, resend: false }];

for (const { kind, resend } of SCENES) {
  const env = resend ? {} : { STINT_RESEND: '0' };
  const where = `${kind} node${resend ? '' : ', on a kernel that asks nothing again,'}`;
  const options = { skip: noMachine() ?? missing('gcc'), timeout: 900_000 };
  test(`who has slots of the ${where} has them after a kill of the engine, seed ${SEED}`, options, async (t) => {
    const program = buildRacers(t)[kind];
    const machine = await startTrack(t, 4, '', env);
    const kill = () => killEngine(machine);
    const racers = [1, 2, 3].map((seed) => new Racer(machine, [program, 'interrupt', seed]));
    const [first, second, third] = racers as [Racer, Racer, Racer];
    for (const racer of [first, first, second]) await racer.read();
    await untilTrue(machine, racers);
    await kill();
    await untilTrue(machine, racers);
    await third.read();
    await untilTrue(machine, racers);

    const late = new Racer(machine, [program, 'interrupt', 4]);
    await late.hold(0);
    late.tell('read');
    await untilBlocked(late.pid);
    await kill();
    await kill();
    await untilTrue(machine, racers);
    await first.end();
    await late.hold(0); // it has got what it waited for
    assert.equal(late.held, 1);
    await untilTrue(machine, [second, third, late]);
    await kill();
    for (const racer of [second, third, late]) await racer.end();
    await untilTrue(machine, []);
  });

  test(`racers at the ${where} leave the truth, whatever is killed, seed ${SEED}`, options, async (t) => {
    t.diagnostic(`seed ${SEED}`);
    const program = buildRacers(t)[kind];
    const machine = await startTrack(t, 3, '', env);
    const random = seeded(SEED);
    const modes = ['interrupt', 'poll', 'death', 'fork', 'open', 'interrupt'] as const;
    const racers = modes.map((mode, i) => new Racer(machine, [program, mode, SEED + i]));
    for (let round = 0; round < ROUNDS; round++) {
      const kills = killEngines(machine, random, 300);
      const counts = await Promise.all(racers.map((racer) => racer.run(50)));
      const killed = await kills.stop();
      t.diagnostic(`round ${round}: ${killed} kills`);
      assert.ok(counts.every(({ stuck }) => stuck === 0));
      await untilTrue(machine, []);
    }
    for (const racer of racers) await racer.end();
  });
}

/** Clients at the file node and at pipes, by a path and by descriptors. */
const BUILDS: readonly Kind[] = [
  longJobs('make43'),
  longJobs('make44'),
  longJobs('ninja'),
  ...KINDS.filter(({ name }) => name === 'cargo'),
];
const SLOTS = BUILDS.length + 2;

for (const [name, start] of [
  ["the machine's pool", startMachine],
  ["a user's pool", startPool],
] as const) {
  const skip = missing(...BUILDS.flatMap(({ needs }) => needs)) || (start === startMachine && noMachine());
  test(`real builds in ${name} end well while the engine is killed, ${ROUNDS} rounds, seed ${SEED}`, {
    skip: skip ?? false,
    timeout: 3_000_000,
  }, async (t) => {
    t.diagnostic(`seed ${SEED}`);
    const random = seeded(SEED);
    const workshop = openWorkshop(t);
    const pool: Served = await start(t, SLOTS);
    const all: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const pauses: number[] = [];
      const built = buildAll(pool, workshop, { kinds: BUILDS, random });
      await pool.untilStatus(({ builds }) => builds.filter(isRunning).length >= BUILDS.length - 1);
      const kills = killEngines(pool, random, 500, pauses);
      const traced = await built;
      const killed = await kills.stop();
      t.diagnostic(`round ${round}: ${killed} kills, pauses ${pauses.map(Math.round)} ms; ${peaks(traced)}`);
      assert.ok(traced.all.peak <= SLOTS, `round ${round}: ${peaks(traced)}, seed ${SEED}`);
      assert.equal((await pool.status()).surplus, 0);
      all.push(...pauses);
    }
    const [p50, p99] = [0.5, 0.99].map((part) => Math.round(quantile(all, part)));
    t.diagnostic(`${all.length} pauses, from SIGKILL to the first answer: p50 ${p50} ms, p99 ${p99} ms`);
    const { free, capacity } = await pool.untilIdle();
    assert.equal(free, capacity);
  });
}

const isRunning = ({ state }: BuildStatus) => state === 'running';
