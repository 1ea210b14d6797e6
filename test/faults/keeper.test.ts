// The keeper dies while it starts another engine, at any of its points: the engine goes with it, clients of the file node get an error instead
// of waiting for ever, and another daemon can serve the same place at once.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine } from '../helpers/machine.ts';
import { untilServes } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { openStage } from './stage.ts';

const PATIENCE = 60_000;
const POINTS = [
  'fds.socketPair',
  'child_process.spawn',
  'child_process.spawn:after',
  'fds.sendMessage',
  'fds.receiveMessage:after',
];

for (const point of POINTS) {
  test(`a keeper that dies at ${point} leaves nobody waiting`, {
    skip: noMachine() ?? missing('gcc'),
  }, async (t) => {
    const stage = await openStage(t, { system: true });
    const { place, node = '' } = stage;
    const { pids } = await place.status();
    const at = (mode: string) =>
      place.spawn(join(place.folder, 'client-file'), [mode, node, join(place.folder, 'log'), '100000'], {
        deadline: 2 * PATIENCE,
      });
    const clients = [at('block'), at('poll'), at('block'), at('poll')];
    await place.untilStatus(({ free }) => free === 0);
    stage.arm({ role: 'keeper', action: 'die', point, nth: 1, times: 1, value: 0 });
    process.kill(pids.engine, 'SIGKILL');
    assert.equal((await stage.daemon.ended).signal, 'SIGKILL');
    for (const { ended } of clients) {
      const { code, stderr } = await ended;
      assert.equal(code, 1);
      assert.match(stderr, /^(open|read|write|poll): .*\n$/);
    }
    await until('no engine is left', () => !existsSync(`/proc/${pids.engine}`), PATIENCE);
    const next = place.start(['serve', '--mount', place.mount, '--jobs', '3'], { deadline: 4 * PATIENCE });
    await untilServes(next);
    assert.equal((await place.status()).free, 3);
    next.kill('SIGTERM');
    assert.equal((await next.ended).code, 0);
  });
}
