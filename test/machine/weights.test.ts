// A user's part beside other users where rules go by groups, and his builds are not all in the same.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Machine, noMachine } from '../helpers/machine.ts';
import { STINT, untilServes } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('of what rules say of a user the largest counts, whichever of his builds came last', {
  skip: noMachine() ?? false,
}, async (t) => {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, 'jobs = 10\nmode = "0666"\n[[rule]]\ngroup = 4711\nweight = 4\n');
  const machine = new Machine(t, undefined, { args: ['--config', file] });
  await untilServes(machine.daemon);
  chmodSync(machine.folder, 0o755);
  const run = (groups: string) => {
    const who = ['--reuid', '65534', '--regid', '65533', groups];
    const options = { cwd: '/', env: { XDG_CACHE_HOME: '/nonexistent' } };
    return machine.spawn('setpriv', [...who, STINT, 'run', '--', 'sleep', '1000'], options);
  };
  const shares = async (count: number) => {
    const { builds } = await machine.untilStatus(
      (status) => status.builds.length === count && status.builds.every(({ state }) => state === 'running'),
    );
    return builds.map(({ uid, share }) => [uid, share]);
  };
  const root = machine.spawnRun(['sleep', '1000']);
  await shares(1);
  const inside = run('--groups=4711');
  assert.deepEqual(await shares(2), [
    [0, 2],
    [65534, 8],
  ]);
  const outside = run('--clear-groups');
  assert.deepEqual(await shares(3), [
    [0, 2],
    [65534, 4],
    [65534, 4],
  ]);
  inside.kill('SIGKILL');
  assert.deepEqual(await shares(2), [
    [0, 5],
    [65534, 5],
  ]);
  const again = run('--groups=4711');
  assert.equal((await shares(3))[0]?.[1], 2);
  writeFileSync(file, 'jobs = 10\nmode = "0666"\n');
  machine.daemon.kill('SIGHUP');
  await machine.untilStatus(({ builds }) => builds[0]?.share === 5);
  for (const one of [root, outside, again]) one.kill('SIGKILL');
  await machine.stop();
});
