import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { EPOLLIN, Epoll } from '../../src/kernel/epoll.ts';
import { openPidfd } from '../../src/kernel/pidfd.ts';

test('a pidfd becomes readable when its process ends, and not before', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const fd = openPidfd(child.pid as number);
  t.after(() => closeSync(fd));
  const epoll = new Epoll();
  t.after(() => epoll.close());
  epoll.add(fd, EPOLLIN);
  assert.equal(
    epoll.wait(0, () => {}),
    0,
  );
  child.kill('SIGKILL');
  assert.equal(
    epoll.wait(20_000, () => {}),
    1,
    'even before its parent has reaped it',
  );
  await once(child, 'exit');
  assert.throws(() => openPidfd(child.pid as number), { code: 'ESRCH', syscall: 'pidfd_open' });
});

test('ids of no process are refused', () => {
  assert.throws(() => openPidfd(0), { code: 'EINVAL' });
  assert.throws(() => openPidfd(-1), { code: 'EINVAL' });
});

test('the id of a thread that leads no process is refused', () => {
  const thread = readdirSync('/proc/self/task')
    .map(Number)
    .find((tid) => tid !== process.pid) as number;
  assert.throws(() => openPidfd(thread), { code: /^(EINVAL|ENOENT)$/ });
});
