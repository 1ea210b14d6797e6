import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { notifySystemd } from '../../src/kernel/notify.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { DEADLINE, until } from '../helpers/until.ts';

/** Binds a datagram socket, prints a line when it is bound, and `{read}` one datagram or none. */
const RECEIVER = `
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + name[1:] if name[0] == '@' else name)
print('bound', flush=True)
if sys.argv[2] == 'read': print(ascii(s.recv(65536).decode()), flush=True)
sys.stdin.read()
`;

/** A receiver at `address`, and what it has printed. */
async function receiver(t: TestContext, address: string, does: 'read' | 'nothing'): Promise<{ said: () => string }> {
  const child = spawn('python3', ['-c', RECEIVER, address, does], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('the receiver is bound', () => said.includes('bound\n'));
  return { said: () => said.slice('bound\n'.length).trimEnd() };
}

const noPython = missing('python3');

test('the service manager gets the state at a path', { skip: noPython }, async (t) => {
  const address = join(temporaryFolder(t), 'notify');
  const { said } = await receiver(t, address, 'read');
  assert.equal(notifySystemd('READY=1\nSTATUS=8 slots: ½ used', address), true);
  await until('it arrives', () => said() !== '');
  assert.equal(said(), String.raw`'READY=1\nSTATUS=8 slots: \xbd used'`);
});

test('the service manager gets the state at an abstract address', { skip: noPython }, async (t) => {
  const address = `@stint-test-${process.pid}`;
  const { said } = await receiver(t, address, 'read');
  assert.equal(notifySystemd('STOPPING=1', address), true);
  await until('it arrives', () => said() !== '');
  assert.equal(said(), "'STOPPING=1'");
});

test('NOTIFY_SOCKET says where, and without it nobody is told', { skip: noPython }, async (t) => {
  const address = join(temporaryFolder(t), 'notify');
  const { said } = await receiver(t, address, 'read');
  const before = process.env.NOTIFY_SOCKET;
  t.after(() => {
    if (before === undefined) delete process.env.NOTIFY_SOCKET;
    else process.env.NOTIFY_SOCKET = before;
  });
  delete process.env.NOTIFY_SOCKET;
  assert.equal(notifySystemd('READY=1'), false);
  process.env.NOTIFY_SOCKET = address;
  assert.equal(notifySystemd('READY=1'), true);
  await until('it arrives', () => said() !== '');
  assert.equal(said(), "'READY=1'");
});

test('the longest path that a socket can have is reached', { skip: noPython }, async (t) => {
  const folder = temporaryFolder(t);
  const address = join(folder, 'n'.repeat(106 - folder.length));
  assert.equal(address.length, 107);
  await receiver(t, address, 'nothing');
  assert.equal(notifySystemd('READY=1', address), true);
});

test('where nobody listens it returns false and does not throw', (t) => {
  const folder = temporaryFolder(t);
  for (const address of ['', '@', '/', 'vsock:2:1234', folder, join(folder, 'none'), `/${'x'.repeat(200)}`, '@none'])
    assert.equal(notifySystemd('READY=1', address), false, address);
});

test('a receiver that does not read cannot hold the daemon up', { skip: noPython }, async (t) => {
  const address = join(temporaryFolder(t), 'notify');
  await receiver(t, address, 'nothing');
  const begun = performance.now();
  const sent = Array.from({ length: 10_000 }).findIndex(() => !notifySystemd('STATUS=again', address));
  assert.notEqual(sent, -1, 'its queue is full at some time');
  assert.ok(performance.now() - begun < DEADLINE);
});
