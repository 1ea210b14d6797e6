// Leases of a user's pool: several slots in one step, given back and taken while the work goes on, and all of them back when
// their process or connection ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeaseStatus } from '../../src/api/schema.ts';
import { ask } from '../helpers/api.ts';
import { type Pool, STINT, type Started, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const SHOW = 'echo $STINT_SLOTS {slots} "$MAKEFLAGS"';

async function leases(pool: Pool): Promise<LeaseStatus[]> {
  return (await ask(pool.socket, 'GET', '/leases')).json.leases;
}

/** A lease that `stint run` holds, once it has its slots. */
async function lease(pool: Pool, slots: string, script = 'sleep 1000', more: readonly string[] = []): Promise<Started> {
  const before = (await leases(pool)).filter(({ slots: has }) => has > 0).length;
  const run = pool.spawnRun(['--slots', slots, '--style', 'fifo', ...more, '--', 'sh', '-c', script]);
  await until('it has its slots', async () => (await leases(pool)).filter(({ slots: has }) => has > 0).length > before);
  return run;
}

/** `stint lease hold`, with a standard input to write to. */
const hold = (pool: Pool, slots: string): Started => pool.start(['lease', 'hold', slots], { stdio: 'pipe' });

const says = (what: string, { output }: Started, text: string) =>
  until(what, () => {
    assert.equal(output.stdout, text);
    return true;
  });

test('a lease of MIN..MAX has MAX while nobody else wants slots, and its command is told', async (t) => {
  const pool = await startPool(t, 4);
  const { stdout, stderr, code } = await pool.run(['--slots', '2..3', '--style', 'fifo', '--', 'sh', '-c', SHOW]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^3 3 {2}-j3 --jobserver-auth=fifo:\S+\n$/);
  await pool.stop();
});

test('a lease counts its first job among its slots, and its pipe holds the others', async (t) => {
  const pool = await startPool(t, 4);
  const count = 'dd if="$STINT_FIFO" bs=100 count=1 iflag=nonblock 2>/dev/null | wc -c';
  const { stdout } = await pool.run(['--slots', '4', '--style', 'fifo', '--', 'sh', '-c', count]);
  assert.equal(stdout, '3\n');
  await pool.stop();
});

test('a lease waits for all of MIN with nothing in its hands, says where it stands, and then has them in one step', async (t) => {
  const pool = await startPool(t, 4);
  const first = await lease(pool, '3');
  const second = pool.spawnRun(['--slots', '2..4', '--', 'sh', '-c', 'echo $STINT_SLOTS']);
  await until('it waits', async () => (await leases(pool)).length === 2);
  const third = pool.spawnRun(['--slots', '2', '--', 'sh', '-c', 'echo $STINT_SLOTS']);
  await until('both say that they wait', () =>
    [second, third].every(({ output }) => output.stderr.includes('see: stint status')),
  );
  const said = [second, third].map(({ output }) => output.stderr).join('');
  assert.match(said, /^stint: waiting for 2 slots \(1st in the queue; 1 set aside\); see: stint status\n/m);
  assert.match(
    said,
    /^stint: waiting for 2 slots \(what is free is kept for a build that needs 2 at once; 2nd in the queue\); see/m,
  );
  const { free, waiting, builds } = await pool.status();
  assert.deepEqual([free, waiting], [1, 4], 'they hold nothing while they wait');
  assert.deepEqual(
    builds.map(({ implicit, state, reason }) => ({ implicit, state, ...(reason !== undefined && { reason }) })),
    [
      { implicit: 3, state: 'running' },
      { implicit: 0, state: 'starting', reason: '1st in the queue; 1 set aside' },
      {
        implicit: 0,
        state: 'starting',
        reason: 'what is free is kept for a build that needs 2 at once; 2nd in the queue',
      },
    ],
  );
  first.killAll('SIGKILL');
  const counts = await Promise.all([second.ended, third.ended]);
  for (const { stdout, code } of counts) assert.ok(code === 0 && Number(stdout) >= 2, stdout);
  await pool.stop();
});

test('a lease of more than the pool has is refused at once', async (t) => {
  const pool = await startPool(t, 4);
  const { code, stderr } = await pool.run(['--slots', '5', '--', 'true']);
  assert.deepEqual(
    [code, stderr],
    [125, 'stint: the daemon refused: the pool has 4 slots, and 5 are asked for at once\n'],
  );
  await pool.stop();
});

test('what stands after --slots is checked', async (t) => {
  const pool = await startPool(t, 1);
  for (const bad of ['0', '3..2', '1..', '..2', 'x', '1.5', '5000']) {
    const { code, stderr } = await pool.run(['--slots', bad, '--', 'true']);
    assert.equal(code, 125);
    assert.match(stderr, /^stint: --slots must be a number of slots from 1 to 4096, or MIN\.\.MAX, not '/);
  }
  assert.match((await pool.run(['--resize-signal', 'USR1', '--', 'true'])).stderr, /no meaning without --slots/);
  assert.match((await pool.run(['--slots', '1', '--resize-signal', 'NO', '--', 'true'])).stderr, /name of a signal/);
  await pool.stop();
});

test('inside a lease a stint run is part of it, and --slots there means some of its slots', async (t) => {
  const pool = await startPool(t, 4);
  const inner = 'echo $STINT_SLOTS $OMP_NUM_THREADS $MKL_NUM_THREADS';
  const { stdout, stderr } = await pool.shell(
    `MKL_NUM_THREADS=7 "$STINT" run --slots 3 -- sh -c '${inner}; "$STINT" run --slots 1..2 -- sh -c "${inner.replaceAll('$', '\\$')}"; "$STINT" run --slots 4 -- true'; "$STINT" run -- sh -c '"$STINT" run --slots 2 -- true'`,
  );
  assert.equal(stdout, '3 3 7\n2 2 7\n');
  assert.equal(
    stderr,
    'stint: inside build 1: it has 3 slots, not 4\nhint: give more --slots to the outer command\n' +
      'stint: inside build 2: it has slots already, and could wait for itself\nhint: give --slots to the outer command\n',
  );
  await pool.stop();
});

test('a lease gives back down to 1 and takes again up to MAX, as far as slots are free', async (t) => {
  const pool = await startPool(t, 4);
  const run = await lease(pool, '2..4');
  const [{ id }] = (await leases(pool)) as [LeaseStatus];
  const resize = async (n: number) => {
    const { stdout, stderr } = await pool.stint(['lease', 'resize', '--lease', String(id), String(n)]);
    return stdout + stderr;
  };
  assert.equal(await resize(1), '1\n');
  assert.equal((await pool.status()).free, 3);
  const other = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[1]?.state === 'running');
  assert.equal(await resize(4), '3\n', 'one is in use elsewhere; what only lies in a pipe is not');
  other.killAll('SIGKILL');
  await pool.untilStatus(({ builds }) => builds.length === 1);
  assert.equal(await resize(9), '4\n');
  assert.match((await pool.stint(['lease', 'show'])).stdout, /^lease 1: has 4 of 2\.\.4: sh \S+\n$/);
  run.killAll('SIGKILL');
  await pool.untilIdle();
  assert.equal(await resize(1), 'stint: there is no lease 1, or no longer\n');
  await pool.stop();
});

test('slots that jobserver clients inside hold are not given back', async (t) => {
  const pool = await startPool(t, 4);
  const script = 'exec 3<>"$STINT_FIFO"; dd bs=1 count=2 <&3 >/dev/null 2>&1; echo took; sleep 1000';
  const run = await lease(pool, '4', script);
  await says('it has taken two', run, 'took\n');
  const { json } = await ask(pool.socket, 'PATCH', '/leases/1', { slots: 1 });
  assert.equal(json.slots, 3);
  run.killAll('SIGKILL');
  await pool.stop();
});

test('hold takes slots for a script, is told by lines, and gives back and takes by lines', async (t) => {
  const pool = await startPool(t, 4);
  const held = hold(pool, '2..4');
  await says('it has its slots', held, 'slots 4\n');
  const other = pool.spawnRun(['--slots', '2', '--', 'sleep', '1000']);
  await says('others wait', held, 'slots 4\nshrink 2\n');
  held.child.stdin?.write('2\n');
  await says('it has given back', held, 'slots 4\nshrink 2\nslots 2\n');
  await until('the other has its slots', async () => (await leases(pool))[1]?.slots === 2);
  other.killAll('SIGKILL');
  await says('slots are free', held, 'slots 4\nshrink 2\nslots 2\ngrow 4\n');
  held.child.stdin?.write('3\n');
  await says('it has taken one', held, 'slots 4\nshrink 2\nslots 2\ngrow 4\nslots 3\ngrow 4\n');
  held.child.stdin?.end();
  assert.equal((await held.ended).code, 0);
  await pool.stop();
});

test('hold gives all back when it is killed, and when its input ends while it waits', async (t) => {
  const pool = await startPool(t, 4);
  const first = hold(pool, '3');
  await says('it has its slots', first, 'slots 3\n');
  const second = hold(pool, '2');
  await until('it waits', async () => (await leases(pool)).length === 2);
  second.child.stdin?.end();
  assert.deepEqual(await second.ended, { code: 0, signal: null, stdout: '', stderr: '' });
  first.kill('SIGKILL');
  await pool.stop();
});

test('hold says what is wrong: more than the pool has, and a lease that was ended', async (t) => {
  const pool = await startPool(t, 2);
  const { code, stderr } = await hold(pool, '3').ended;
  assert.deepEqual(
    [code, stderr],
    [1, 'stint: the daemon refused: the pool has 2 slots, and 3 are asked for at once\n'],
  );
  const held = hold(pool, '2');
  await says('it has its slots', held, 'slots 2\n');
  const [{ id }] = (await leases(pool)) as [LeaseStatus];
  assert.equal((await ask(pool.socket, 'DELETE', `/leases/${id}`)).json.slots, 2);
  assert.deepEqual(
    [(await held.ended).code, held.output.stderr],
    [1, 'stint: the lease is over: it was ended, or the daemon has left\n'],
  );
  await pool.stop();
});

test('a command is sent its signal when others wait, and finds in its lease how many slots it should have', async (t) => {
  const pool = await startPool(t, 4);
  const script = `trap '"$STINT" lease show; "$STINT" lease resize 2' USR1; echo ready; while :; do sleep 0.1; done`;
  const run = pool.spawn(
    'sh',
    [
      '-c',
      `exec "$STINT" run --slots 2..4 --resize-signal USR1 --label tests -- sh -c '${script.replaceAll("'", "'\\''")}'`,
    ],
    {
      env: { STINT: STINT },
    },
  );
  await says('it runs', run, 'ready\n');
  const other = pool.spawnRun(['--slots', '2', '--', 'true']);
  await says('it gives two back', run, 'ready\nlease 1: has 4 of 2..4, should have 2: tests\n2\n');
  assert.equal((await other.ended).code, 0);
  run.killAll('SIGKILL');
  await pool.stop();
});

test('a lease that a process holds ends with it, and by DELETE before that', async (t) => {
  const pool = await startPool(t, 4);
  const run = await lease(pool, '4');
  const next = pool.spawnRun(['--slots', '4', '--', 'true']);
  await until('it waits', async () => (await leases(pool)).length === 2);
  run.kill('SIGKILL');
  assert.equal((await next.ended).code, 0);
  const again = await lease(pool, '4');
  const [{ id }] = (await leases(pool)) as [LeaseStatus];
  assert.equal((await ask(pool.socket, 'DELETE', `/leases/${id}`)).status, 200);
  await pool.untilIdle();
  again.killAll('SIGKILL');
  await pool.stop();
});
