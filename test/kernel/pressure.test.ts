// Triggers on pressure, as far as this kernel has them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Triggers } from '../../src/kernel/pressure.ts';
import { until } from '../helpers/until.ts';

function noPressure(): string | false {
  try {
    accessSync('/proc/pressure/cpu', constants.W_OK);
    return false;
  } catch {
    return 'no /proc/pressure that may be written';
  }
}

test('a trigger is pulled while more want the processors than there are', { skip: noPressure() }, async (t) => {
  let pulled = 0;
  const triggers = new Triggers({ cpu: 5 }, () => pulled++);
  t.after(() => triggers.close());
  assert.equal(triggers.size, 1);
  const hogs = Array.from({ length: 2 * availableParallelism() }, () => spawn('sh', ['-c', 'while :; do :; done']));
  t.after(() => {
    for (const hog of hogs) hog.kill('SIGKILL');
  });
  await until('it is pulled twice', () => pulled >= 2, 60_000);
});

test('where there are no such files there are no triggers, and closing is no error', () => {
  const triggers = new Triggers({ cpu: 5 }, () => {}, '/nowhere');
  assert.equal(triggers.size, 0);
  triggers.close();
  triggers.close();
});
