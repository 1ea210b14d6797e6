// The API over the death of an engine process: whoever waits goes on waiting, and whoever has something keeps it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../helpers/api.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 60_000;

/** Kills the engine process and waits for the next one. */
async function killEngine(place: Place): Promise<void> {
  const engine = await place.enginePid();
  process.kill(engine, 'SIGKILL');
  await until('another engine serves', async () => (await place.enginePid()) !== engine, PATIENCE);
}

const modes = {
  'the pool of a user': (t: { after(done: () => void | Promise<void>): void }) => startPool(t, 2),
  "the machine's pool": (t: { after(done: () => void | Promise<void>): void }) => startMachine(t, 2),
};

for (const [name, start] of Object.entries(modes)) {
  const skip = name === 'the pool of a user' ? false : (noMachine() ?? false);

  test(`who waits for a slot of ${name} goes on waiting, and builds keep what they have`, { skip }, async (t) => {
    const pool = await start(t);
    const first = pool.spawnRun(['--slots', '2', '--', 'sleep', '1000']);
    await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
    const second = pool.spawnRun(['--', 'echo', 'done']);
    await pool.untilStatus(({ builds }) => builds.length === 2);
    for (let i = 0; i < 3; i++) await killEngine(pool);
    const { builds } = await pool.untilStatus(({ builds }) => builds.length === 2, PATIENCE);
    assert.deepEqual(
      builds.map(({ rootPid, state, implicit }) => [rootPid, state, implicit]),
      [
        [first.pid, 'running', 2],
        [second.pid, 'starting', 0],
      ],
    );
    first.killAll('SIGKILL');
    const { code, stdout } = await second.ended;
    assert.deepEqual([code, stdout], [0, 'done\n']);
    await pool.untilIdle(PATIENCE);
  });

  test(`what a build of ${name} has had so far is counted on`, { skip }, async (t) => {
    const pool = await start(t);
    const run = pool.spawnRun(['--slots', '2', '--', 'sleep', '1000']);
    const has = async (slotSeconds: number) =>
      (await pool.untilStatus(({ builds }) => (builds[0]?.slotSeconds ?? 0) > slotSeconds, PATIENCE)).builds[0];
    const before = await has(1);
    assert.equal((await pool.stint(['upgrade'])).code, 0);
    const after = await has(0);
    assert.ok(after !== undefined && before !== undefined && after.slotSeconds >= before.slotSeconds);
    assert.deepEqual([after.granted, after.peak], [2, 2]);
    // When it dies, what was written down counts: that of some seconds before.
    const late = await has(24);
    await killEngine(pool);
    const later = await has(0);
    assert.ok(later !== undefined && late !== undefined && later.slotSeconds > late.slotSeconds - 20);
    assert.deepEqual([later.granted, later.peak], [2, 2]);
    run.killAll('SIGKILL');
    await pool.untilIdle(PATIENCE);
  });

  test(`a lease of ${name} that is held by a connection goes on, and is told what happens`, { skip }, async (t) => {
    const pool = await start(t);
    const holder = pool.start(['lease', 'hold', '1..2'], { stdio: 'pipe', deadline: 2 * PATIENCE });
    await until('it has both', () => holder.output.stdout === 'slots 2\n');
    for (let i = 0; i < 2; i++) await killEngine(pool);
    await pool.untilStatus(({ builds, free }) => builds[0]?.lease !== undefined && free === 0, PATIENCE);
    holder.child.stdin?.write('1\n');
    await until('it has given one back', () => holder.output.stdout.startsWith('slots 2\nslots 1\n'), PATIENCE);
    await killEngine(pool);
    holder.child.stdin?.end();
    assert.equal((await holder.ended).code, 0);
    await pool.untilIdle(PATIENCE);
  });

  test(`what was lent to ${name} is lent until its command ends`, { skip }, async (t) => {
    const pool = await start(t);
    const command = pool.start(['with', '--slots', '1', '--', 'sleep', '1000'], { deadline: 2 * PATIENCE });
    await pool.untilStatus(({ capacity }) => capacity === 1);
    await killEngine(pool);
    const { capacity, with: lent } = await pool.status();
    assert.deepEqual([capacity, lent.map(({ pid, slots }) => [pid, slots])], [1, [[command.pid, 1]]]);
    process.kill(await pool.enginePid(), 'SIGKILL');
    command.killAll('SIGKILL');
    await pool.untilStatus((status) => status.capacity === 2 && status.with.length === 0, PATIENCE);
  });
}

test('what the pool was set to until the daemon ends is kept over a restart', async (t) => {
  const pool = await startPool(t, 2);
  assert.equal((await ask(pool.socket, 'PUT', '/capacity', { slots: 5 })).status, 200);
  await killEngine(pool);
  assert.equal((await pool.status()).capacity, 5);
});

test('a request that is sent again with its claim is answered with what it has', async (t) => {
  const pool = await startPool(t, 4);
  const request = { label: 'lease', cwd: '/', min: 2, claim: 'mine' };
  const lease = await ask(pool.socket, 'POST', '/leases', request);
  const build = await ask(pool.socket, 'POST', '/builds', { label: 'build', cwd: '/', claim: 'also mine' });
  assert.deepEqual([lease.status, build.status], [200, 200]);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual((await ask(pool.socket, 'POST', '/leases', { ...request, again: true })).json, lease.json);
    const again = await ask(pool.socket, 'POST', '/builds', { label: 'build', cwd: '/', claim: 'also mine' });
    assert.deepEqual(again.json, build.json);
    assert.equal((await pool.status()).builds.length, 2);
    await killEngine(pool);
  }
  const other = await ask(pool.socket, 'POST', '/leases', { ...request, claim: 'another', again: true });
  assert.deepEqual([other.status, other.json], [410, { error: 'the lease is over' }]);
  const next = await ask(pool.socket, 'POST', '/builds', { label: 'next', cwd: '/' });
  assert.ok(next.json.id > build.json.id, 'a number is not given twice');
});

test('a lease that nobody claims after a restart ends after a while', async (t) => {
  const pool = await startPool(t, 2);
  const body = JSON.stringify({ label: '', cwd: '/', min: 2, hold: 'connection' });
  const { connect } = await import('node:net');
  const socket = connect(pool.socket, () =>
    socket.write(`POST /leases HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  );
  t.after(() => socket.destroy());
  await pool.untilStatus(({ free }) => free === 0);
  await killEngine(pool);
  assert.equal((await pool.status()).free, 0);
  await pool.untilIdle(PATIENCE);
});
