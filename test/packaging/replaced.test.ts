// What waits while a package is upgraded: the files that it was started from are gone when it goes on.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startPool } from '../helpers/pool.ts';

const DIST = join(import.meta.dirname, '../../dist');

test('a run that waits does not need the files that it was started from any more', async (t) => {
  const pool = await startPool(t, 2);
  const copy = join(pool.folder, 'copy');
  cpSync(DIST, copy, { recursive: true });
  const holder = pool.spawnRun(['--slots', '2', '--', 'sleep', '1000']);
  await pool.untilStatus(({ free }) => free === 0);
  const stint = join(copy, 'bin/stint');
  const waiting = [['--slots', '2'], []].map((more) => pool.spawn(stint, ['run', ...more, '--', 'echo', 'done']));
  await pool.untilStatus(({ builds }) => builds.filter(({ state }) => state === 'starting').length === 2);
  rmSync(copy, { recursive: true });
  holder.killAll('SIGTERM');
  for (const { ended } of waiting) {
    const { code, stdout, stderr } = await ended;
    assert.deepEqual([code, stdout], [0, 'done\n'], stderr);
  }
  await pool.stop();
});
