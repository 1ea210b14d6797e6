// The service below a real systemd; systemd.test.ts runs this in a machine that has booted it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/api/schema.ts';
import { isMounted } from '../helpers/machine.ts';
import { STINT } from '../helpers/pool.ts';
import { toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const root = join(import.meta.dirname, '../..');
const GROUP = 4711;
const JOURNAL = ['-u', 'stint', '-o', 'json', '--no-pager'];

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: 'utf8' });
const service = (name: string) => run('systemctl', 'show', 'stint', '--value', '-p', name).trim();
const status = (): Status => JSON.parse(readFileSync('/run/stint/status', 'utf8'));
const lines = () =>
  run('journalctl', ...JOURNAL)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const configure = (text: string) => writeFileSync('/etc/stint/stint.toml', text);

/** A make with jobs at the node or the device. */
async function make(path: string): Promise<number> {
  const folder = '/tmp/project';
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Makefile'), 'all: a b c d\na b c d:\n\t@sleep 0.2\n');
  const env = { ...process.env, MAKEFLAGS: ` -j3 --jobserver-auth=fifo:${path}` };
  const [code] = await once(spawn(toolPath('make44'), { cwd: folder, env, stdio: 'inherit' }), 'exit');
  return code as number;
}

test.before(() => {
  const unit = readFileSync(join(root, 'packaging/systemd/stint.service'), 'utf8');
  writeFileSync(
    '/etc/systemd/system/stint.service',
    unit.replaceAll('@BINDIR@', '/usr/local/bin').replaceAll('@SYSCONFDIR@', '/etc'),
  );
  if (!existsSync('/usr/local/bin/stint')) symlinkSync(STINT, '/usr/local/bin/stint');
  mkdirSync('/etc/stint', { recursive: true });
  configure(`jobs = 3\ndevice = "stint"\ngroup = ${GROUP}\n`);
  run('systemctl', 'daemon-reload');
});

test('it is started when it serves, and says how it is', async () => {
  run('systemctl', 'start', 'stint');
  assert.equal(service('StatusText'), '3 slots at /run/stint/jobserver and /dev/stint');
  assert.equal(Number(service('MainPID')), status().pids.keeper);
  assert.ok(isMounted('/run/stint'), 'its mount is seen by all');
  for (const path of ['/run/stint/jobserver', '/dev/stint']) assert.equal(await make(path), 0);
});

test('an engine that is killed is no matter of the service manager', async () => {
  const { pids } = status();
  process.kill(pids.engine, 'SIGKILL');
  await until('another engine serves', () => status().pids.engine !== pids.engine);
  assert.deepEqual([service('ActiveState'), service('NRestarts')], ['active', '0']);
  const line = lines().find(({ MESSAGE }) => /the engine process ended by SIGKILL/.test(MESSAGE));
  assert.equal(line?.PRIORITY, '3', 'an error');
});

test('SIGHUP by systemctl reload has it read its configuration', async () => {
  configure(`jobs = 4\ndevice = "stint"\ngroup = ${GROUP}\n`);
  run('systemctl', 'reload', 'stint');
  await until('it has more slots', () => status().capacity === 4);
});

test('a daemon that is killed is started again, with its mount and its device', async () => {
  process.kill(status().pids.keeper, 'SIGKILL');
  await until('it is started again', () => service('NRestarts') === '1' && service('ActiveState') === 'active');
  for (const path of ['/run/stint/jobserver', '/dev/stint']) assert.equal(await make(path), 0);
});

test('the rule for udev says who may open the device', async (t) => {
  if (!existsSync('/lib/systemd/systemd-udevd')) return t.skip('no udev: run toolchain/install.sh');
  run('systemctl', 'stop', 'stint');
  configure('jobs = 3\ndevice = "stint"\nmode = "0600"\ngroup = 0\n'); // what the daemon would say
  writeFileSync('/etc/group', `${readFileSync('/etc/group', 'utf8')}jobserver:x:${GROUP}:\n`);
  mkdirSync('/etc/udev/rules.d', { recursive: true });
  copyFileSync(join(root, 'integrations/udev/70-stint.rules'), '/etc/udev/rules.d/70-stint.rules');
  run('systemd-run', '--unit=udevd', '--service-type=notify', '/lib/systemd/systemd-udevd');
  run('systemctl', 'start', 'stint');
  await until('the rule has been applied', () => {
    const { mode, gid } = statSync('/dev/stint');
    return (mode & 0o777) === 0o660 && gid === GROUP;
  });
  await until('units can wait for it', () => run('systemctl', 'is-active', 'dev-stint.device').trim() === 'active');
});

test('it stops in order, and nothing is left', () => {
  run('systemctl', 'stop', 'stint');
  assert.deepEqual([service('ActiveState'), service('Result')], ['inactive', 'success']);
  assert.deepEqual([isMounted('/run/stint'), existsSync('/dev/stint')], [false, false]);
});

test('what keeps it from starting stands in the journal as an error', () => {
  configure('jobs = 0\n');
  assert.throws(() => run('systemctl', 'start', 'stint'));
  run('systemctl', 'stop', 'stint');
  const line = lines().find(({ MESSAGE }) => /jobs is 0/.test(MESSAGE));
  assert.equal(line?.PRIORITY, '3');
});
