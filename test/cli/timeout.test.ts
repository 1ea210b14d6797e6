// `stint run --timeout`: the command and what it started are ended in time, whatever they do, and the status says how.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Place, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

test('a command whose time is over is ended by SIGTERM, with what it started', async (t) => {
  const pool = await startPool(t, 2);
  const run = pool.spawnRun(['--timeout', '0.5s', '--', 'sh', '-c', 'sleep 1000 & setsid sleep 1001 & wait']);
  const { code, signal } = await run.ended; // its output is closed only when the last of them has gone
  assert.deepEqual([code, signal], [143, 'SIGTERM']);
  await pool.stop();
});

test('what takes no notice of SIGTERM is killed after a grace', async (t) => {
  const pool = await startPool(t, 1);
  const began = performance.now();
  const script = "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & while :; do sleep 0.1; done";
  const { code, signal } = await pool.run(['--timeout', '2', '--', 'sh', '-c', script], {
    deadline: 60_000,
  });
  assert.deepEqual([code, signal], [137, 'SIGKILL']);
  assert.ok(performance.now() - began > 10_000, 'not before its grace was over');
  await pool.stop();
});

test('the clock of the wall counts the wait for the first slot: status 124', async (t) => {
  const pool = await startPool(t, 1);
  const first = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  for (const slots of [[], ['--slots', '1']]) {
    const { code, stdout, stderr } = await pool.run([...slots, '--timeout', '0.3s', '--', 'echo', 'ran']);
    assert.deepEqual([code, stdout], [124, '']);
    assert.match(stderr, /stint: its time was over before it had its slots\n$/);
  }
  assert.equal((await pool.status()).builds.length, 1, 'it is out of the queue');
  first.killAll('SIGKILL');
  await pool.stop();
});

test('the clock of held counts no wait', async (t) => {
  const pool = await startPool(t, 1);
  const first = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const second = pool.spawnRun([
    '--timeout',
    '1.5s',
    '--timeout-clock',
    'held',
    '--',
    'sh',
    '-c',
    'echo ran; sleep 1000',
  ]);
  await until('it has waited longer than its time', async () => {
    const found = (await pool.status()).builds[1];
    return found !== undefined && Date.now() - found.since > 2_000;
  });
  assert.equal(second.child.exitCode, null);
  first.killAll('SIGKILL');
  await until('it runs', () => second.output.stdout === 'ran\n');
  const { code, stdout } = await second.ended;
  assert.deepEqual([code, stdout], [143, 'ran\n']);
  await pool.stop();
});

test('a command that ends in time is not touched, nor is what it leaves behind', async (t) => {
  const pool = await startPool(t, 1);
  const { code } = await pool.run(['--timeout', '1d', '--', 'sh', '-c', 'exit 3']);
  assert.equal(code, 3);
  await pool.stop();
});

test('what stands after --timeout is checked', async (t) => {
  const place = new Place(t);
  for (const bad of ['0', '-1', '5x', 'h', '1h30m', '999d']) {
    const { code, stderr } = await place.run(['--timeout', bad, '--', 'true']);
    assert.equal(code, 125);
    assert.match(stderr, /--timeout/);
  }
  assert.match((await place.run(['--timeout-clock', 'held', '--', 'true'])).stderr, /no meaning without --timeout/);
  assert.match((await place.run(['--timeout', '1s', '--timeout-clock', 'x', '--', 'true'])).stderr, /held or wall/);
});

test('inside another stint run there is no --timeout', async (t) => {
  const pool = await startPool(t, 1);
  const { code, stderr } = await pool.shell('"$STINT" run -- sh -c \'"$STINT" run --timeout 1h -- true\'');
  assert.equal(code, 125);
  assert.match(stderr, /^stint: inside build 1: it has its own end\nhint: give --timeout to the outer command/);
  await pool.stop();
});
