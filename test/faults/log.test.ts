// Standard error of a daemon that nobody reads, or that is closed: what it says there is lost, and that is all.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Place, STINT, untilServes } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 60_000;

for (const how of ['full', 'closed'] as const) {
  test(`a daemon whose log is ${how} starts as many engines as are killed`, async (t) => {
    const place = new Place(t);
    const log = join(place.folder, 'log');
    execFileSync('mkfifo', [log]);
    const reads = openSync(log, constants.O_RDONLY | constants.O_NONBLOCK);
    const writes = openSync(log, constants.O_WRONLY | constants.O_NONBLOCK);
    t.after(() => closeSync(writes));
    if (how === 'full') {
      t.after(() => closeSync(reads));
      assert.throws(() => {
        for (;;) writeSync(writes, Buffer.alloc(4096));
      });
    }
    const script = 'exec "$STINT" serve --user --jobs 2 2>log';
    const daemon = place.spawn('/bin/sh', ['-c', script], { env: { STINT }, deadline: 4 * PATIENCE });
    await untilServes(daemon);
    if (how === 'closed') closeSync(reads);
    for (let kills = 0; kills < 3; kills++) {
      const engine = await place.enginePid();
      process.kill(engine, 'SIGKILL');
      await until('another engine serves', async () => (await place.enginePid()) !== engine, PATIENCE);
    }
    assert.equal((await place.run(['--', 'true'], { deadline: PATIENCE })).code, 0);
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).code, 0);
  });
}
