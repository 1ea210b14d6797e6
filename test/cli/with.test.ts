// `stint with`: what is lent counts as long as the command lives, and not a moment longer, however it ends.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/api/schema.ts';
import { Place, type Pool, STINT, type Started, startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { until } from '../helpers/until.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);

const sleeper = (pool: Pool, args: readonly string[]): Started => pool.start(['with', ...args, '--', 'sleep', '1000']);

const standings = ({ builds }: Status) => builds.map(({ class: of, weight }) => [of, weight]);

test('the pool has other slots until the command ends, which is the process itself', async (t) => {
  const pool = await startPool(t, 4);
  const command = sleeper(pool, ['--slots', '2']);
  const { capacity, with: lent } = await pool.untilStatus((status) => status.capacity === 2);
  assert.equal(capacity, 2);
  const [one] = lent;
  const { id, label, pid, user, slots } = one as (typeof lent)[0];
  assert.deepEqual(
    [id, label, pid, user, slots, lent.length],
    [1, 'sleep 1000', command.pid, userInfo().username, 2, 1],
  );
  await until('it is the command', () => readFileSync(`/proc/${command.pid}/comm`, 'utf8') === 'sleep\n');
  const shown = await pool.stint(['status']);
  assert.match(shown.stdout, /^with 1: 2 slots: sleep 1000 \(pid \d+, \w+, \d+s\)$/m);
  command.kill('SIGKILL');
  const after = await pool.untilStatus((status) => status.capacity === 4);
  assert.deepEqual(after.with, []);
  await pool.stop();
});

test('it may have more slots than the pool', async (t) => {
  const pool = await startPool(t, 2);
  const { code, stdout } = await pool.stint(
    ['with', '--slots', '9', '--', 'sh', '-c', '"$0" get jobs; exit 7', 'stint'],
    {
      env: { PATH: `${join(import.meta.dirname, '../../bin')}:${process.env.PATH}` },
    },
  );
  assert.deepEqual([code, stdout], [7, '9\n']);
  await pool.untilStatus(({ capacity }) => capacity === 2);
  await pool.stop();
});

test(`of several the smallest counts, and when all have ended in any order the pool is as it was, seed ${SEED}`, async (t) => {
  const random = seeded(SEED);
  const pool = await startPool(t, 8);
  const there: { command: Started; slots: number }[] = [];
  for (let n = 0; n < 6; n++) {
    const slots = 1 + random(12);
    there.push({ command: sleeper(pool, ['--slots', String(slots)]), slots });
    await pool.untilStatus((status) => status.with.length === there.length);
  }
  while (there.length > 0) {
    const least = Math.min(...there.map(({ slots }) => slots));
    assert.equal((await pool.status()).capacity, least);
    const [gone] = there.splice(random(there.length), 1);
    gone?.command.kill((['SIGKILL', 'SIGTERM', 'SIGINT'] as const)[random(3)] as NodeJS.Signals);
    await pool.untilStatus((status) => status.with.length === there.length);
  }
  assert.equal((await pool.status()).capacity, 8);
  await pool.stop();
});

test('class and weight are those of the builds that begin below the command', async (t) => {
  const pool = await startPool(t, 4);
  const outer = pool.start(
    ['with', '--class', 'background', '--weight', '2', '--', 'sh', '-c', '"$STINT" run sleep 1000'],
    {
      env: { STINT: STINT },
    },
  );
  const beside = pool.spawnRun(['sleep', '1000']);
  const status = await pool.untilStatus(({ builds }) => builds.filter((one) => one.state === 'running').length === 2);
  assert.deepEqual(standings(status).sort(), [
    ['background', 2],
    ['normal', 1],
  ]);
  const shown = await pool.stint(['status']);
  assert.match(shown.stdout, /sleep stint-pool-\w+ {2}\(background; weight 2\)\n/);
  outer.kill('SIGKILL'); // the shell: what it started goes on, as it would without
  const after = await pool.untilStatus((found) => found.with.length === 0);
  assert.deepEqual(standings(after), [
    ['normal', 1],
    ['normal', 1],
  ]);
  outer.killAll('SIGKILL');
  beside.kill('SIGKILL');
  await pool.stop();
});

test('stint with before stint run is the build itself', async (t) => {
  const pool = await startPool(t, 4);
  const stint = STINT;
  const command = pool.start(['with', '--weight', '3', '--', stint, 'run', 'sleep', '1000']);
  const { builds } = await pool.untilStatus((status) => status.builds[0]?.state === 'running');
  assert.deepEqual([builds[0]?.weight, builds[0]?.rootPid], [3, command.pid]);
  command.kill('SIGTERM');
  await pool.stop();
});

test('hooks of one build that overlap do not overwrite each other', async (t) => {
  const pool = await startPool(t, 4);
  const hook = join(pool.folder, 'hook');
  // As a hook of Portage does it: each lends while its phase runs, in the build that both are in.
  writeFileSync(hook, '#!/bin/sh\nexec "$STINT" with "$@" -- sh -c \'echo in; read end\' <"$FIFO"\n', { mode: 0o755 });
  const script = `mkfifo a b; exec 8<>a 9<>b
    FIFO=a ./hook --class background --slots 3 & FIFO=b ./hook --class normal --slots 2 --weight 0.5 &
    wait; exec sleep 1000`;
  const build = pool.spawnRun(['sh', '-c', script], { env: { STINT: STINT } });
  const both = await pool.untilStatus((status) => status.with.length === 2);
  assert.deepEqual([standings(both), both.capacity], [[['background', 0.5]], 2]);
  assert.deepEqual(
    both.with.map((one) => one.build),
    [1, 1],
  );
  const end = (name: string) => writeFileSync(join(pool.folder, name), 'end\n');
  const [first] = both.with;
  const [mine, other] = first?.class === 'background' ? ['a', 'b'] : ['b', 'a'];
  end(mine as string);
  const one = await pool.untilStatus((status) => status.with.length === 1);
  const left = mine === 'a' ? [[['normal', 0.5]], 2] : [[['background', 1]], 3];
  assert.deepEqual([standings(one), one.capacity], left);
  end(other as string);
  const none = await pool.untilStatus((status) => status.with.length === 0);
  assert.deepEqual([standings(none), none.capacity], [[['normal', 1]], 4]);
  build.kill('SIGKILL');
  await pool.stop();
});

test('a lease waits until a stint with that leaves it too few slots has ended, unless it could wait for its own', async (t) => {
  const pool = await startPool(t, 4);
  const command = sleeper(pool, ['--slots', '1']);
  await pool.untilStatus((status) => status.capacity === 1);
  const lease = pool.spawnRun(['--slots', '2', '--', 'true']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'starting');
  command.kill('SIGKILL');
  assert.equal((await lease.ended).code, 0);

  const own = await pool.shell('exec "$STINT" with --slots 1 -- "$STINT" run --slots 2 -- true');
  assert.equal(own.code, 125);
  assert.match(own.stderr, /the pool has 1 slot, and 2 are asked for at once\n$/);
  await pool.stop();
});

test('a daemon that somebody started for it stays as long as it', async (t) => {
  const pool = await startPool(t, 1, { args: ['--idle-exit', '1'] });
  const command = sleeper(pool, ['--slots', '2']);
  await pool.untilStatus((status) => status.with.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(pool.daemon.child.exitCode, null);
  command.kill('SIGKILL');
  assert.equal((await pool.daemon.ended).code, 0);
});

for (const [args, code, said] of [
  [['--', 'true'], 125, /^stint: with: none of --slots, --class and --weight given\nhint: /],
  [['--slots', '2'], 125, /^stint: with: no command given\nhint: /],
  [['--slots', '0', 'true'], 125, /^stint: --slots must be a whole number from 1 to 4096, not '0'\n$/],
  [['--class', 'fast', 'true'], 125, /^stint: --class must be interactive, normal or background, not 'fast'\n$/],
  [['--weight', '0', 'true'], 125, /^stint: --weight must be a number from 0.01 to 1000, not '0'\n$/],
  [['--slots', '2', '--', '/nowhere'], 127, /^stint: cannot run '\/nowhere': no such command\n$/],
  [['--slots', '2', '--', '/dev/null'], 126, /^stint: cannot run '\/dev\/null': not a regular file\n$/],
] as const) {
  test(`stint with ${args.join(' ')} ends with ${code}`, async (t) => {
    const pool = await startPool(t, 1);
    const result = await pool.stint(['with', ...args]);
    assert.equal(result.code, code);
    assert.match(result.stderr, said);
    assert.deepEqual((await pool.status()).with, []);
    await pool.stop();
  });
}

test('where no daemon runs one is started', async (t) => {
  const place = new Place(t);
  const { code, stdout } = await place.shell('"$STINT" with --slots 3 -- "$STINT" get jobs');
  assert.deepEqual([code, stdout], [0, '3\n']);
  await until('it counts no more', async () => (await place.status()).with.length === 0);
  await place.finish();
});
