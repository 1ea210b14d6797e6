// With look-ahead no more jobs are let in than fit into memory; see test/soak/memory.soak.ts for what happens without, and within one make.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EACH, FIT, GIB, Growth, JOBS, look, options, size } from './growth.ts';

test(
  'after a learning run no more builds start than fit, and memory never falls below the floor',
  options,
  async (t) => {
    const growth = new Growth(t);
    const { place } = growth;
    await growth.learn('grow');
    const floor = await growth.floor();
    const daemon = await growth.serve({ minMemory: { bytes: floor } });
    let running = JOBS;
    const runs = Array.from({ length: JOBS }, async () => {
      const { code, stderr } = await place.run(['--label', 'grow', '--', ...growth.job(10_000, 3000)], {
        deadline: 600_000,
      });
      running--;
      assert.equal(code, 0, stderr);
    });
    const seen = await look(place, floor, () => running === 0);
    await Promise.all(runs);
    daemon.stop();
    await daemon.done;
    t.diagnostic(`at most ${seen.peak} at once; at least ${(seen.least / GIB).toFixed(1)} GiB above the floor`);
    t.diagnostic([...seen.reasons][0] ?? '');
    assert.ok(seen.peak <= FIT, `${seen.peak} ran at once`);
    assert.ok(seen.least >= 0, `the memory was short by ${size(-seen.least)}`);
    const expected = /each job of grow is expected to need (\d\.\d) GiB/.exec([...seen.reasons].join('\n'))?.[1];
    assert.ok(Math.abs(Number(expected) * 1024 - EACH) < 0.1 * EACH, `${expected} GiB are expected`);
  },
);
