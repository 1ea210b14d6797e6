// Races at the node of the machine: processes that read, return, poll, open, fork and die against each other, and after
// each batch the ledger has to say what the processes themselves say. STINT_SEED repeats the choices of an earlier run,
// STINT_ROUNDS sets how many rounds each race has in all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Machine, noMachine } from '../helpers/machine.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';
import { buildRacers, type Counts, type Mode, NODES, type NodeKind, Racer, startTrack, untilTrue } from './racers.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 2000);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
/** Rounds of all racers together before the ledger is compared. */
const BATCH = 500;
const RACERS = 4;

interface Race {
  name: string;
  /** What the racers do, from the first to the last. */
  modes: [Mode, Mode, Mode, Mode];
  nodes: readonly NodeKind[];
}

const RACES: readonly Race[] = [
  { name: 'signals against grants', modes: ['interrupt', 'interrupt', 'interrupt', 'interrupt'], nodes: NODES },
  { name: 'SIGKILL against grants', modes: ['death', 'death', 'death', 'interrupt'], nodes: NODES },
  { name: 'pollers against other takers', modes: ['poll', 'poll', 'poll', 'interrupt'], nodes: NODES },
  { name: 'opens, closes, forks and execs of threads', modes: ['open', 'open', 'open', 'interrupt'], nodes: NODES },
  { name: 'children that outlive their parents', modes: ['fork', 'fork', 'fork', 'interrupt'], nodes: NODES },
];

const skip = noMachine() ?? missing('gcc');

for (const { name, modes, nodes } of RACES) {
  for (const kind of nodes) {
    test(`${name}, at the ${kind} node, ${ROUNDS} rounds, seed ${SEED}`, { skip, timeout: 280_000 }, async (t) => {
      t.diagnostic(`seed ${SEED}`);
      const random = seeded(SEED);
      const program = buildRacers(t)[kind];
      const machine = await startTrack(t, 2 + random(3));
      const racers = modes.map((mode) => new Racer(machine, [program, mode, random(2 ** 30)]));
      let counts: Counts[] = [];
      for (let rounds = 0; rounds < ROUNDS; rounds += BATCH) {
        counts = await Promise.all(racers.map((racer) => racer.run(BATCH / RACERS)));
        await holdSome(machine, racers, random);
      }
      for (const racer of racers) await racer.end();
      assertFair(await machine.untilIdle(), counts);
      t.diagnostic(JSON.stringify(summed(counts)));
      await machine.stop();
    });
  }
}

/** Lets each hold some slots while all others pause, and compares; then the slots are given back. */
async function holdSome(machine: Machine, racers: readonly Racer[], random: (n: number) => number): Promise<void> {
  for (const racer of racers) await racer.hold(random(3));
  await untilTrue(machine, racers);
}

function assertFair({ waiting, surplus }: { waiting: number; surplus: number }, counts: readonly Counts[]): void {
  const all = summed(counts);
  assert.equal(waiting, 0, 'nobody waits');
  assert.equal(all.stuck, 0, 'no poller waited in vain');
  assert.ok(surplus <= all.late, `${surplus} tokens too many were returned, and at most ${all.late} late`);
}

function summed(counts: readonly Counts[]): Counts {
  const all: Counts = { rounds: 0, reads: 0, writes: 0, interrupted: 0, again: 0, stuck: 0, kills: 0, late: 0 };
  for (const one of counts) for (const key of Object.keys(all) as (keyof Counts)[]) all[key] += one[key];
  return all;
}
