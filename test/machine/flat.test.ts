// What a daemon needs stays the same, however many slots were taken and given back, and however many clients have come and gone.
// STINT_ROUNDS says how often.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Machine, noMachine } from '../helpers/machine.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { NODES, startTrack } from './racers.ts';

/** Each of them: so many round trips at the file node, and so many clients at each kind of node. */
const ROUNDS = Number(process.env.STINT_ROUNDS ?? 2);
const TRIPS = 100_000;
const CLIENTS = 500;
/** What Node's heap may be larger by chance, MiB. */
const CHANCE = 24;
const DEADLINE = 3_000_000;

interface Needs {
  /** Memory of its own, MiB. */
  memory: number;
  descriptors: number;
}

function needsOf(pid: number): Needs {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const memory = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  return { memory, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

test(`memory and descriptors are the same after ${ROUNDS * TRIPS} round trips and ${2 * ROUNDS * CLIENTS} clients`, {
  skip: noMachine() ?? missing('gcc'),
  timeout: DEADLINE,
}, async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const program = (kind: string) => join(folder, `racer-${kind}`); // the daemon of a track knows these names
  execFileSync('cc', ['-O2', '-o', program('file'), join(import.meta.dirname, 'flat.c')]);
  copyFileSync(program('file'), program('pipe'));
  const machine = await startTrack(t, 2, '', { STINT_AUDIT: '' });
  const play = async (kind: (typeof NODES)[number], what: string, count: number) => {
    const { code, stderr } = await machine.spawn(program(kind), [what, machine.node, `${count}`], {
      deadline: DEADLINE,
    }).ended;
    assert.deepEqual([code, stderr], [0, '']);
  };
  const found: Found[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await play('file', 'trips', TRIPS);
    for (const kind of NODES) await play(kind, 'clients', CLIENTS);
    found.push(await settled(machine));
  }
  // What is needed once, for the first of each kind, is no growth.
  const [before, after] = [found[ROUNDS >> 2], found.at(-1)] as [Found, Found];
  for (const name of ['keeper', 'engine'] as const) {
    const [from, to] = [before[name], after[name]];
    t.diagnostic(`${name}: ${from.memory.toFixed(1)} MiB, then ${to.memory.toFixed(1)}; ${to.descriptors} descriptors`);
    assert.ok(to.memory <= from.memory + CHANCE, `${name}: ${from.memory} MiB became ${to.memory}`);
    assert.equal(to.descriptors, from.descriptors, `descriptors of the ${name}`);
  }
  await machine.stop();
});

type Found = Record<'keeper' | 'engine', Needs>;

/** What both need when all clients have gone. */
async function settled(machine: Machine): Promise<Found> {
  await machine.untilIdle();
  const { pids } = await machine.status();
  await new Promise((resolve) => setTimeout(resolve, 500)); // what is closed in the background is closed
  return { keeper: needsOf(pids.keeper), engine: needsOf(pids.engine) };
}
