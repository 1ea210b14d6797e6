// The engine process dies between two steps of its, or a call fails, where that once left something behind or refused a build.
import assert from 'node:assert/strict';
import os from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { openStage } from './stage.ts';

const PATIENCE = 60_000;

for (const system of [false, true]) {
  const skip = missing('gcc') || ((system && noMachine()) ?? false);
  test(`a build that was written down and not answered is answered when it is asked for again, ${system ? 'of the machine' : 'of a user'}`, {
    skip,
  }, async (t) => {
    const stage = await openStage(t, { system });
    stage.arm({ role: 'engine', action: 'die', point: 'fs.writeSync:after', nth: 1, times: 1, value: 0 });
    const build = stage.place.spawnRun(['--', 'sh', '-c', 'echo begun; sleep 1000'], { deadline: 2 * PATIENCE });
    await until('it begins', () => build.output.stdout === 'begun\n', PATIENCE);
    const { daemon, builds } = await stage.place.status();
    assert.deepEqual([daemon.restarts, builds.length, stage.disarm()], [1, 1, true]);
    build.killAll('SIGKILL');
    await stage.place.untilIdle(PATIENCE);
  });
}

test('a build begins though no descriptor is left to hear of pressure by', {
  skip: missing('gcc'),
}, async (t) => {
  const stage = await openStage(t, { system: false });
  const value = os.constants.errno.EMFILE;
  stage.arm({ role: 'main', action: 'error', point: 'pressure.Triggers.new', nth: 1, times: 1, value });
  assert.equal((await stage.place.run(['--', 'true'], { deadline: PATIENCE })).code, 0);
  assert.ok(stage.disarm());
});

test('a build whose last process was forgotten, and it not yet, is over', {
  skip: noMachine() ?? missing('gcc'),
}, async (t) => {
  const stage = await openStage(t, { system: true });
  stage.arm({ role: 'engine', action: 'die', point: 'inotify.Inotify.unwatch', nth: 1, times: 1, value: 0 });
  const { place, node = '' } = stage;
  const client = place.spawn(join(place.folder, 'client-pipe'), ['block', node, join(place.folder, 'log'), '1']);
  assert.equal((await client.ended).code, 0);
  await place.untilStatus(({ daemon, builds }) => daemon.restarts === 1 && builds.length === 0, PATIENCE);
  assert.ok(stage.disarm());
});

test('what the kernel had no memory to send is kept all the same, also for the engine after the next one', {
  skip: missing('gcc'),
}, async (t) => {
  const stage = await openStage(t, { system: false });
  const { place } = stage;
  const build = place.spawnRun(['--', 'sh', '-c', 'sleep 1000'], { deadline: 10 * PATIENCE });
  await place.untilStatus(({ builds }) => builds[0]?.state === 'running', PATIENCE);
  const value = os.constants.errno.ENOBUFS;
  for (const fails of [true, false]) {
    // The third is that of the counters.
    if (fails) stage.arm({ role: 'engine', action: 'error', point: 'fds.sendMessage', nth: 3, times: 1, value });
    const engine = await place.enginePid();
    process.kill(engine, 'SIGKILL');
    await until('another engine', async () => (await place.enginePid()) !== engine, PATIENCE);
  }
  assert.ok(stage.disarm());
  const { degraded, builds } = await place.status();
  assert.deepEqual([degraded, builds.length], [undefined, 1]);
  build.killAll('SIGKILL');
  await place.untilIdle(PATIENCE);
});
