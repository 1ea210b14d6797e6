import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryLock } from '../../src/kernel/flock.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

test('one open file has the lock, until it is closed', (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const one = openSync(path, 'a');
  const other = openSync(path, 'a');
  t.after(() => closeSync(other));
  assert.ok(tryLock(one));
  assert.ok(tryLock(one), 'whoever has it may ask again');
  assert.ok(!tryLock(other));
  closeSync(one);
  assert.ok(tryLock(other));
});

test('the lock of a process that was killed is free', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const fd = openSync(path, 'a');
  t.after(() => closeSync(fd));
  const source = `
    import { openSync, writeSync } from 'node:fs';
    import { tryLock } from ${JSON.stringify(new URL('../../src/kernel/flock.ts', import.meta.url).href)};
    tryLock(openSync(${JSON.stringify(path)}, 'a'));
    writeSync(1, 'locked');
    setInterval(() => {}, 1e6);
  `;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  assert.ok(!tryLock(fd));
  holder.kill('SIGKILL');
  await until('the lock is free', () => tryLock(fd));
});

test('errors of flock have the names of their errno', () => {
  assert.throws(() => tryLock(99_999), { code: 'EBADF', syscall: 'flock', errno: 9 });
});
