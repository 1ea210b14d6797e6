// Real, unpatched clients under `stint run` on the pool of the machine, all on one path: each alone, and all at once. Their
// jobs are traced; no more of them run at once than the pool has slots, the job that each client runs without a token
// included, and every slot comes back. STINT_SEED repeats the rounds of an earlier run, STINT_ROUNDS sets how many there are.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { longJobs } from '../clients/long-jobs.ts';
import { KINDS, PYTHON_KINDS } from '../clients/projects.ts';
import { type Build, buildAll, openWorkshop, PATIENCE, peaks, stintRun } from '../clients/rounds.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 3);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const SLOTS = 3;
const ALL = [...KINDS, ...PYTHON_KINDS];

/** Gives a client the path if it knows paths: where make is old, `stint run` would let many inherit descriptors. */
const byPath = (machine: Machine) => (build: Build) => stintRun(machine, build, build.kind.inherits ? 'fds' : 'fifo');

for (const kind of ALL) {
  test(`${kind.name} alone keeps to the machine's pool and uses it`, {
    skip: noMachine() ?? missing(...kind.needs),
    timeout: PATIENCE,
  }, async (t) => {
    const workshop = openWorkshop(t);
    const machine = await startMachine(t, SLOTS);
    const traced = await buildAll(machine, workshop, { kinds: [kind], random: seeded(SEED), start: byPath(machine) });
    assert.ok(traced.all.peak <= SLOTS, `${peaks(traced)}, seed ${SEED}`);
    assert.ok(traced.all.peak > 1, `it found slots beyond its first, seed ${SEED}`);
    assert.equal((await machine.status()).surplus, 0);
    await machine.stop();
  });
}

test('make and ninja take their jobs from one path, and keep to the pool', {
  skip: noMachine() ?? missing('make44', 'ninja'),
  timeout: PATIENCE,
}, async (t) => {
  const workshop = openWorkshop(t);
  const machine = await startMachine(t, SLOTS);
  const kinds = [longJobs('make44'), longJobs('ninja')];
  const traced = await buildAll(machine, workshop, { kinds, random: seeded(SEED), start: byPath(machine) });
  assert.equal(traced.all.peak, SLOTS, `${peaks(traced)}, seed ${SEED}`);
  await machine.stop();
});

test('ninja keeps to the pool also on a split pipe, which a rule gives it', {
  skip: noMachine() ?? missing('ninja'),
  timeout: PATIENCE,
}, async (t) => {
  const workshop = openWorkshop(t);
  const config = join(workshop.folder, 'stint.toml');
  writeFileSync(config, '[[client]]\nprogram = "ninja"\nnode = "split"\n');
  const machine = await startMachine(t, SLOTS, { args: ['--config', config] });
  const kinds = [longJobs('ninja')];
  const build = buildAll(machine, workshop, { kinds, random: seeded(SEED), start: byPath(machine) });
  await machine.untilStatus(({ builds }) => builds[0]?.clients?.[0]?.node === 'split');
  const traced = await build;
  assert.equal(traced.all.peak, SLOTS, `${peaks(traced)}, seed ${SEED}`);
  assert.equal((await machine.status()).surplus, 0);
  await machine.stop();
});

test(`all clients at once keep to the machine's pool, ${ROUNDS} random rounds, seed ${SEED}`, {
  skip: noMachine() ?? missing(...ALL.flatMap(({ needs }) => needs)),
  timeout: 3_000_000,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = seeded(SEED);
  const workshop = openWorkshop(t);
  const machine = await startMachine(t, SLOTS);
  for (let round = 0; round < ROUNDS; round++) {
    // The first round has each of them; Portage, the slowest, then comes now and then.
    const kinds = ALL.filter(({ name }) => round === 0 || name !== 'portage' || random(10) === 0);
    const start = round % 3 === 2 ? undefined : byPath(machine);
    const traced = await buildAll(machine, workshop, { kinds, random, ...(start && { start }) });
    assert.ok(traced.all.peak <= SLOTS, `round ${round}: ${peaks(traced)}, seed ${SEED}`);
    assert.equal((await machine.status()).surplus, 0, `round ${round}, seed ${SEED}`);
  }
  await machine.stop();
});
