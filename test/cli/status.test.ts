// `stint status`: what it shows, and what it says when there is nothing to show.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../../src/cli/status.ts';
import { Place, startPool } from '../helpers/pool.ts';

test('without a daemon it ends with 3 and says how to start one', async (t) => {
  const { code, stdout, stderr } = await new Place(t).stint(['status']);
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /^stint: no daemon is running for \S+\nhint: 'stint run -- CMD' starts one.*\n$/);
});

test('it takes no arguments, and suggests the option that was meant', async (t) => {
  const place = new Place(t);
  const argument = await place.stint(['status', 'now']);
  assert.deepEqual([argument.code, argument.stderr], [2, 'stint: status: unexpected argument now\n']);
  const option = await place.stint(['status', '--jsno']);
  assert.deepEqual(
    [option.code, option.stderr],
    [2, 'stint: status: unknown option --jsno\nhint: did you mean --json?\n'],
  );
});

test('it shows an idle pool', async (t) => {
  const pool = await startPool(t, 3);
  assert.equal((await pool.stint(['status'])).stdout, '3 slots: 0 used, 3 free\nno builds\n');
  await pool.stop();
});

test('it shows who holds what and who waits', async (t) => {
  const pool = await startPool(t, 1);
  const first = pool.spawnRun(['--label', 'the first', '--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const second = pool.spawnRun(['--label', 'the second', '--', 'true']);
  await pool.untilStatus(({ builds }) => builds.length === 2);
  const lines = (await pool.stint(['status'])).stdout.split('\n');
  assert.equal(lines[0], '1 slot: 1 used, 0 free');
  assert.match(lines[2] as string, /^1 +1 +- +\d+s +\d+ +\S+ +the first$/);
  assert.match(
    lines[3] as string,
    /^2 +0 +yes +\d+s +\d+ +\S+ +the second {2}\(waits for its first slot: the slot is out; 1st in the queue\)$/,
  );
  first.kill('SIGTERM');
  assert.equal((await second.ended).code, 0);
  await pool.stop();
});

test('a reader that closes early is no error', async (t) => {
  const pool = await startPool(t, 1);
  const { stdout, stderr } = await pool.shell('{ "$STINT" status; echo $? >code; } | true; cat code');
  assert.deepEqual([stdout, stderr], ['0\n', '']);
  await pool.stop();
});

test('a standard output that takes nothing is an error', async (t) => {
  const pool = await startPool(t, 1);
  const full = await pool.shell('"$STINT" status >/dev/full');
  assert.deepEqual([full.code, full.stderr], [1, 'stint: cannot write to standard output: no space left on device\n']);
  await pool.stop();
});

test('slots that are lost and builds that were left are remarked', () => {
  const build = {
    id: 7,
    label: 'x',
    cwd: '/',
    rootPid: 1,
    user: 'u',
    uid: 1,
    weight: 1,
    class: 'normal',
    share: 1,
    kind: 'run',
    since: 0,
    held: 2,
    implicit: 0,
    offered: 0,
    waiting: 0,
    slotSeconds: 0,
    waitedSeconds: 0,
    peak: 2,
    granted: 2,
    surplus: 0,
  } as const;
  const text = table(
    {
      daemon: { version: '0', pid: 1, since: 0, restarts: 0, socket: '/s', mode: 'user' },
      pids: { keeper: 1, engine: 2 },
      capacity: 2,
      limit: 2,
      limits: [],
      free: 0,
      waiting: 0,
      reserved: 0,
      overcommit: 0,
      surplus: 0,
      with: [],
      builds: [{ ...build, state: 'left', stranded: 2 }],
    },
    3_723_000,
  );
  assert.match(
    text,
    /1h2m.*x {2}\(its root is gone, something it started is not; 2 held by nobody until the build ends\)/,
  );
});

test('a label with line ends and escape sequences stays in its line', async (t) => {
  const pool = await startPool(t, 1);
  const { stdout } = await pool.shell(
    `"$STINT" run --label "$(printf 'a\\nb\\033[31mc\\302\\233d')" -- "$STINT" status`,
  );
  assert.match(stdout, / {2}a\?b\?\[31mc\?d\n$/);
  await pool.stop();
});

test('a daemon that does not answer is given up after a while', async (t) => {
  const pool = await startPool(t, 1);
  const engine = await pool.enginePid();
  process.kill(engine, 'SIGSTOP');
  const { code, stdout, stderr } = await pool.stint(['status']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^stint: the daemon at \S+ has not answered for 5 s\n$/);
  process.kill(engine, 'SIGCONT');
  await pool.stop();
});
