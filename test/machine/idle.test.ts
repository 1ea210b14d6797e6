// What a daemon costs that has nothing to do.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const skip = noMachine() ?? missing('make44', 'ninja');

/** KiB that each process has in memory; most of it is Node's own program, which they share. */
const MAX_MEMORY = { keeper: 64 * 1024, engine: 90 * 1024 };
/** How long the daemon is watched, milliseconds. */
const WATCHED = 4000;

const status = (path: string, field: string) =>
  Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${path}/status`, 'utf8'))?.[1]);

/** How often threads of the process have gone to sleep. */
const sleeps = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, tid) => sum + status(`${pid}/task/${tid}`, 'voluntary_ctxt_switches'),
    0,
  );

test('a daemon that has served and is idle is not woken, and is small', { skip }, async (t) => {
  // The first start fills Node's compile cache: until then the compiler is in memory, too.
  await (await startMachine(t, 2, { env: { STINT_AUDIT: '' } })).stop();
  const machine = await startMachine(t, 2, { env: { STINT_AUDIT: '' } });
  const { pids } = await machine.status();
  for (const node of ['make44', 'ninja'] as const) {
    const { code, stderr } = await machine.run(['--style', 'fifo', '--', toolPath(node), '--version']);
    assert.equal(code, 0, stderr);
  }
  await machine.untilIdle();
  await new Promise((resolve) => setTimeout(resolve, 500)); // connections close
  const before = { keeper: sleeps(pids.keeper), engine: sleeps(pids.engine) };
  await new Promise((resolve) => setTimeout(resolve, WATCHED));
  for (const name of ['keeper', 'engine'] as const) {
    const woken = sleeps(pids[name]) - before[name];
    const memory = status(String(pids[name]), 'VmRSS');
    t.diagnostic(`${name}: woken ${woken} times in ${WATCHED / 1000} s; ${memory} KiB in memory`);
    assert.ok(woken <= WATCHED / 1000, `${name}: woken ${woken} times in ${WATCHED / 1000} s`);
    assert.ok(memory <= MAX_MEMORY[name], `${name}: ${memory} KiB in memory`);
  }
  await machine.stop();
});
