import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { EPOLLIN, Epoll } from '../../src/kernel/epoll.ts';
import { infoOf, openPidfd } from '../../src/kernel/pidfd.ts';

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

test('a pidfd tells the number of its process, and how it ended once that is reaped', async (t) => {
  const child = spawn('sh', ['-c', 'exit 3'], { stdio: 'ignore' });
  const fd = openPidfd(child.pid as number);
  t.after(() => closeSync(fd));
  const told = infoOf(fd) !== undefined; // since Linux 6.13
  await once(child, 'exit');
  const info = infoOf(fd);
  if (!told || info === undefined) return t.skip('the kernel does not tell how a process ended');
  assert.deepEqual(info, { pid: 0, status: 3 << 8 });
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
