// The transport, with routes of its own: what a caller gets for each kind of request, and what it cannot do to the others.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Call, HttpError, type Route, type Send } from '../../src/api/call.ts';
import { serveApi } from '../../src/api/server.ts';
import { ask, follow, raw } from '../helpers/api.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

interface Served {
  path: string;
  server: Server;
  /** The last call that a route got. */
  last(): Call;
  /** Sends to every reader of /events. */
  send: Send;
  /** How many read /events. */
  readers(): number;
  /** How many questions that take long were answered. */
  slow(): number;
  connections(): Promise<number>;
}

async function served(t: TestContext, options?: { patience?: number; connections?: number }): Promise<Served> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'api.sock');
  let call: Call | undefined;
  const readers = new Set<Send>();
  let slow = 0;
  const note = (now: Call) => {
    call = now;
    return { params: now.params, body: now.body };
  };
  const routes: Route[] = [
    { method: 'GET', path: '/things', answer: note },
    { method: 'POST', path: '/things', answer: note },
    { method: 'GET', path: '/things/:id', answer: note },
    { method: 'PUT', path: '/things/:id/parts/:part', answer: note },
    {
      method: 'GET',
      path: '/teapot',
      answer: () => {
        throw new HttpError(418, 'short and stout');
      },
    },
    {
      method: 'GET',
      path: '/bug',
      answer: () => {
        throw new TypeError('a bug');
      },
    },
    { method: 'GET', path: '/never', answer: (now) => note(now) && new Promise(() => {}) },
    {
      method: 'GET',
      path: '/slow',
      answer: async () => {
        await pause(20);
        for (const end = performance.now() + 20; performance.now() < end; );
        return slow++;
      },
    },
    { method: 'GET', path: '/large', answer: () => 'x'.repeat(4e6) },
    {
      method: 'GET',
      path: '/events',
      events: ({ gone }, send) => {
        readers.add(send);
        gone.addEventListener('abort', () => readers.delete(send));
      },
    },
  ];
  const server = await serveApi(path, '1.2.3', routes, options);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  chmodSync(folder, 0o755);
  chmodSync(path, 0o777);
  return {
    path,
    server,
    last: () => call as Call,
    send: (event, data) => {
      for (const send of readers) send(event, data);
    },
    readers: () => readers.size,
    slow: () => slow,
    connections: () => new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
  };
}

test('a path finds its route, and what stands for a name is passed on', async (t) => {
  const { path } = await served(t);
  const paramsOf = async (method: string, target: string) => (await ask(path, method, target)).json.params;
  assert.deepEqual(await paramsOf('GET', '/things'), {});
  assert.deepEqual(await paramsOf('GET', '/things?all=1'), {});
  assert.deepEqual(await paramsOf('GET', '/things/12'), { id: '12' });
  assert.deepEqual(await paramsOf('GET', '/things/a%2Fb%20c?x'), { id: 'a/b c' });
  assert.deepEqual(await paramsOf('PUT', '/things/12/parts/x'), { id: '12', part: 'x' });
});

test('every answer says which API it is', async (t) => {
  const { path } = await served(t);
  for (const target of ['/things', '/none', '/bug']) {
    const { headers } = await ask(path, 'GET', target);
    assert.deepEqual([headers['stint-api'], headers['stint-version']], ['1', '1.2.3']);
  }
});

for (const [method, target, body, status, error] of [
  ['GET', '/none', undefined, 404, 'no such call: GET /none'],
  ['GET', '/things/', undefined, 404, 'no such call: GET /things/'],
  ['GET', '/things/1/2', undefined, 404, 'no such call: GET /things/1/2'],
  ['GET', '/things/%ff', undefined, 400, '%ff is not well encoded'],
  ['DELETE', '/things/1', undefined, 405, '/things/1 takes GET, not DELETE'],
  ['PUT', '/things', undefined, 405, '/things takes GET and POST, not PUT'],
  ['POST', '/things', '{"a":', 400, 'the body is not JSON'],
  ['POST', '/things', `"${'x'.repeat(64 * 1024)}"`, 413, 'a body has at most 65536 bytes'],
  ['GET', '/teapot', undefined, 418, 'short and stout'],
  ['GET', '/bug', undefined, 500, 'a bug'],
] as const) {
  test(`${method} ${target} ${body?.slice(0, 10) ?? ''} is answered with ${status}`, async (t) => {
    const { path } = await served(t);
    const answer = await ask(path, method, target, body);
    assert.deepEqual([answer.status, answer.json], [status, { error }]);
    assert.equal(
      answer.headers.allow,
      status === 405
        ? error.slice(error.indexOf(' takes ') + 7, error.indexOf(', not')).replace(' and ', ', ')
        : undefined,
    );
  });
}

