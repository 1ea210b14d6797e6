// The clocks of the daemon jump, as when somebody sets the time, or as after a suspend that counts: builds go on, and no wait, limit of
// time or lease is over by that before its time.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { startPool } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 60_000;
const YEAR = 365 * 86_400;

for (const system of [true, false]) {
  const skip = missing('gcc') || (system && noMachine()) || false;
  test(`the clocks of the daemon ${system ? 'of the machine' : 'of a user'} jump while builds run`, {
    skip,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const [library, clocks] = [join(folder, 'clock.so'), join(folder, 'clocks')];
    execFileSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'clock.c')]);
    writeFileSync(clocks, Buffer.alloc(16));
    const file = openSync(clocks, 'r+');
    /** Seconds by which the calendar, and the other clock, are off from now on. */
    const jump = (calendar: number, other: number) =>
      writeSync(file, Buffer.from(BigInt64Array.of(BigInt(calendar), BigInt(other)).buffer), 0, 16, 0);
    const env = { LD_PRELOAD: library, TEST_CLOCK: clocks };
    const pool = await (system ? startMachine(t, 3, { env }) : startPool(t, 3, { env }));
    writeFileSync(join(pool.folder, 'm.mk'), 'all: a b c d e f g h\na b c d e f g h:\n\t@sleep 0.3\n');
    const options = { deadline: 2 * PATIENCE };
    const limited = pool.spawnRun(['--timeout', '3h', '--', 'sleep', '1000'], options);
    const holder = pool.start(['lease', 'hold', '1'], { ...options, stdio: 'pipe' });
    await until(
      'both are there',
      async () => (await pool.status()).builds.filter((one) => one.state === 'running').length === 2,
      PATIENCE,
    );
    for (const [calendar, other] of [
      [YEAR, 0],
      [-20 * YEAR, 0],
      [0, 3600],
      [-YEAR, 7200],
    ] as const) {
      const build = pool.spawnRun(['--', 'make', '-f', 'm.mk'], options);
      await until(
        'it runs',
        async () => (await pool.status()).builds.length === 3 || build.child.exitCode !== null,
        PATIENCE,
      );
      jump(calendar, other);
      const { pids } = await pool.status();
      process.kill(pids.engine, 'SIGKILL');
      const { code, stderr } = await build.ended;
      assert.deepEqual([code, stderr.replace(/^stint: waiting .*\n/, '')], [0, ''], `${[calendar, other]}`);
      const { builds } = await pool.untilStatus(({ builds }) => builds.length === 2, PATIENCE);
      assert.deepEqual(builds.map(({ rootPid }) => rootPid).sort(), [limited.pid, holder.pid].sort());
    }
    jump(0, 4 * 3600);
    assert.equal((await limited.ended).signal, 'SIGTERM', 'its three hours are over');
    holder.child.stdin?.end();
    assert.equal((await holder.ended).code, 0);
    await pool.untilIdle(PATIENCE);
  });
}
