// Who is told that the daemon serves finds the node, however soon he comes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../src/daemon/daemon.ts';
import { abortMount, detachMount } from '../../src/kernel/mount.ts';
import { machineDir } from '../../src/process/runtime-dir.ts';
import { isMounted, noMachine } from '../helpers/machine.ts';
import { Place } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const ROUNDS = 20;

test('a client that opens the node in the moment in which the daemon serves finds it', {
  skip: noMachine() ?? false,
}, async (t) => {
  for (let round = 0; round < ROUNDS; round++) {
    const place = new Place(t);
    const mount = join(place.folder, 'mount');
    t.after(() => {
      if (!isMounted(mount)) return;
      abortMount(mount);
      detachMount(mount);
    });
    const script = `echo here; read x; exec 7<>${mount}/jobserver && echo found`;
    const client = place.spawn('bash', ['-c', script], { stdio: 'pipe', deadline: 60_000 });
    await until('it waits for the word', () => client.output.stdout === 'here\n');
    const daemon = await startDaemon({
      capacity: 2,
      runtime: machineDir({ STINT_MOUNT: mount }),
      version: '0.0.0',
      idleExit: Number.POSITIVE_INFINITY,
      system: { mode: 0o660, gid: 0, clients: [], apiGroup: 0 },
    });
    client.child.stdin?.write('now\n');
    if (client.child.exitCode === null) await once(client.child, 'close');
    daemon.stop();
    await daemon.done;
    assert.deepEqual([client.output.stdout, client.output.stderr], ['here\nfound\n', ''], `round ${round}`);
  }
});
