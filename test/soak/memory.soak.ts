// Look-ahead at memory within one make, and what happens without it; see test/machine/memory.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Place } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';
import { available, FIT, GIB, Growth, JOBS, look, options, SLOTS, size } from '../machine/growth.ts';
import '../machine/memory.test.ts';

test('the jobs of one make are let in as they fit, and slots come back on the ramp', options, async (t) => {
  const growth = new Growth(t);
  const { place } = growth;
  await growth.learn('grow');
  const floor = await growth.floor();
  const ramp = 0.5;
  const daemon = await growth.serve({ minMemory: { bytes: floor }, ramp });
  const targets = Array.from({ length: JOBS }, (_, i) => `job${i}`);
  const rules = `all: ${targets.join(' ')}\n${targets.join(' ')}:\n\t@${growth.job(10_000, 3000).join(' ')}\n`;
  const make = place.shell(`printf '%s' "$RULES" >Makefile; exec "$STINT" run --label grow -- make all`, {
    env: { RULES: rules },
    deadline: 600_000,
  });
  // Beside it, a build whose jobs need nothing: when the make has ended, all slots can come back.
  let made = false;
  const rest = make.then(async ({ code, stderr }) => {
    assert.equal(code, 0, stderr);
    made = true;
  });
  const small = place.spawnRun(['--label', 'small', '--', 'sleep', '1000'], { deadline: 900_000 });
  const during = await look(place, floor, () => made);
  await rest;
  const after = await look(place, floor, untilLimit(place, SLOTS));
  small.kill('SIGTERM');
  await small.ended;
  daemon.stop();
  await daemon.done;
  t.diagnostic(`at most ${during.peak} at once; at least ${(during.least / GIB).toFixed(1)} GiB above the floor`);
  assert.ok(during.peak <= FIT + 1, `${during.peak} ran at once`); // and the small one
  assert.ok(during.least >= 0, `the memory was short by ${size(-during.least)}`);
  const rise = after.limits.map(({ limit }) => limit);
  assert.ok((rise[0] as number) < SLOTS, 'not all slots come back at once');
  for (const [i, { at, limit }] of after.limits.entries()) {
    for (const earlier of after.limits.slice(0, i)) {
      const most = earlier.limit + 1 + (ramp * (at - earlier.at + 1500)) / 1000;
      assert.ok(limit <= most, `${earlier.limit} slots became ${limit} in ${Math.round(at - earlier.at)} ms`);
    }
  }
});

test('without look-ahead all start at once, and memory falls below the floor', options, async (t) => {
  const growth = new Growth(t);
  const { place } = growth;
  await growth.learn('grow');
  const floor = await growth.floor();
  const daemon = await growth.serve({ minMemory: { bytes: floor }, memoryLookAhead: false });
  const runs = Array.from({ length: JOBS }, () =>
    place.spawnRun(['--label', 'grow', '--', ...growth.job(10_000, 60_000)], { deadline: 600_000 }),
  );
  await until('memory is short', () => available() < floor, 300_000);
  const { limits } = await place.status();
  assert.match(limits.map(({ reason }) => reason).join('\n'), /^$|below the floor/);
  for (const run of runs) run.kill('SIGKILL');
  await Promise.all(runs.map(({ ended }) => ended));
  daemon.stop();
  await daemon.done;
});

/** True as soon as the limit was once found to be `slots`. */
function untilLimit(place: Place, slots: number): () => boolean {
  let there = false;
  void place.untilStatus(({ limit }) => limit === slots, 120_000).then(() => (there = true));
  return () => there;
}
