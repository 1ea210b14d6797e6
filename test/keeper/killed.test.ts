// The keeper is killed by SIGKILL, and its engine with it: what goes on, what ends with an error, and what comes after. The file node needs
// a server; pipes do not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, type Started, startPool, untilServes } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 60_000;
const options = { deadline: PATIENCE };

/** What each build does: jobs that say when they begin. */
function writeJobs({ folder }: Place): void {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  writeFileSync(join(folder, 'm.mk'), `all: ${names.join(' ')}\n${names.join(' ')}:\n\t@echo begun; sleep 1\n`);
  const builds = names.map((name) => `build ${name}: job\n`).join('');
  writeFileSync(join(folder, 'build.ninja'), `rule job\n command = echo begun; sleep 1\n${builds}`);
}

const kinds = () => ({
  make43: ['--style', 'fds', '--', toolPath('make43'), '-f', 'm.mk'],
  make44: ['--style', 'fifo', '--', toolPath('make44'), '-f', 'm.mk'],
  ninja: ['--', toolPath('ninja')],
  lease: ['--slots', '2', '--', toolPath('make43'), '-f', 'm.mk'],
});

/** Without that it had to wait. */
const complaint = (stderr: string) => stderr.replace(/^stint: waiting .*\n/, '');

const begun = (all: readonly Started[]) =>
  until('all have begun', () => all.every(({ output }) => /begun|\[1\//.test(output.stdout)), PATIENCE);

test('a keeper of the machine that is killed: builds at pipes end well, the file node is an error', {
  skip: noMachine() ?? missing('make43', 'make44', 'ninja'),
  timeout: 2 * PATIENCE,
}, async (t) => {
  const machine = await startMachine(t, 5);
  writeJobs(machine);
  const { make44, ...atPipes } = kinds();
  const pipes = Object.values(atPipes).map((args) => machine.spawnRun(args, options));
  const file = machine.spawnRun(make44, options);
  await begun([...pipes, file]);
  machine.daemon.kill('SIGKILL');
  const { code, stderr } = await file.ended;
  assert.equal(code, 2);
  assert.match(stderr, /jobserver|read jobs pipe|write/);
  for (const { ended } of pipes) {
    const { code, stderr } = await ended;
    assert.deepEqual([code, complaint(stderr)], [0, '']);
  }
  const next = machine.start(['serve', '--mount', machine.mount, '--jobs', '3'], options);
  await untilServes(next);
  assert.equal((await machine.run(['--', 'true'], options)).code, 0);
  assert.equal((await machine.untilIdle(PATIENCE)).free, 3);
  next.kill('SIGTERM');
  assert.equal((await next.ended).code, 0);
});

test('a keeper of a user that is killed: all builds end well', {
  skip: missing('make43', 'make44', 'ninja'),
  timeout: 2 * PATIENCE,
}, async (t) => {
  const pool = await startPool(t, 5);
  writeJobs(pool);
  const builds = Object.values(kinds()).map((args) => pool.spawnRun(args, options));
  await begun(builds);
  pool.daemon.kill('SIGKILL');
  for (const { ended } of builds) {
    const { code, stderr } = await ended;
    assert.deepEqual([code, complaint(stderr)], [0, '']);
  }
});

for (const system of [true, false]) {
  const whose = system ? 'of the machine' : 'of a user';
  test(`who waits for a slot when the keeper ${whose} is killed gets one of the pool of the user`, {
    skip: system ? (noMachine() ?? false) : false,
  }, async (t) => {
    const place = await (system ? startMachine(t, 1) : startPool(t, 1));
    const holder = place.spawnRun(['--', 'sleep', '1000'], options);
    await place.untilStatus(({ builds }) => builds[0]?.state === 'running', PATIENCE);
    const waiting = place.spawnRun(['--', 'echo', 'done'], options);
    await place.untilStatus(({ builds }) => builds[1]?.state === 'starting', PATIENCE);
    place.daemon.kill('SIGKILL');
    const { code, stdout, stderr } = await waiting.ended;
    assert.deepEqual([code, stdout], [0, 'done\n']);
    const left = "stint: the machine's daemon has left; using the pool of this user\n";
    assert.equal(complaint(stderr), system ? left : '');
    holder.killAll('SIGKILL');
  });
}
