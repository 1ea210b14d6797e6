// Processes whose parents have gone: nothing above them tells which build they belong to, but for what stands in their environment.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;

/** Becomes an orphan in a session of its own, opens the node when the file `go` is there, and stays. */
const orphan = (machine: Machine, go: string) =>
  `(setsid sh -c 'until grep -q "^PPid:.1$" /proc/$$/status && [ -e ${go} ]; do sleep 0.01; done; exec 3<>${machine.node}; sleep 1000' &)`;

const owners = async (machine: Machine) =>
  (await machine.status()).builds
    .filter(({ clients = [] }) => clients.length > 0)
    .map(({ id, kind }) => ({ id, kind }));

test('an orphan draws on the account of the build it was started in', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const go = join(machine.folder, 'go');
  writeFileSync(go, '');
  machine.spawnRun(['--style', 'fifo', '--', 'sh', '-c', `${orphan(machine, go)}; exec sleep 1000`]);
  await machine.untilStatus(({ builds }) => builds.some(({ clients = [] }) => clients.length > 0));
  assert.deepEqual(await owners(machine), [{ id: 1, kind: 'run' }]);
});

test('an orphan that is older than a build is none of it, whatever number it carries', { skip }, async (t) => {
  const machine = await startMachine(t, 3);
  const go = join(machine.folder, 'go');
  const ready = join(machine.folder, 'ready');
  const old = machine.spawn('sh', ['-c', `${orphan(machine, go)}; touch ${ready}`], {
    env: { STINT_BUILD: '1' },
    stdio: 'ignore',
  });
  await old.ended.catch(() => {});
  await until('the orphan is there', () => existsSync(ready));
  await new Promise((resolve) => setTimeout(resolve, 50)); // start times are counted in hundredths of a second
  machine.spawnRun(['--style', 'fifo', '--', 'sleep', '1000']);
  await machine.untilStatus(({ builds }) => builds.some(({ id, state }) => id === 1 && state === 'running'));
  writeFileSync(go, '');
  await machine.untilStatus(({ builds }) => builds.some(({ clients = [] }) => clients.length > 0));
  assert.deepEqual(
    (await owners(machine)).map(({ kind }) => kind),
    ['session'],
  );
});
