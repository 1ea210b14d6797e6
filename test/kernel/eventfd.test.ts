import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { EPOLLIN, Epoll } from '../../src/kernel/epoll.ts';
import { clearEventfd, closeEventfd, openEventfd, signalEventfd } from '../../src/kernel/eventfd.ts';
import { EAGAIN, readBytes } from '../../src/kernel/io.ts';

test('any number of signals are cleared by one call', (t) => {
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  for (let i = 0; i < 100; i++) signalEventfd(fd);
  clearEventfd(fd);
  assert.equal(readBytes(fd, Buffer.alloc(8), 8), -EAGAIN);
});

test('clearing what is not signalled does not block', (t) => {
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  clearEventfd(fd);
});

test('another thread wakes a loop that waits', async (t) => {
  const fd = openEventfd();
  t.after(() => closeEventfd(fd));
  const source = `
    const { workerData } = require('node:worker_threads');
    import(workerData.module).then(({ signalEventfd }) => signalEventfd(workerData.fd));
  `;
  const module = new URL('../../src/kernel/eventfd.ts', import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { fd, module }, trackUnmanagedFds: false });
  const epoll = new Epoll();
  t.after(() => epoll.close());
  epoll.add(fd, EPOLLIN);
  assert.equal(
    epoll.wait(20_000, () => {}),
    1,
  );
  await once(worker, 'exit');
});
