// Races at the node of the machine: processes that read, return, poll, open, fork and die against each other, and after
// each batch the ledger has to say what the processes themselves say. STINT_SEED repeats the choices of an earlier run,
// STINT_ROUNDS sets how many rounds each race has in all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Machine, noMachine } from '../helpers/machine.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';
import { buildRacers, type Counts, type Mode, NODES, type NodeKind, Racer, startTrack, untilTrue } from './racers.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 0);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
/** Rounds of all racers together before the ledger is compared. */
const BATCH = 500;
/** Of them the last two only read and return, and are interrupted while they do. */
const RACERS = 5;

interface Race {
  name: string;
  mode: Mode;
  /** At each node, where STINT_ROUNDS does not say; a fork takes much longer than a read. */
  rounds: Record<NodeKind, number>;
}

const RACES: readonly Race[] = [
  { name: 'signals against grants', mode: 'interrupt', rounds: { file: 10_000, pipe: 10_000 } },
  { name: 'SIGKILL against grants', mode: 'death', rounds: { file: 2000, pipe: 500 } },
  { name: 'pollers against other takers', mode: 'poll', rounds: { file: 10_000, pipe: 10_000 } },
  { name: 'opens, closes, forks and execs of threads', mode: 'open', rounds: { file: 2000, pipe: 2000 } },
  { name: 'children that outlive their parents', mode: 'fork', rounds: { file: 2000, pipe: 1000 } },
];

test(`races, seed ${SEED}`, { skip: noMachine() ?? missing('gcc'), timeout: 3_000_000 }, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = seeded(SEED);
  const programs = buildRacers(t);
  const machine = await startTrack(t, 2 + random(3));
  for (const kind of NODES) {
    for (const { name, mode, rounds } of RACES) {
      const wanted = ROUNDS || rounds[kind];
      await t.test(
        `${name}, at the ${kind} node, ${wanted} rounds, seed ${SEED}`,
        { timeout: 1_500_000 },
        async (t) => {
          const racers = Array.from({ length: RACERS }, (_, i) => {
            const command = [programs[kind], i < RACERS - 2 ? mode : 'interrupt', random(2 ** 30)] as const;
            return new Racer(machine, command);
          });
          t.diagnostic(JSON.stringify(await race(machine, { racers, rounds: wanted, random })));
        },
      );
    }
  }
  await machine.stop();
});

/** Runs a race to its end; what all have counted. */
async function race(
  machine: Machine,
  { racers, rounds, random }: { racers: readonly Racer[]; rounds: number; random: (n: number) => number },
): Promise<Counts> {
  const before = (await machine.status()).surplus;
  let counts: Counts[] = [];
  for (let done = 0; done < rounds; done += BATCH) {
    counts = await Promise.all(racers.map((racer) => racer.run(BATCH / RACERS)));
    // Some slots are held while nobody moves; the next round, or the end, gives them back.
    for (const racer of racers) await racer.hold(random(3));
    await untilTrue(machine, racers);
  }
  for (const racer of racers) await racer.end();
  const all = summed(counts);
  const { waiting, surplus } = await machine.untilIdle();
  assert.equal(waiting, 0, 'nobody waits');
  assert.equal(all.stuck, 0, 'no poller waited in vain');
  assert.ok(surplus - before <= all.late, `${surplus - before} returned too many, at most ${all.late} of them late`);
  return all;
}

function summed(counts: readonly Counts[]): Counts {
  const all: Counts = { rounds: 0, reads: 0, writes: 0, interrupted: 0, again: 0, stuck: 0, kills: 0, late: 0 };
  for (const one of counts) for (const key of Object.keys(all) as (keyof Counts)[]) all[key] += one[key];
  return all;
}
