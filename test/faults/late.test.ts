// A process has been shown its pipe and has not opened it yet when the engine dies; the next one lacks a descriptor for that very pipe.
import assert from 'node:assert/strict';
import os from 'node:os';
import { test } from 'node:test';
import { noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { openStage } from './stage.ts';

const { EMFILE } = os.constants.errno;

test('whoever opens his pipe later is served all the same', { skip: noMachine() ?? missing('gcc') }, async (t) => {
  const stage = await openStage(t, { system: true });
  const { place, node = '' } = stage;
  const script = '[ -p "$0" ] && echo looked && read -r go && exec 9<>"$0" && head -c1 <&9';
  // First it opens the pipe, then it does so again after having looked who else has.
  for (const nth of [1, 2]) {
    const client = place.spawn('bash', ['-c', script, node], { stdio: 'pipe' });
    await until('it has looked', () => client.output.stdout === 'looked\n');
    const engine = await place.enginePid();
    process.kill(engine, 'SIGKILL');
    stage.arm({ role: 'engine', action: 'error', point: 'fifo.openReadEnd', nth, times: 1, value: EMFILE });
    await until('another engine serves', async () => (await place.enginePid()) !== engine);
    assert.ok(stage.disarm(), 'a descriptor was missing');
    client.child.stdin?.end('go\n');
    assert.deepEqual([(await client.ended).stdout, nth], ['looked\n+', nth]);
    await place.untilIdle();
  }
});
