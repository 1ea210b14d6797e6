// What is known of builds, leases, lent settings and limits of time is the same after a kill of the engine, and ends as it would have.
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { BuildStatus, Status } from '../../src/api/schema.ts';
import { ask } from '../helpers/api.ts';
import { killEngine, type Served } from '../helpers/engine-kills.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { STINT, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const SLOTS = 8;
/** Takes what lies there, and returns it. */
const COUNT = 'dd if="$STINT_FIFO" bs=100 iflag=nonblock 2>/dev/null >"$T"; wc -c <"$T"; cat "$T" >"$STINT_FIFO"';

const POOLS: readonly [string, (t: TestContext) => Promise<Served>, string | false][] = [
  ["the machine's pool", (t) => startMachine(t, SLOTS), noMachine() ?? false],
  ["a user's pool", (t) => startPool(t, SLOTS), false],
];

for (const [name, start, skip] of POOLS) {
  test(`builds, leases and lent settings of ${name} outlive the engine`, { skip, timeout: 300_000 }, async (t) => {
    const pool = await start(t);
    const sh = (script: string) => ['--', 'sh', '-c', script];
    const lend = ['with', '--slots', '6', '--weight', '3', ...sh('"$STINT" run sleep 1000 & wait')];
    const lent = pool.start(lend, { env: { STINT } });
    const lease = pool.spawnRun(['--slots', '3', ...sh(`T=${pool.folder}/tokens; ${COUNT}; read go; ${COUNT}`)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const run = pool.spawnRun(sh('sleep 1000'));
    const { builds: first } = await pool.untilStatus(({ builds }) => builds.some(({ rootPid }) => rootPid === run.pid));
    const id = first.find(({ rootPid }) => rootPid === run.pid)?.id;
    await ask(pool.socket, 'PATCH', `/builds/${id}`, { weight: 5, class: 'background' });
    await until('the lease has counted', () => lease.output.stdout === '2\n');
    const before = await pool.untilStatus((status) => told(status).builds.length === 3 && status.with.length === 1);

    await killEngine(pool);
    await killEngine(pool);
    const after = await pool.untilStatus(({ capacity }) => capacity === before.capacity);
    assert.deepEqual(told(after), told(before));

    const last = Math.max(...after.builds.map(({ id }) => id));
    const next = pool.spawnRun(sh('sleep 1000'));
    const { builds } = await pool.untilStatus((status) => told(status).builds.length === 4);
    assert.ok(Math.max(...builds.map(({ id }) => id)) > last, 'no number is given again');

    lease.child.stdin?.end('go\n');
    assert.equal((await lease.ended).stdout, '2\n2\n', 'its slots lie where they were');
    lent.killAll('SIGKILL');
    await pool.untilStatus(({ capacity, with: lent }) => capacity === SLOTS && lent.length === 0);
    for (const one of [run, next]) one.killAll('SIGKILL');
    assert.equal((await pool.untilIdle()).free, SLOTS);
  });

  test(`limits of time in ${name} outlive the engine`, { skip, timeout: 300_000 }, async (t) => {
    const pool = await start(t);
    const clocks = ['wall', 'held'].map((clock) =>
      pool.spawnRun(['--timeout', '3s', '--timeout-clock', clock, '--', 'sleep', '1000'], { deadline: 120_000 }),
    );
    await pool.untilStatus(({ builds }) => builds.filter(({ state }) => state === 'running').length === 2);
    await killEngine(pool);
    for (const { ended } of clocks) assert.equal((await ended).signal, 'SIGTERM');
    await pool.untilIdle();
  });
}

test('a damaged journal is told, and what can be read of it counts', {
  skip: noMachine() ?? false,
  timeout: 300_000,
}, async (t) => {
  const machine = await startMachine(t, SLOTS);
  const runs = [1, 2].map(() => machine.spawnRun(['--', 'sleep', '1000'], { deadline: 120_000 }));
  const before = await machine.untilStatus((status) => told(status).builds.length === 2);
  const [lost, left] = told(before).builds;
  damageLine(machine.daemon.pid, `build:${lost?.id}`);
  await killEngine(machine);
  const { builds } = told(await machine.status());
  assert.deepEqual(
    builds.filter(({ kind }) => kind === 'run'), // the other may be on its way to the node, and be found there
    [left],
  );
  await until('it is told', () => machine.daemon.output.stderr.includes('1 entries of the journal were damaged'));
  for (const run of runs) run.killAll('SIGKILL');
  assert.equal((await machine.untilIdle()).free, SLOTS);
});

/** Changes the last byte of the last line about `key` in the facts that a keeper holds. */
function damageLine(keeper: number, key: string): void {
  for (const fd of readdirSync(`/proc/${keeper}/fd`)) {
    const path = `/proc/${keeper}/fd/${fd}`;
    if (!readlinkSync(path).includes('stint-facts')) continue;
    const text = readFileSync(path, 'latin1');
    const line = text.lastIndexOf(`["${key}",`);
    assert.ok(line > 0, `there is a line about ${key}`);
    const facts = openSync(path, 'r+');
    writeSync(facts, '#', text.indexOf('\n', line) - 1);
    closeSync(facts);
  }
}

/** What has to be the same. */
function told({ capacity, free, with: lent, builds }: Status) {
  const running = builds.filter(({ state }) => state === 'running');
  return { capacity, free, lent, builds: running.map(facts).sort((a, b) => a.id - b.id) };
}

function facts({ id, label, kind, since, rootPid, implicit, weight, class: of, lease }: BuildStatus) {
  return { id, label, kind, since, rootPid, implicit, weight, of, lease };
}
