// Real containers on the machine's pool: clients inside take slots, the daemon knows them by the numbers that they have outside, and
// what they held is free when the container is killed.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PATIENCE } from '../clients/rounds.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { CONTAINERS, equip, GROUP, initOf, numbersOf } from './containers.ts';
import { Site } from './site.ts';

const SLOTS = 3;

for (const container of CONTAINERS) {
  const skip = noMachine() ?? (missing('make44') || container.skip);
  test(`in a container of ${container.name} clients draw from the pool, until it is killed`, {
    skip,
    timeout: PATIENCE,
  }, async (t) => {
    const machine = await startWithGroup(t);
    const site = new Site(t);
    const make = equip(site);
    const jobs = Array.from({ length: 8 }, (_, i) => `j${i}`).join(' ');
    const folder = site.makefile('box', `all: ${jobs}\n${jobs}:\n\t@${site.job('go')}\n`);
    const flags = await dockerOptions(machine);
    const [file = '', ...args] = container.args(machine, site, flags);
    const options = site.options('box', { MAKEFLAGS: machine.makeflags() });
    const box = machine.spawn(file, [...args, make, '-s', '-C', folder], { ...options, cwd: '/' });
    await until('its jobs run', () => site.running('box') === SLOTS || box.child.exitCode !== null, PATIENCE / 2);
    assert.equal(box.child.exitCode, null, box.output.stderr);

    const { free, builds } = await machine.status();
    assert.equal(free, 0);
    assert.deepEqual(
      builds.map(({ uid, clients = [] }) => [
        uid,
        clients.map(({ program, held, implicit }) => [program, held, implicit]),
      ]),
      [[container.uid, [['make', SLOTS - 1, 1]]]],
    );
    const pid = builds[0]?.clients?.[0]?.pid as number;
    const numbers = numbersOf(pid);
    assert.equal(numbers[0], pid, 'it is the number outside');
    assert.ok(numbers.length > 1 && numbers.at(-1) !== pid, 'inside it has another one');

    process.kill(initOf(pid), 'SIGKILL');
    await machine.untilIdle();
    await box.ended;
    await machine.stop();
  });
}

test('stint run in a sandbox is a build of the machine, and one that hides the pool is found by stint doctor', {
  skip: noMachine() ?? missing('bwrap', 'make44'),
}, async (t) => {
  const machine = await startWithGroup(t);
  const bwrap = ['--bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--unshare-pid', '--die-with-parent'];
  const run = machine.spawn('bwrap', [
    ...bwrap,
    '--bind',
    machine.mount,
    machine.mount,
    STINT,
    'run',
    '--label',
    'inside',
    '--',
    'sleep',
    '1000',
  ]);
  const { builds } = await machine.untilStatus((status) => status.builds[0]?.state === 'running');
  const [build] = builds;
  assert.equal(build?.label, 'inside');
  assert.ok(numbersOf(build?.rootPid as number).length > 1);
  run.killAll('SIGKILL');
  await machine.untilIdle();

  const hides = [...bwrap, '--tmpfs', machine.mount];
  const { stdout } = await machine.spawn('bwrap', [...hides, STINT, 'doctor', '--json'], {
    env: { MAKEFLAGS: machine.makeflags() },
  }).ended;
  const ids = JSON.parse(stdout).findings.map(({ id }: { id: string }) => id);
  assert.ok(ids.includes('node-hidden'), stdout);
  await machine.stop();
});

async function startWithGroup(t: TestContext): Promise<Machine> {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, `group = ${GROUP}\n`);
  const machine = await startMachine(t, SLOTS, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  return machine;
}

/** What `stint env --for docker` prints, as a shell reads it. */
async function dockerOptions(machine: Machine): Promise<string[]> {
  const { stdout } = await machine.shell(`eval "printf '%s\\n' $("$STINT" env --for docker)"`);
  return stdout.split('\n').slice(0, -1);
}
