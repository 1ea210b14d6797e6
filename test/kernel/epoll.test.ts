import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { EPOLLERR, EPOLLET, EPOLLIN, Epoll } from '../../src/kernel/epoll.ts';
import { clearEventfd, closeEventfd, openEventfd, signalEventfd } from '../../src/kernel/eventfd.ts';
import { pipe } from './helpers/pipe.ts';

/** What is ready within `timeout` milliseconds, by descriptor. */
function ready(epoll: Epoll, timeout = 0): Record<number, number> {
  const found: Record<number, number> = {};
  const count = epoll.wait(timeout, (fd, events) => {
    found[fd] = events;
  });
  assert.equal(count, Object.keys(found).length);
  return found;
}

test('a descriptor is told when it has something, as long as it has it', (t) => {
  const epoll = new Epoll();
  t.after(() => epoll.close());
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  epoll.add(fd, EPOLLIN);
  assert.deepEqual(ready(epoll), {});
  signalEventfd(fd);
  assert.deepEqual(ready(epoll), { [fd]: EPOLLIN });
  assert.deepEqual(ready(epoll), { [fd]: EPOLLIN });
  clearEventfd(fd);
  assert.deepEqual(ready(epoll), {});
});

test('with EPOLLET a descriptor is told once for each event', (t) => {
  const epoll = new Epoll();
  t.after(() => epoll.close());
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  epoll.add(fd, EPOLLIN | EPOLLET);
  signalEventfd(fd);
  assert.deepEqual(ready(epoll), { [fd]: EPOLLIN });
  assert.deepEqual(ready(epoll), {});
  signalEventfd(fd);
  assert.deepEqual(ready(epoll), { [fd]: EPOLLIN });
});

test('a lone write end is told without being asked for', (t) => {
  const epoll = new Epoll();
  t.after(() => epoll.close());
  const { readEnd, writeEnd } = pipe(t);
  epoll.add(writeEnd, 0);
  assert.deepEqual(ready(epoll), {});
  closeSync(readEnd);
  assert.deepEqual(ready(epoll), { [writeEnd]: EPOLLERR });
});

test('more descriptors than fit into one call are told in the calls that follow', (t) => {
  const epoll = new Epoll();
  t.after(() => epoll.close());
  const fds = Array.from({ length: 150 }, () => openEventfd());
  t.after(() => fds.forEach(closeEventfd));
  for (const fd of fds) {
    epoll.add(fd, EPOLLIN | EPOLLET);
    signalEventfd(fd);
  }
  const told = new Set<number>();
  while (epoll.wait(0, (fd) => void told.add(fd)) > 0);
  assert.deepEqual([...told].sort(), fds.toSorted());
});

test('a descriptor that is not watched any more is not told', (t) => {
  const epoll = new Epoll();
  t.after(() => epoll.close());
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  epoll.add(fd, EPOLLIN);
  signalEventfd(fd);
  epoll.remove(fd);
  assert.deepEqual(ready(epoll), {});
});

test('a wait for nothing ends after its time', (t) => {
  const epoll = new Epoll();
  t.after(() => epoll.close());
  const start = performance.now();
  assert.deepEqual(ready(epoll, 20), {});
  assert.ok(performance.now() - start >= 19);
});

test('errors of epoll have the names of their errno', (t) => {
  const epoll = new Epoll();
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  epoll.add(fd, EPOLLIN);
  assert.throws(() => epoll.add(fd, EPOLLIN), {
    code: 'EEXIST',
    syscall: 'epoll_ctl',
    message: /^EEXIST: file already exists/,
  });
  assert.throws(() => epoll.add(99_999, EPOLLIN), { code: 'EBADF' });
  epoll.remove(fd);
  assert.throws(() => epoll.remove(fd), { code: 'ENOENT' });
  epoll.close();
  assert.throws(() => epoll.wait(0, () => {}), { code: 'EBADF', syscall: 'epoll_wait' });
});
