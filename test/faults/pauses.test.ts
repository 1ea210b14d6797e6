// Keeper and engine are stopped for a while, as when a machine is suspended or a debugger holds one of them: clients wait, and that is all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { openStage } from './stage.ts';

const LONG = 2000;
const POOLS = [
  { system: true, whose: "the machine's pool", skip: noMachine() ?? missing('gcc') },
  { system: false, whose: "a user's pool", skip: missing('gcc') },
];
/** Who is stopped, in this order, and goes on in the same order. */
const ORDERS = [['engine'], ['keeper'], ['engine', 'keeper'], ['keeper', 'engine']] as const;

test('an engine that is slow at a pipe, but waits for no lock of it, is not given up', {
  skip: POOLS[0]?.skip,
  timeout: 900_000,
}, async (t) => {
  const stage = await openStage(t, { system: true });
  const before = await stage.place.enginePid();
  for (const nth of [1, 2, 4]) {
    stage.arm({ role: 'engine', action: 'slow', point: 'splice.moveBytes', nth, times: 1, value: LONG });
    await stage.end(stage.begin());
    assert.ok(stage.disarm());
    assert.equal(await stage.place.enginePid(), before);
  }
});

for (const { system, whose, skip } of POOLS) {
  test(`clients of ${whose} wait while keeper or engine are stopped`, { skip, timeout: 900_000 }, async (t) => {
    const stage = await openStage(t, { system });
    for (const order of ORDERS) {
      const { pids } = await stage.place.status();
      const clients = stage.begin();
      await stage.untilBegun();
      for (const one of order) process.kill(pids[one], 'SIGSTOP');
      await pause(LONG);
      for (const one of order) process.kill(pids[one], 'SIGCONT');
      await stage.end(clients);
    }
  });

  test(`an engine of ${whose} that dies while its keeper is stopped is followed by another one`, {
    skip,
    timeout: 900_000,
  }, async (t) => {
    const stage = await openStage(t, { system });
    const { pids } = await stage.place.status();
    const clients = stage.begin();
    await stage.untilBegun();
    process.kill(pids.keeper, 'SIGSTOP');
    process.kill(pids.engine, 'SIGKILL');
    await pause(LONG);
    process.kill(pids.keeper, 'SIGCONT');
    await stage.end(clients);
  });
}
