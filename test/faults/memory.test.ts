// The engine process may have no more memory than it has: it goes on, or dies and is followed by another one, and no client notices.
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { openStage } from './stage.ts';

for (const system of [true, false]) {
  test(`an engine ${system ? 'of the machine' : 'of a user'} that gets no more memory is followed by another one`, {
    skip: missing('gcc') || (system && noMachine()) || false,
    timeout: 280_000,
  }, async (t) => {
    const stage = await openStage(t, { system });
    const { pids } = await stage.place.status();
    const clients = stage.begin();
    await stage.untilBegun();
    execFileSync('prlimit', [`--pid=${pids.engine}`, '--as=1:']);
    await stage.end(clients);
  });
}
