// Death at the node of the machine: what a killed holder had goes to who waits, a waiting reader can always be killed, and
// while the daemon itself stands still nobody hangs who does not ask it for anything. Times are printed, not judged.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { quantile } from '../../bench/helpers/figures.ts';
import { type Machine, noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { DEADLINE } from '../helpers/until.ts';
import { buildRacers, type Mode, NODES, Racer, startTrack, untilBlocked, untilTrue } from './racers.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 600);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
/** For how long the daemon stands still at the least, milliseconds. */
const STOPPED = 5000;
/** What a holder is told while the daemon stands still; each ends it. */
const ENDS = [
  ['exec', 'execs and closes it by that'],
  ['keep', 'execs and keeps it'],
  ['leave', 'leaves it to a child'],
] as const;

for (const kind of NODES) {
  const options = { skip: noMachine() ?? missing('gcc'), timeout: 900_000 };
  test(`death at the ${kind} node, in a pool of one slot, seed ${SEED}`, options, async (t) => {
    const program = buildRacers(t)[kind];
    const machine = await startTrack(t, 1);
    const start = (mode: Mode = 'interrupt', seed = SEED) => new Racer(machine, [program, mode, seed]);

    await t.test(`the slot of a killed process goes to who waits, ${ROUNDS} times`, async (t) => {
      const racer = start('reclaim');
      const { times } = await racer.ask<{ times: number[] }>(`run ${ROUNDS}`);
      const [p50, p99] = [0.5, 0.99].map((part) => (quantile(times, part) / 1000).toFixed(2));
      t.diagnostic(`from SIGKILL to the read: p50 ${p50} ms, p99 ${p99} ms`);
      assert.equal(times.length, ROUNDS);
      assert.ok(Math.max(...times) < 1_000_000, `within a second: ${Math.max(...times)} µs`);
      await racer.end();
    });

    await t.test(`processes that exec with the node open get on, ${ROUNDS} times`, async () => {
      // The first two exec with the node close-on-exec or inherited, in one thread or several; the others keep the engine busy.
      const racers = (['exec', 'exec', 'interrupt', 'interrupt'] as const).map((mode, i) => start(mode, SEED + i));
      await Promise.all(racers.map((racer) => racer.run(ROUNDS / 2)));
      await racers[0]?.hold(1);
      await untilTrue(machine, racers);
      for (const racer of racers) await racer.end();
    });

    await t.test('who waits can be killed', async () => {
      const [holder, reader] = await holderAndReader(machine, start);
      reader.started.kill('SIGKILL');
      assert.equal((await reader.started.ended).signal, 'SIGKILL');
      await untilTrue(machine, [holder]);
      await holder.end();
    });

    await t.test('who waits can be killed after the daemon stood still', async () => {
      const [holder, reader] = await holderAndReader(machine, start);
      const opener = await whileStopped(machine, async () => {
        reader.started.kill('SIGKILL');
        const asker = start();
        await untilBlocked(asker.pid);
        asker.started.kill('SIGKILL');
        await asker.started.ended; // what the daemon has not heard of yet can be killed at once
        return start();
      });
      assert.equal((await reader.started.ended).signal, 'SIGKILL');
      await untilTrue(machine, [holder]);
      await holder.end();
      await opener.read(); // who came meanwhile is served
      await untilTrue(machine, [opener]);
      await opener.end();
    });

    for (const [command, what] of ENDS) {
      await t.test(`who holds a slot while the daemon stands still ${what}, and ps ends`, async () => {
        const holder = start();
        await holder.read();
        await untilTrue(machine, [holder]);
        await whileStopped(machine, async () => {
          const from = performance.now();
          holder.tell(command);
          await listProcesses(machine);
          const { code, stderr } = await holder.started.ended;
          assert.equal(`${code} ${stderr}`, '0 ');
          do await listProcesses(machine);
          while (performance.now() - from < STOPPED);
        });
        await untilTrue(machine, []);
        const next = start();
        await next.read();
        await next.end();
      });
    }

    assert.equal((await machine.untilIdle()).surplus, 0);
    await machine.stop();
  });
}

/** One that holds the pool's only slot, and one that waits for it. */
async function holderAndReader(machine: Machine, start: () => Racer): Promise<[Racer, Racer]> {
  const holder = start();
  await holder.read();
  const reader = start();
  await reader.hold(0); // it has opened the node
  reader.tell('read');
  await untilBlocked(reader.pid);
  await machine.status(); // the engine has heard of it
  return [holder, reader];
}

/** Stops the daemon while `act` runs. Should this process die meanwhile, somebody else lets the daemon go on. */
async function whileStopped<T>(machine: Machine, act: () => Promise<T>): Promise<T> {
  const engine = await machine.enginePid();
  const watchdog = spawn('/bin/sh', ['-c', `sleep ${(2 * DEADLINE) / 1000}; kill -CONT ${engine}`], {
    detached: true,
    stdio: 'ignore',
  });
  await once(watchdog, 'spawn');
  process.kill(engine, 'SIGSTOP');
  try {
    return await act();
  } finally {
    process.kill(engine, 'SIGCONT');
    process.kill(-(watchdog.pid as number), 'SIGKILL'); // it has not been reaped: its group is its own
  }
}

async function listProcesses(machine: Machine): Promise<void> {
  const { code, stdout } = await machine.spawn('timeout', ['-s', 'KILL', '15', 'ps', '-e', '-o', 'pid,args']).ended;
  assert.equal(code, 0, 'ps ends');
  assert.match(stdout, new RegExp(`^ *${machine.daemon.pid} `, 'm'));
}
