// A processor hog that is none of the pool's lowers the limit, and its end raises it again; the reason can be read.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { LimitsConfig } from '../../src/core/limits.ts';
import { serveHere } from '../helpers/daemon.ts';
import { Place } from '../helpers/pool.ts';

const CPUS = availableParallelism();
/** How long to wait for what should take two seconds: others may use this machine, too. */
const PATIENCE = 60_000;

const CONFIGS: Record<string, { limits: Partial<LimitsConfig>; reason: RegExp; needs: string }> = {
  max_cpu_pressure: {
    limits: { maxCpuPressure: 40 },
    reason: /^cpu pressure \d+% (?:is|was) over max_cpu_pressure 40$/,
    needs: '/proc/pressure/cpu',
  },
  max_load: {
    limits: { maxLoad: CPUS + 1 },
    reason: new RegExp(`^load [\\d.]+ (?:is|was) over max_load ${CPUS + 1}$`),
    needs: '/proc/loadavg',
  },
};

/** As many busy processes as twice the processors, outside of every build. */
function hogs(t: TestContext): () => void {
  const all = Array.from({ length: 2 * CPUS }, () => spawn('sh', ['-c', 'while :; do :; done']));
  const end = () => {
    for (const hog of all) hog.kill('SIGKILL');
  };
  t.after(end);
  return end;
}

for (const [key, { limits, reason, needs }] of Object.entries(CONFIGS)) {
  const skip = existsSync(needs) ? false : `no ${needs}`;
  test(`${key}: a hog lowers the limit, and its end raises it`, { skip, timeout: 300_000 }, async (t) => {
    const place = new Place(t);
    const daemon = await serveHere(place, { capacity: CPUS, limits: { ...limits, minSlots: 1 } });
    const build = place.spawnRun(['--', 'sh', '-c', 'while :; do :; done'], { deadline: PATIENCE * 4 });
    await place.untilStatus(({ builds, limit }) => builds[0]?.state === 'running' && limit === CPUS, PATIENCE);
    await pause(2500);
    const end = hogs(t);
    const began = performance.now();
    const lowered = await place.untilStatus(({ limit }) => limit < CPUS, PATIENCE);
    t.diagnostic(`lowered after ${Math.round(performance.now() - began)} ms: ${lowered.limits[0]?.reason}`);
    assert.ok(
      lowered.limits.some((one) => reason.test(one.reason)),
      JSON.stringify(lowered.limits),
    );
    assert.ok(lowered.limit >= 1, 'min_slots always run');
    assert.match((await place.stint(['status'])).stdout, new RegExp(`^limit \\d+ of ${CPUS}: `, 'm'));
    end();
    const ended = performance.now();
    await place.untilStatus((status) => status.limit === CPUS && status.limits.length === 0, PATIENCE);
    t.diagnostic(`raised after ${Math.round(performance.now() - ended)} ms`);
    build.kill('SIGKILL');
    await build.ended;
    daemon.stop();
    await daemon.done;
  });
}

test('min_slots run though the machine can bear nothing', { timeout: 300_000 }, async (t) => {
  const place = new Place(t);
  const limits = { minSlots: 2, minMemory: { percent: 100 } };
  const daemon = await serveHere(place, { capacity: 4, limits });
  const runs = [1, 2, 3].map(() => place.spawnRun(['--', 'sleep', '1000'], { deadline: PATIENCE * 4 }));
  const { limit, limits: why } = await place.untilStatus(
    ({ builds }) => builds.filter(({ state }) => state === 'running').length === 2 && builds.length === 3,
    PATIENCE,
  );
  assert.equal(limit, 2);
  assert.match(why[0]?.reason ?? '', /^memory: .* available, below the floor of /);
  await pause(2500);
  assert.equal((await place.status()).builds.filter(({ state }) => state === 'running').length, 2);
  for (const run of runs) run.kill('SIGKILL');
  await Promise.all(runs.map(({ ended }) => ended));
  daemon.stop();
  await daemon.done;
});

test('what was learned is kept in a file; a bad one is noted once and costs nothing else', {
  timeout: 300_000,
}, async (t) => {
  const place = new Place(t);
  const file = `${place.folder}/state/memory.json`;
  mkdirSync(`${place.folder}/state`);
  writeFileSync(file, '{"learned":[{"program":"make"}]}');
  const notes: string[] = [];
  const daemon = await serveHere(place, { capacity: 2, note: (line) => notes.push(line) });
  const { code } = await place.run(['--label', 'nap', '--', 'sleep', '1.5']);
  assert.equal(code, 0);
  await place.untilIdle();
  daemon.stop();
  await daemon.done;
  assert.deepEqual(notes, [
    `what ${file} holds is not what was written there: what builds need of memory is learned anew`,
  ]);
  const { learned } = JSON.parse(readFileSync(file, 'utf8'));
  assert.equal(learned.length, 1);
  assert.deepEqual([learned[0].program, learned[0].label], ['sleep', 'nap']);
});

test('what builds needed that run when the daemon stops is learned, too', { timeout: 300_000 }, async (t) => {
  const place = new Place(t);
  // Whatever it needs is more than is known.
  const limits = { memoryPerJob: 1024 };
  const daemon = await serveHere(place, { capacity: 2, limits });
  const run = place.spawnRun(['--label', 'on and on', '--', 'sleep', '1000'], { deadline: PATIENCE * 4 });
  await place.untilStatus(({ builds }) => builds[0]?.state === 'running', PATIENCE);
  await pause(2500);
  daemon.stop();
  await daemon.done;
  const { learned } = JSON.parse(readFileSync(`${place.folder}/state/memory.json`, 'utf8'));
  assert.deepEqual([learned.length, learned[0].program, learned[0].label], [1, 'sleep', 'on and on']);
  assert.ok(learned[0].bytes > 1024);
  run.kill('SIGKILL');
  await run.ended;
});
