// `stint watch`: what happens in a pool, told as it happens, over the ends of daemons.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Place, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

test('it tells of builds and of the size of the pool, in sentences', async (t) => {
  const pool = await startPool(t, 2);
  const watching = pool.start(['watch'], { deadline: 120_000 });
  await until('it watches', () => watching.output.stdout.endsWith('watching\n'));
  await pool.run(['--label', 'a\nb', '--', 'true']);
  await pool.untilIdle();
  await pool.stint(['set', 'jobs=3']);
  await until('it has told all', () => watching.output.stdout.includes('3 slots'));
  const told = watching.output.stdout.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''));
  assert.deepEqual(
    told,
    [
      'watching',
      'build 1 (a?b) of root came',
      'build 1 (a?b) started',
      'build 1 (a?b) ended, exit code 0',
      'the pool has 3 slots',
      '',
    ].map((line) => line.replace('of root', `of ${process.env.USER ?? 'root'}`)),
  );
  watching.kill('SIGINT');
  assert.equal((await watching.ended).signal, 'SIGINT');
  await pool.stop();
});

test('it knows builds that came before it', async (t) => {
  const pool = await startPool(t, 2);
  const build = pool.spawnRun(['--label', 'the old one', '--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const watching = pool.start(['watch'], { deadline: 120_000 });
  await until('it watches', () => watching.output.stdout.endsWith('watching\n'));
  build.kill('SIGKILL');
  await until('it tells', () => watching.output.stdout.endsWith('build 1 (the old one) ended, by signal KILL\n'));
  watching.kill('SIGKILL');
  await pool.stop();
});

test('with --json each line is an event as the API tells it', async (t) => {
  const pool = await startPool(t, 2);
  const watching = pool.start(['watch', '--json'], { deadline: 120_000 });
  await until('it watches', () => watching.output.stdout.endsWith('\n'));
  await pool.run(['true']);
  await until('it has told all', () => watching.output.stdout.includes('ended'));
  const events = watching.output.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ type }) => type),
    ['watching', 'opened', 'started', 'ended'],
  );
  assert.ok(events.every(({ time }) => Number.isInteger(time)));
  assert.deepEqual(Object.keys(events[1].build), ['id', 'label', 'cwd', 'rootPid', 'since', 'user', 'uid']);
  watching.kill('SIGKILL');
  await pool.stop();
});

test('it waits for a daemon, and for the next one when that ends', async (t) => {
  const place = new Place(t);
  const watching = place.start(['watch'], { deadline: 120_000 });
  const told = () => watching.output.stdout.replace(/^\d\d:\d\d:\d\d {2}/gm, '');
  await until('it says so', () => told() === 'no daemon is running\n');
  for (let n = 1; n <= 2; n++) {
    await place.run(['true']);
    await until('it watches', () => told().split('watching').length === n + 1);
    await place.endDaemon(n === 1 ? 'SIGTERM' : 'SIGKILL');
    await until('it says so', () => told().split('no daemon is running').length === n + 2);
  }
  assert.match(told(), /^no daemon is running\n(?:watching\n(?:build .*\n)*no daemon is running\n){2}$/);
  watching.kill('SIGKILL');
});

test('when nobody reads it ends in silence', async (t) => {
  const pool = await startPool(t, 2);
  const script =
    '{ "$STINT" watch; echo "$?" >code; } | { read line; "$STINT" run true; "$STINT" run true; }; until cat code 2>/dev/null; do "$STINT" run true; sleep 0.1; done';
  const { stdout, stderr } = await pool.shell(script, { deadline: 60_000 });
  assert.deepEqual([stdout, stderr], ['0\n', '']);
  await pool.stop();
});
