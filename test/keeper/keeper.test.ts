// The keeper of `stint serve`: the engine process may die whenever it likes, and the next one finds what it left.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMounted, noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, startPool } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;

/** Kills the engine process; returns the pid of the one after it. */
async function killEngine(place: Place): Promise<number> {
  const { pids, daemon } = await place.status();
  process.kill(pids.engine, 'SIGKILL');
  const after = await place.untilStatus((status) => status.pids.engine !== pids.engine);
  assert.equal(after.daemon.restarts, daemon.restarts + 1);
  assert.equal(after.pids.keeper, pids.keeper);
  return after.pids.engine;
}

test('an engine that is killed is followed by another one, at the same socket under the same lock', async (t) => {
  const pool = await startPool(t, 2);
  for (let i = 0; i < 3; i++) await killEngine(pool);
  assert.equal(readFileSync(join(pool.dir, 'lock'), 'utf8'), `${pool.daemon.pid}\n`);
  assert.equal((await pool.stint(['serve', '--user'])).code, 4);
  assert.equal((await pool.run(['--', 'true'])).code, 0);
  assert.equal(pool.daemon.output.stdout.split('\n').length, 2, 'it says its line once');
  pool.daemon.kill('SIGTERM');
  assert.equal((await pool.daemon.ended).code, 0);
  assert.equal(existsSync(pool.socket), false);
  assert.equal(pool.daemon.output.stderr.match(/the engine .* SIGKILL/g)?.length, 3, pool.daemon.output.stderr);
});

test('an engine of the machine that is killed leaves the mount to the next', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  for (let i = 0; i < 3; i++) {
    await killEngine(machine);
    const { stdout } = await machine.spawn('sh', ['-c', `cat ${machine.mount}/README; head -c 1 ${machine.node}`])
      .ended;
    assert.match(stdout, /jobserver of the whole machine[\s\S]*\+$/);
  }
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
  assert.equal(isMounted(machine.mount), false);
});

test('a keeper that is killed takes its engine with it', async (t) => {
  const pool = await startPool(t, 2);
  const { pids } = await pool.status();
  pool.daemon.kill('SIGKILL');
  await until('the engine is gone', () => !existsSync(`/proc/${pids.engine}`));
});

test('an order that comes while no engine is there is told to the next', async (t) => {
  const pool = await startPool(t, 2);
  process.kill(await pool.enginePid(), 'SIGKILL');
  pool.daemon.kill('SIGTERM');
  assert.equal((await pool.daemon.ended).code, 0);
});

test('signals to all processes of the daemon at once are heard once', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const build = machine.spawnRun(['--', 'sleep', '1000']);
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  machine.daemon.killAll('SIGHUP');
  machine.daemon.killAll('SIGTERM');
  await machine.untilStatus(() => !existsSync(machine.node));
  assert.equal(machine.daemon.child.exitCode, null, 'it waits for the build');
  build.killAll('SIGKILL');
  assert.equal((await machine.daemon.ended).code, 0);
});

test('the configuration that counts is kept, whatever stands in the file when an engine is killed', {
  skip,
}, async (t) => {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, 'jobs = 3\n');
  const machine = await startMachine(t, undefined, { args: ['--config', config] });
  writeFileSync(config, 'jobs = "many"\n');
  await killEngine(machine);
  assert.equal((await machine.status()).capacity, 3);
  writeFileSync(config, 'jobs = 4\n');
  machine.daemon.kill('SIGHUP');
  await machine.untilStatus(({ capacity }) => capacity === 4);
  await killEngine(machine);
  assert.equal((await machine.status()).capacity, 4);
});