test('the body of a request is parsed, and may be left out', async (t) => {
  const { path } = await served(t);
  assert.deepEqual((await ask(path, 'POST', '/things', { a: [1, null] })).json.body, { a: [1, null] });
  assert.equal((await ask(path, 'POST', '/things')).json.body, undefined);
});

test('who calls is what the kernel says of it', async (t) => {
  const { path, last } = await served(t);
  await ask(path, 'GET', '/things');
  const { pid, uid, gid } = last().peer;
  assert.deepEqual([pid, uid, gid], [process.pid, process.getuid?.(), process.getgid?.()]);
});

test('a caller of another user comes with its groups', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  const { path, last } = await served(t);
  const source = `process.setgroups([70001, 70002]); process.setgid(65533); process.setuid(65534);
    require('node:http').get({ socketPath: process.argv[1], path: '/things', agent: false }, (r) => r.resume())`;
  const child = spawn(process.execPath, ['-e', source, path], { cwd: '/', stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.deepEqual(last().peer, { pid: child.pid, uid: 65534, gid: 65533, groups: [70001, 70002] });
});

test('a caller that hangs up is noticed', async (t) => {
  const { path, last } = await served(t);
  const { socket } = raw(path, 'GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
  await until('the call arrives', () => last() !== undefined);
  assert.equal(last().gone.aborted, false);
  socket.destroy();
  await until('it is noticed', () => last().gone.aborted);
});

for (const [what, bytes] of [
  ['sends nothing', ''],
  ['stops amid the head', 'GET /things HTTP/1.1\r\nho'],
  ['stops amid the body', 'POST /things HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{'],
] as const) {
  test(`a caller that ${what} is sent away in time, and others are answered meanwhile`, async (t) => {
    const { path, connections } = await served(t, { patience: 300 });
    const slow = raw(path, bytes);
    assert.equal((await ask(path, 'GET', '/things')).status, 200);
    assert.match(
      await slow.ended,
      /^HTTP\/1\.1 408 .*\r\nstint-api: 1\r\n[\s\S]*"error":"the request did not come in time"/,
    );
    await until('nothing is left of it', async () => (await connections()) === 0);
  });
}

test('a call that is answered late, and events that come late, are not slow requests', async (t) => {
  const { path, readers, send } = await served(t, { patience: 50 });
  const waiting = raw(path, 'GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
  const reader = follow(path, '/events');
  await until('it reads', () => readers() === 1);
  assert.match(await raw(path, '').ended, /408/); // patience has passed
  assert.match(await raw(path, '').ended, /408/);
  send('late', {});
  await until('the event comes', () => reader.events().length === 1);
  assert.equal(waiting.socket.closed, false);
});

test('a large answer comes whole', async (t) => {
  const { path } = await served(t, { patience: 1000 });
  assert.equal((await ask(path, 'GET', '/large')).json.length, 4e6);
});

test('a caller that does not take its answer is sent away in time', async (t) => {
  const { path, connections } = await served(t, { patience: 200 });
  const slow = raw(path, 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
  slow.socket.pause();
  await until('it is connected', async () => (await connections()) === 1);
  await until('nothing is left of it', async () => (await connections()) === 0);
});

/** As another user asks eight times for what is large, and reads it when all were heard: how many came whole. */
const HOARDER = `
import os, select, socket, sys
os.setgid(65534); os.setuid(65534)
all = []
for _ in range(8):
    all.append(socket.socket(socket.AF_UNIX))
    all[-1].connect(sys.argv[1])
    all[-1].sendall(b'GET /large HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
for one in all: select.select([one], [], [])
def read(one):
    text = b''
    try:
        while some := one.recv(65536): text += some
    except ConnectionError: pass
    return len(text)
print(sum(read(one) > 4e6 for one in all))
`;

test('what waits to be read by one user has a bound, and takes nothing from others', {
  skip: (process.getuid?.() !== 0 && 'needs root') || missing('python3'),
}, async (t) => {
  const { path } = await served(t, { patience: 60_000 });
  const hoarder = spawn('/usr/bin/python3', ['-c', HOARDER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [[said]] = await Promise.all([once(hoarder.stdout, 'data'), once(hoarder, 'exit')]);
  const whole = Number(said);
  assert.ok(whole >= 1 && whole <= 5, `${whole} of 8 came whole`);
  assert.equal((await ask(path, 'GET', '/large')).json.length, 4e6);
});

/** As another user asks forty times at once for what takes a while. */
const ASKER = `
import os, socket, sys
os.setgid(65534); os.setuid(65534)
all = []
for _ in range(40):
    all.append(socket.socket(socket.AF_UNIX))
    all[-1].connect(sys.argv[1])
    all[-1].sendall(b'GET /slow HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
print('asked', flush=True)
for one in all:
    while one.recv(65536): pass
`;

test('who asks without end keeps nobody waiting but himself', {
  skip: (process.getuid?.() !== 0 && 'needs root') || missing('python3'),
}, async (t) => {
  const { path, slow } = await served(t);
  const asker = spawn('/usr/bin/python3', ['-c', ASKER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(asker.stdout, 'data');
  const before = slow();
  await ask(path, 'GET', '/things');
  assert.ok(slow() - before < 20, `${slow() - before} of 40 went first`);
  await once(asker, 'exit');
  assert.equal(slow(), 40);
});

test('a connection serves one call', async (t) => {
  const { path } = await served(t);
  const one = 'GET /things HTTP/1.1\r\nhost: x\r\n\r\n';
  const said = await raw(path, one + one).ended;
  assert.equal(said.match(/200 OK/g)?.length, 1);
  assert.match(said, /^connection: close\r$/im);
});

test('a request that is no HTTP is refused', async (t) => {
  const { path } = await served(t);
  assert.match(await raw(path, '\x16\x03\x01 hello\r\n\r\n').ended, /^HTTP\/1\.1 400 /);
});

test('events come as they are sent, to every reader', async (t) => {
  const { path, readers, send } = await served(t);
  const all = [follow(path, '/events'), follow(path, '/events')];
  await until('both read', () => readers() === 2);
  send('one', { text: 'a\nb' });
  send('two', [2]);
  for (const reader of all) {
    await until('they come', () => reader.events().length === 2);
    assert.deepEqual(reader.events(), [
      ['one', { text: 'a\nb' }],
      ['two', [2]],
    ]);
    assert.match(reader.said(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-type: text\/event-stream\r\n/i);
  }
  all[0]?.socket.destroy();
  await until('one has left', () => readers() === 1);
  send('three', 3);
  await until('the other reads on', () => all[1]?.events().length === 3);
});

test('a reader of events that does not read is dropped, and the others lose nothing', async (t) => {
  const { path, readers, send } = await served(t);
  const good = follow(path, '/events');
  const bad = follow(path, '/events');
  await until('both read', () => readers() === 2);
  bad.socket.pause();
  let sent = 0;
  await until('it is dropped', () => {
    send('tick', { number: sent++, filler: 'x'.repeat(10_000) });
    return readers() === 1;
  });
  await until('the other has all', () => good.events().length === sent);
  assert.ok(sent > 256 / 10, `it was dropped after ${sent} events`);
});

test('an idle server has no timer that fires', async (t) => {
  const { path, server, connections } = await served(t);
  await ask(path, 'GET', '/things');
  await until('nobody is connected', async () => (await connections()) === 0);
  assert.ok(!process.getActiveResourcesInfo().includes('Timeout'));
  // Node's own, which looks for slow requests, does not count there; it cannot be turned off, only put off.
  const hidden: unknown[] = Object.getOwnPropertySymbols(server).map((name) => Reflect.get(server, name));
  const timers = hidden.filter((value) => value?.constructor.name === 'Timeout') as { _repeat: number }[];
  assert.deepEqual(
    timers.map(({ _repeat }) => _repeat),
    [2 ** 31 - 1],
  );
});
