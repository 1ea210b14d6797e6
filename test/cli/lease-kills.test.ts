// Leases that are killed at any moment: while they reach for the daemon, wait, have just got their slots, or give some back. All
// their slots come back each time, at the pool of a user and at that of the machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, type Started, startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const ROUNDS = Number(process.env.STINT_ROUNDS ?? 10);
const SLOTS = 4;
const PATIENCE = 120_000;

/** A lease of random size, held in a random way; it would go on for ever. */
function start(place: Place, random: (n: number) => number): Started {
  const min = 1 + random(SLOTS);
  const slots = `${min}..${min + random(3)}`;
  if (random(2) === 0) {
    const held = place.start(['lease', 'hold', slots], { stdio: 'pipe', deadline: PATIENCE });
    const lines = setInterval(() => held.child.stdin?.write(`${1 + random(SLOTS)}\n`), 20);
    held.child.once('exit', () => clearInterval(lines));
    return held;
  }
  const work =
    'exec 3<>"$STINT_FIFO"; while :; do dd bs=1 count=1 <&3 2>/dev/null >/dev/null; sleep 0.05; printf + >&3; done';
  return place.spawnRun(['--slots', slots, '--style', 'fifo', '--', 'sh', '-c', work], { deadline: PATIENCE });
}

async function kill(place: Place): Promise<void> {
  const random = seeded(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const leases = [0, 1, 2].map(() => start(place, random));
    for (const lease of leases) {
      await pause(random(250));
      const { builds, capacity } = await place.status();
      const out = builds.reduce((sum, { implicit, held }) => sum + implicit + held, 0);
      assert.ok(out <= capacity, `${out} slots are out of ${capacity}`);
      for (const { state, implicit } of builds)
        assert.ok(state !== 'starting' || implicit === 0, 'who waits holds nothing');
      if (random(4) === 0) lease.child.stdin?.destroy();
      lease.killAll('SIGKILL');
    }
    await place.untilIdle(PATIENCE);
  }
}

test(`leases of a user's pool that are killed give all back (STINT_SEED=${SEED})`, { timeout: 600_000 }, async (t) => {
  const pool = await startPool(t, SLOTS);
  await kill(pool);
  await pool.stop();
});

test(`leases of the machine's pool that are killed give all back (STINT_SEED=${SEED})`, {
  timeout: 600_000,
  skip: noMachine() ?? false,
}, async (t) => {
  const machine = await startMachine(t, SLOTS);
  await kill(machine);
  await machine.stop();
});
