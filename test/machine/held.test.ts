// A client whose parent hangs in exec: every reader of that parent's stat, exe, cwd and environ hangs as well, as `ps` would.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

test('a parent that is in exec for ever holds up neither the daemon nor its child', {
  skip: noMachine() ?? missing('gcc'),
}, async (t) => {
  const machine = await startMachine(t, 3);
  const [held, folder] = ['held', 'elsewhere'].map((name) => join(machine.folder, name)) as [string, string];
  execFileSync('gcc', ['-O1', '-o', held, join(import.meta.dirname, 'held.c')]);
  mkdirSync(folder);
  const { output, killAll, ended } = machine.spawn(held, [folder, machine.node]);
  try {
    await until('the child has its node', () => output.stdout === 'in exec\nopened\n');
    const { clients = [] } = (await machine.untilStatus(({ builds }) => builds.length === 1)).builds[0] ?? {};
    assert.deepEqual(
      clients.map(({ program }) => program),
      ['held'],
    );
    const { stdout, code } = await machine.run(['--style', 'fifo', 'sh', '-c', 'echo $STINT_BUILD']);
    assert.deepEqual([stdout, code], ['1\n', 0], 'others are served meanwhile');
  } finally {
    killAll('SIGKILL'); // before anything here looks for processes
    await ended.catch(() => undefined);
  }
});
