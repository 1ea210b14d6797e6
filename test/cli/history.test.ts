// What was, as people and programs read it: `stint history`, `stint trace` and the metrics, of real builds; and that they agree.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PastList } from '../../src/api/schema.ts';
import type { Trace } from '../../src/observe/trace.ts';
import { raw } from '../helpers/api.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, startPool } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

/** Ten jobs of which each takes a while. */
const MAKEFILE = `all: ${Array.from({ length: 10 }, (_, n) => `j${n}`).join(' ')}\nj%:\n\t@sleep 0.1\n`;

async function past(place: Place): Promise<PastList['builds']> {
  const { stdout, code } = await place.stint(['history', '--json']);
  assert.equal(code, 0);
  return (JSON.parse(stdout) as PastList).builds;
}

async function metric(place: Place, name: string): Promise<number> {
  const answer = await raw(place.socket, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n').ended;
  const [, value] = new RegExp(`^${name} (.*)$`, 'm').exec(answer) ?? [];
  return Number(value);
}

/** Slots × seconds that the lanes of a trace show, and how many pieces that is. */
async function traced(place: Place, id: number): Promise<{ slotSeconds: number; pieces: number; peak: number }> {
  const { stdout, code, stderr } = await place.stint(['trace', '--build', String(id)]);
  assert.equal(code, 0, stderr);
  const { traceEvents } = JSON.parse(stdout) as Trace;
  const slots = traceEvents.filter(({ cat }) => cat === 'slot');
  return {
    slotSeconds: slots.reduce((sum, { dur = 0 }) => sum + dur, 0) / 1e6,
    pieces: slots.length,
    peak: Math.max(...slots.map(({ tid }) => tid + 1)),
  };
}

/** History, trace and metrics say the same of the one build that there was. */
async function agree(place: Place): Promise<PastList['builds'][0]> {
  const [build, ...others] = await past(place);
  assert.ok(build);
  assert.deepEqual(others, []);
  const { slotSeconds, pieces, peak } = await traced(place, build.id);
  const margin = 0.001 + pieces * 0.0002; // a trace counts in tenths of a millisecond
  const difference = Math.abs(slotSeconds - build.slotSeconds);
  assert.equal(await metric(place, 'stint_slots_granted_total'), build.granted);
  assert.ok(difference <= margin, `the trace has ${slotSeconds}, the history ${build.slotSeconds} slot seconds`);
  assert.equal(peak, build.peak);
  assert.equal(await metric(place, 'stint_slot_seconds_total'), build.slotSeconds);
  assert.equal(await metric(place, 'stint_waited_seconds_total'), build.waitedSeconds);
  return build;
}

test('a make of ten jobs: history, trace and metrics agree, and outlive the daemon', async (t) => {
  const pool = await startPool(t, 3);
  writeFileSync(join(pool.folder, 'Makefile'), MAKEFILE);
  const { code } = await pool.run(['--label', 'ten jobs', '--', 'make']);
  assert.equal(code, 0);
  await pool.untilIdle();
  const build = await agree(pool);
  assert.equal(build.label, 'ten jobs');
  assert.ok(build.slotSeconds >= 1 && build.slotSeconds <= (3 * (build.ended - build.since)) / 1000 + 0.01);
  assert.ok(build.peak >= 2 && build.peak <= 3);
  const { stdout } = await pool.stint(['history']);
  assert.match(
    stdout,
    /^BUILD +ENDED +TOOK +WAITED +SLOT-S +PEAK +MEMORY +EXIT +USER +LABEL\n1 .* 0 +\w+ +ten jobs\n$/,
  );
  assert.equal((await pool.stint(['history', '--label', 'other'])).stdout, 'no builds\n');
  assert.match((await pool.stint(['history', '--mine', '--limit', '1'])).stdout, /ten jobs/);
  await pool.stop();

  const next = pool.start(['serve', '--user', '--jobs', '3']);
  await pool.untilIdle();
  assert.deepEqual(await past(pool), [build]);
  assert.ok((await traced(pool, build.id)).pieces >= 2);
  next.kill('SIGTERM');
  assert.equal((await next.ended).code, 0);
});

test('how a build ended is in the history, the trace and what is watched', async (t) => {
  const pool = await startPool(t, 2);
  const watcher = pool.start(['watch', '--json'], { deadline: 120_000 });
  await until('it watches', () => watcher.output.stdout.includes('"watching"'));
  writeFileSync(join(pool.folder, 'Makefile'), 'well:\n\t@true\nbad:\n\t@false\n');
  assert.equal((await pool.run(['--', 'make', 'well'])).code, 0);
  assert.equal((await pool.run(['--', 'make', 'bad'])).code, 2);
  const killed = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  killed.kill('SIGKILL');
  await killed.ended;
  // Its root has gone before what it started, which still has the FIFO open.
  const left = await pool.run(['--', 'sh', '-c', '(exec 7<>$STINT_FIFO; sleep 1) >/dev/null 2>&1 & exit 7']);
  assert.equal(left.code, 7);
  await pool.untilIdle();
  const ends = ['0', '2', 'KILL', '7'];
  assert.deepEqual((await past(pool)).map(({ exit }) => String(exit)).reverse(), ends);
  const rows = (await pool.stint(['history'])).stdout.trimEnd().split('\n').slice(1).reverse();
  for (const [n, row] of rows.entries()) assert.match(row, new RegExp(` ${ends[n]} +\\w+ +(?:make|sleep|sh)`));
  const trace = JSON.parse((await pool.stint(['trace', '--build', '2'])).stdout) as Trace;
  assert.equal(trace.otherData.exit, 2);
  await until('all was told', () => watcher.output.stdout.split('"ended"').length > 4);
  const told = watcher.output.stdout.split('\n').filter((line) => line.includes('"ended"'));
  assert.deepEqual(
    told.map((line) => String(JSON.parse(line).exit)),
    ends,
  );
  watcher.kill('SIGKILL');
  await pool.stop();
});

test('an engine that takes a build over knows how it ended, also when that was before it came', async (t) => {
  const pool = await startPool(t, 2);
  const before = await pool.enginePid();
  const options = { stdio: ['pipe', 'pipe', 'pipe'] as 'pipe'[], deadline: 120_000 };
  const start = (label: string) =>
    pool.spawnRun(['--label', label, '--', 'sh', '-c', 'echo runs; read x; exit 4'], { ...options });
  const [later, meanwhile] = [start('later'), start('meanwhile')];
  await until('both run', () => [later, meanwhile].every(({ output }) => output.stdout === 'runs\n'));
  process.kill(before, 'SIGSTOP'); // it does not see what ends now
  meanwhile.child.stdin?.end('\n');
  assert.equal((await meanwhile.ended).code, 4);
  process.kill(before, 'SIGKILL');
  await until('another one serves', async () => {
    const now = await pool.enginePid().catch(() => before);
    return now !== before;
  });
  later.child.stdin?.end('\n');
  await later.ended;
  await pool.untilIdle();
  assert.deepEqual(
    (await past(pool)).map(({ label, exit }) => [label, exit]),
    [
      ['later', 4],
      ['meanwhile', 4],
    ],
  );
  pool.daemon.kill('SIGTERM');
  assert.equal((await pool.daemon.ended).code, 0);
});

test('a build that runs is traced up to now', async (t) => {
  const pool = await startPool(t, 2);
  const running = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running' && builds[0].slotSeconds > 0.2);
  const before = (await pool.status()).builds[0]?.slotSeconds as number;
  const { slotSeconds, pieces } = await traced(pool, 1);
  assert.equal(pieces, 1);
  assert.ok(slotSeconds >= before - 0.001, `${slotSeconds} after ${before}`);
  running.kill('SIGTERM');
  await running.ended;
  await pool.stop();
});

test('what is asked wrongly is said', async (t) => {
  const pool = await startPool(t, 2);
  for (const [args, exit, message] of [
    [['trace'], 2, 'trace: no build given'],
    [['trace', '7'], 2, 'trace: unexpected argument 7'],
    [['trace', '--build', 'x'], 2, "--build must be a whole number from 1 to 9007199254740991, not 'x'"],
    [['trace', '--build', '7'], 1, 'there is no trace of a build 7, or no longer'],
    [['history', '--limit', '0'], 2, "--limit must be a whole number from 1 to 1000, not '0'"],
  ] as const) {
    const { code, stdout, stderr } = await pool.stint([...args]);
    assert.deepEqual([code, stdout, stderr.split('\n')[0]], [exit, '', `stint: ${message}`]);
  }
  await pool.stop();
});

test('at the node of the machine each process has its own slots in the trace', {
  skip: noMachine() ?? missing('python3'),
}, async (t) => {
  const machine = await startMachine(t, 3);
  const script = `
import os, time
node = os.open("${machine.node}", os.O_RDWR)
for pause in (0.05, 0.2, 0.1):
    a = os.read(node, 1); b = os.read(node, 1)
    time.sleep(pause)
    os.write(node, a); time.sleep(0.03); os.write(node, b)
os._exit(5)
`;
  const { code, stderr } = await machine.spawn('python3', ['-c', script]).ended;
  assert.equal(code, 5, stderr);
  await machine.untilIdle();
  const build = await agree(machine);
  assert.ok(build.slotSeconds >= 0.7 + 0.09, `${build.slotSeconds}`);
  assert.deepEqual([build.kind, build.exit], ['session', 5]);
  await machine.stop();
});
