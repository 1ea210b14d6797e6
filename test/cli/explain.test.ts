// `stint explain`: what it says of processes in a user's pool. Those of the machine's pool: test/machine/explain.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessStatus } from '../../src/api/schema.ts';
import { Place, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

/** As long as a test may take. */
const LASTING = { deadline: 200_000 };

test('a build that waits for its first slot, and who has the slots', async (t) => {
  const pool = await startPool(t, 1);
  const first = pool.spawnRun(['--label', 'the first', '--', 'sleep', '1000'], LASTING);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const second = pool.spawnRun(['--label', 'the second', '--', 'true'], LASTING);
  await pool.untilStatus(({ builds }) => builds.length === 2);
  const { stdout, code } = await pool.stint(['explain', String(second.pid)]);
  assert.equal(code, 0);
  const lines = stdout.split('\n');
  assert.match(
    lines[0] as string,
    /^process \d+ \(\S+, of \w+\) is the root of build 2: the second {2}\(waits for its first slot.*\)$/,
  );
  assert.match(lines[1] as string, /^It has waited \d+s for a slot: the slot is out; 1st in the queue\.$/);
  assert.equal(lines[2], 'When it gets it cannot be told: no slot came back in the last minute.');
  assert.equal(lines[3], 'Build 2 has 0 slots; its share now is 0.5 of 1.');
  assert.match(stdout, /^Who else has slots: 1 \(the first\) has 1 of its share of 0\.5\.$/m);
  const running = await pool.stint(['explain', String(first.pid)]);
  assert.match(running.stdout, /is the root of build 1: the first\nIt is not known to wait for a slot\.\n/);
  first.kill('SIGKILL');
  await second.ended;
  await pool.stop();
});

test('when a build probably gets its first slot, by how slots came back lately', async (t) => {
  const pool = await startPool(t, 1);
  for (let n = 0; n < 3; n++) await pool.run(['true']);
  const first = pool.spawnRun(['sleep', '1000'], LASTING);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const [second, third] = [pool.spawnRun(['true'], LASTING), pool.spawnRun(['true'], LASTING)];
  await pool.untilStatus(({ builds }) => builds.length === 3);
  const waits = async ({ pid }: { pid: number }) =>
    (JSON.parse((await pool.stint(['explain', '--json', String(pid)])).stdout) as ProcessStatus).waits;
  const both = [await waits(second), await waits(third)];
  both.sort((a, b) => (a?.estimate ?? 0) - (b?.estimate ?? 0));
  for (const [n, found] of both.entries()) {
    assert.match(
      found?.basis ?? '',
      new RegExp(
        `^3 slots came back in the last (?:\\d+ s|minute), and the ${['1st', '2nd'][n]} from now is probably its own$`,
      ),
    );
    assert.ok((found?.estimate ?? 0) > 0);
  }
  const { stdout } = await pool.stint(['explain', String(second.pid)]);
  assert.match(stdout, /^It probably gets it in (?:a moment|about \d+m?\d*s): 3 slots came back in the last .*\.$/m);
  first.kill('SIGKILL');
  await Promise.all([second.ended, third.ended]);
  await pool.stop();
});

test('a process below a build, one whose parents are gone, and one that is in none', async (t) => {
  const pool = await startPool(t, 2);
  const build = pool.spawnRun(
    ['--label', 'mine', '--', 'sh', '-c', 'sleep 1000 & echo $!; (sleep 1001 & echo $!); wait'],
    LASTING,
  );
  await until('both run', () => build.output.stdout.split('\n').length === 3);
  for (const pid of build.output.stdout.trim().split('\n')) {
    const { stdout } = await pool.stint(['explain', pid]);
    assert.match(
      stdout,
      /^process \d+ \(sleep, of \w+\) is in build 1: mine\nIn a user's pool processes cannot be told apart/,
    );
  }
  const other = pool.spawn('sleep', ['1000'], LASTING);
  const { stdout } = await pool.stint(['explain', String(other.pid)]);
  assert.match(stdout, /^process \d+ \(sleep, of \w+\) is in no build: it draws nothing from the pool\.\n/);
  assert.match(
    stdout,
    /^Above it are: .*\(\d+\)\.\nWhat runs already cannot be put into the pool\. Start it by: stint run -- CMD\n$/m,
  );
  build.killAll('SIGKILL');
  other.kill('SIGKILL');
  await pool.stop();
});

test('what is no process, or no longer one, is an error', async (t) => {
  const pool = await startPool(t, 1);
  for (const [args, code, line] of [
    [[], 2, 'explain: no process id given'],
    [['make'], 2, "explain: 'make' is no process id"],
    [['1', '2'], 2, 'explain: unexpected argument 2'],
    [['4194305'], 1, 'there is no process 4194305, or no longer'],
  ] as const) {
    const found = await pool.stint(['explain', ...args]);
    assert.deepEqual([found.code, found.stderr.split('\n')[0]], [code, `stint: ${line}`]);
  }
  await pool.stop();
  assert.equal((await new Place(t).stint(['explain', '1'])).code, 3);
});
