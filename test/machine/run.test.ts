// Which pool `stint run` draws from where the machine has one: the machine's, the user's own if asked, and the user's own
// when the machine's daemon is gone.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Machine, NOBODY, noMachine, startMachine } from '../helpers/machine.ts';
import { type Result, STINT } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const skip = noMachine() ?? false;
/** What a run says when a daemon takes its time. */
const WAITS = /^stint: waiting for a slot; .*\n/gm;
const SHOW = 'echo "$STINT_BUILD $STINT_FIFO $STINT_CAPACITY"';
/** `stint run` as nobody, with a runtime directory of their own. */
function runAsNobody(machine: Machine, args: readonly string[]): Promise<Result> {
  const home = join(machine.folder, 'nobody');
  mkdirSync(home, { mode: 0o700, recursive: true });
  chownSync(home, 65534, 65534);
  const env = { XDG_RUNTIME_DIR: home, HOME: home };
  return machine.spawn('setpriv', [...NOBODY, STINT, 'run', ...args], { env, cwd: '/' }).ended;
}

test('stint run draws from the pool of the machine where it has one', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const { code, stdout, stderr } = await machine.run([
    '--style',
    'fifo',
    '--',
    'sh',
    '-c',
    `${SHOW}; echo "$MAKEFLAGS"`,
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^\\d+ ${machine.node} 2\n -j2 --jobserver-auth=fifo:${machine.node}\n$`));
  assert.equal(machine.daemonPid(), undefined, 'no daemon of the user was started');
  await machine.stop();
});

test('stint run --user draws from the pool of the user on a machine that has one', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const user = await machine.run(['--user', '--jobs', '3', '--style', 'fifo', '--', 'sh', '-c', SHOW]);
  assert.equal(user.code, 0, user.stderr);
  assert.match(user.stdout, new RegExp(`^\\d+ ${machine.dir}/fifo-\\S+ 3\n$`));
  await machine.endDaemon();
  await machine.stop();
});

test('who may not open the node is told which group can, and of --user', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  chmodSync(machine.folder, 0o755);
  const { code, stdout, stderr } = await runAsNobody(machine, ['--', 'echo', 'ran']);
  assert.equal(code, 125);
  assert.equal(stdout, '');
  assert.equal(
    stderr,
    'stint: the daemon refused: user nobody is not in group root\nhint: for a pool of your own: --user\n',
  );
  const own = await runAsNobody(machine, ['--user', '--jobs', '1', '--', 'echo', 'ran']);
  assert.deepEqual([own.code, own.stdout], [0, 'ran\n'], own.stderr);
  await machine.stop();
});

const LEFT = "stint: the machine's daemon has left; using the pool of this user\n";

for (const [how, signal, said] of [
  ['left', 'SIGTERM', ''],
  ['was killed', 'SIGKILL', LEFT],
] as const) {
  test(`stint run draws from the pool of the user when the machine's daemon ${how}`, { skip }, async (t) => {
    const machine = await startMachine(t, 2);
    assert.equal((await machine.run(['--', 'true'])).code, 0);
    await machine.untilIdle();
    machine.daemon.kill(signal);
    await machine.daemon.ended;
    const { code, stdout, stderr } = await machine.run(['--jobs', '3', '--style', 'fifo', '--', 'sh', '-c', SHOW]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^\\d+ ${machine.dir}/fifo-\\S+ 3\n$`));
    assert.equal(stderr.replace(WAITS, ''), said);
    await machine.endDaemon();
  });

  test(`who waits for a first slot gets one of the user's pool when the machine's daemon ${how}`, {
    skip,
  }, async (t) => {
    const config = join(temporaryFolder(t), 'stint.toml');
    writeFileSync(config, 'on_term = "now"\n');
    const machine = await startMachine(t, 1, { args: ['--config', config] });
    const first = machine.spawnRun(['--', 'sleep', '1000']);
    await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
    const second = machine.spawnRun(['--jobs', '3', '--', 'sh', '-c', SHOW]);
    await machine.untilStatus(({ builds }) => builds[1]?.state === 'starting');
    machine.daemon.kill(signal);
    const { code, stdout, stderr } = await second.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^\\d+ ${machine.dir}/fifo-\\S+ 3\n$`));
    assert.equal(stderr.replace(WAITS, ''), LEFT);
    first.killAll('SIGKILL');
    await first.ended;
    await machine.endDaemon();
  });
}
