import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerCredentials, peerGroups, peerIsThere } from '../../src/kernel/peercred.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A server on a Unix socket that anybody may connect to. */
async function listening(t: TestContext): Promise<{ server: Server; path: string }> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'socket');
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(path);
  await once(server, 'listening');
  chmodSync(folder, 0o755);
  chmodSync(path, 0o777);
  t.after(() => server.close());
  return { server, path };
}

async function accepted(server: Server): Promise<{ socket: Socket; fd: number }> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  return { socket, fd: (socket as unknown as { _handle: { fd: number } })._handle.fd };
}

test('the peer of a connection from this process is this process', async (t) => {
  const { server, path } = await listening(t);
  const client = connect(path);
  const { socket, fd } = await accepted(server);
  assert.deepEqual(peerCredentials(fd), { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  client.destroy();
  socket.destroy();
});

test('the peer is the process and the user that connected', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  const { server, path } = await listening(t);
  const source = `require('node:net').connect(process.argv[1]).resume()`;
  const child = spawn(process.execPath, ['-e', source, path], { uid: 65534, gid: 65533, cwd: '/', stdio: 'inherit' });
  t.after(() => child.kill('SIGKILL'));
  const { socket, fd } = await accepted(server);
  assert.deepEqual(peerCredentials(fd), { pid: child.pid, uid: 65534, gid: 65533 });
  assert.equal(peerIsThere(fd), true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(peerCredentials(fd).pid, child.pid, 'it stays as it was at the connect');
  assert.equal(peerIsThere(fd), false);
  socket.destroy();
});

test('the groups of the peer are its supplementary groups', async (t) => {
  const { server, path } = await listening(t);
  const client = connect(path);
  const { socket, fd } = await accepted(server);
  const own = /^Groups:(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] as string;
  assert.deepEqual(peerGroups(fd), own.split(/\s/).filter(Boolean).map(Number));
  client.destroy();
  socket.destroy();
});

for (const count of [0, 1, 64, 65, 1000]) {
  test(`a peer may have ${count} supplementary groups`, {
    skip: process.getuid?.() !== 0 && 'needs root',
  }, async (t) => {
    const { server, path } = await listening(t);
    const groups = Array.from({ length: count }, (_, n) => 70_000 + n);
    const source = `process.setgroups(${JSON.stringify(groups)}); require('node:net').connect(process.argv[1]).resume()`;
    const child = spawn(process.execPath, ['-e', source, path], { cwd: '/', stdio: 'inherit' });
    t.after(() => child.kill('SIGKILL'));
    const { socket, fd } = await accepted(server);
    assert.deepEqual(peerGroups(fd), groups);
    socket.destroy();
  });
}

test('errors of SO_PEERCRED have the names of their errno', (t) => {
  const fd = openSync('/dev/null', 'r');
  t.after(() => closeSync(fd));
  assert.throws(() => peerCredentials(fd), { code: 'ENOTSOCK', syscall: 'getsockopt SO_PEERCRED' });
  assert.throws(() => peerCredentials(99_999), { code: 'EBADF' });
  assert.throws(() => peerGroups(fd), { code: 'ENOTSOCK', syscall: 'getsockopt SO_PEERGROUPS' });
});
