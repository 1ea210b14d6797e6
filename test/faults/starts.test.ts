// The keeper cannot start an engine at once, as the machine has run out of something: it tries again, and nobody is hurt.
import assert from 'node:assert/strict';
import os from 'node:os';
import { test } from 'node:test';
import { noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { openStage } from './stage.ts';

const { EMFILE, EAGAIN, ENOMEM } = os.constants.errno;
const PATIENCE = 60_000;

for (const [point, errno, name] of [
  ['fds.socketPair', EMFILE, 'EMFILE'],
  ['child_process.spawn', EAGAIN, 'EAGAIN'],
  ['child_process.spawn', ENOMEM, 'ENOMEM'],
] as const) {
  const system = errno !== ENOMEM;
  test(`a keeper ${system ? 'of the machine' : 'of a user'} whose ${point} fails with ${name} tries again`, {
    skip: missing('gcc') || (system && noMachine()) || false,
    timeout: 280_000,
  }, async (t) => {
    const stage = await openStage(t, { system });
    const clients = stage.begin();
    await stage.untilBegun();
    stage.arm({ role: 'keeper', action: 'error', point, nth: 1, times: 3, value: errno });
    // The first time, the machine has a spare engine, and lacks only the next.
    for (let kills = system ? 2 : 1; kills > 0; kills--) {
      const engine = await stage.place.enginePid();
      process.kill(engine, 'SIGKILL');
      await until('another engine serves', async () => (await stage.place.enginePid()) !== engine, PATIENCE);
    }
    await stage.end(clients);
    assert.ok(stage.disarm());
    assert.equal(
      stage.daemon.output.stderr.match(/^stint: cannot start an engine process, trying again: /gm)?.length,
      1,
    );
  });
}
