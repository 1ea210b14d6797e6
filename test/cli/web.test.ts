// `stint web` with a real daemon: who gets what from it, and how it ends.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { HttpError } from '../../src/api/call.ts';
import { serveApi } from '../../src/api/server.ts';
import { Place, type Started, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';
import { poolOf } from './top/pools.ts';

const PATIENCE = 60_000;

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Asking {
  method?: string;
  headers?: Record<string, string>;
  /** Hung up on when this is in what came; without it the answer is waited for. */
  enough?: (body: string) => boolean;
}

/** One call, as no browser would make it: any header is sent as it is given. */
function ask(url: string, { method = 'GET', headers = {}, enough }: Asking = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers, agent: false }, (response) => {
      let body = '';
      const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
        if (enough?.(body) !== true) return;
        done();
        call.destroy();
      });
      response.on('end', done);
    });
    call.on('error', reject);
    call.end();
  });
}

interface Web {
  started: Started;
  url: string;
  origin: string;
  cookie: string;
}

async function startWeb(place: Place, args: readonly string[] = []): Promise<Web> {
  const started = place.start(['web', ...args], { deadline: 300_000 });
  const url = await until(
    'it prints its address',
    () => /^http:\S+\n/.exec(started.output.stdout)?.[0].trim(),
    PATIENCE,
  );
  const { origin } = new URL(url);
  const { headers } = await ask(url);
  return { started, url, origin, cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '' };
}

test('the page is there for whoever has the secret, and only then', async (t) => {
  const pool = await startPool(t, 2);
  const { url, origin, cookie, started } = await startWeb(pool);
  const opened = await ask(url);
  assert.deepEqual([opened.status, opened.headers.location], [303, '/'], 'the secret does not stay in the address');
  assert.match(opened.headers['set-cookie']?.[0] ?? '', /^stint-\d+=[\w-]{32}; HttpOnly; SameSite=Strict; Path=\/$/);
  const page = await ask(`${origin}/`, { headers: { cookie } });
  assert.equal(page.status, 200);
  assert.match(page.body, /^<!doctype html>/);
  const policy = page.headers['content-security-policy'] as string;
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; /);
  assert.doesNotMatch(policy, /unsafe|https?:/);
  assert.doesNotMatch(page.body, /(?:src|href)="(?!data:)/, 'it needs nothing beside it');
  for (const path of ['/', '/?token=x', '/live', '/live?token=x', '/api/status', '/metrics']) {
    const refused = await ask(origin + path, { headers: { cookie: `${cookie}x` } });
    assert.equal(refused.status, 401, path);
    assert.doesNotMatch(refused.body, /capacity|doctype/);
  }
  started.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
  await pool.stop();
});

test('it only reads, answers to no foreign name, and shows the pool', async (t) => {
  const pool = await startPool(t, 3);
  const { origin, cookie, started } = await startWeb(pool);
  const headers = { cookie };
  const holder = pool.spawnRun(['--label', 'holder', 'sleep', '600'], { deadline: 300_000 });
  await pool.untilStatus(({ free }) => free === 2);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
    assert.equal((await ask(`${origin}/api/capacity`, { method, headers })).status, 405, method);
  const { port } = new URL(origin);
  for (const host of [`example.org:${port}`, '127.0.0.1', 'localhost:1'])
    assert.equal((await ask(origin, { headers: { ...headers, host } })).status, 421, host);
  assert.equal((await ask(`${origin}/`, { headers: { cookie, host: `localhost:${port}` } })).status, 200);
  const status = await ask(`${origin}/api/status`, { headers });
  assert.equal(JSON.parse(status.body).builds[0].label, 'holder');
  assert.equal((await ask(`${origin}/api/builds/7`, { headers })).status, 404);
  assert.equal((await ask(`${origin}/else`, { headers })).status, 404);
  const enough = (body: string) => body.split('event: picture').length > 2;
  const live = await ask(`${origin}/live`, { headers, enough });
  assert.equal(live.headers['content-type'], 'text/event-stream');
  const { pool: picture, machine } = JSON.parse(/^data: (.*)$/m.exec(live.body)?.[1] as string);
  assert.deepEqual([picture.capacity, picture.builds[0].label], [3, 'holder']);
  assert.ok(!('cwd' in picture.builds[0]) && !('clients' in picture.builds[0]));
  assert.ok(machine.load >= 0 && machine.memory.available > 0);
  holder.kill('SIGTERM');
  await holder.ended;
  started.kill('SIGINT');
  assert.equal((await started.ended).code, 0);
  await pool.stop();
});

test('who looks on hears that the daemon ends, and goes on with the next', async (t) => {
  const pool = await startPool(t, 2);
  const { origin, cookie, started } = await startWeb(pool);
  let next: Started | undefined;
  const heard: string[] = [];
  const enough = (body: string) => {
    const events = [...body.matchAll(/^event: (\w+)$/gm)].map(([, event]) => event as string);
    heard.splice(0, heard.length, ...events);
    if (events.includes('picture') && pool.daemon.child.exitCode === null) pool.daemon.kill('SIGTERM');
    if (events.includes('gone')) next ??= pool.start(['serve', '--user', '--jobs', '5'], { deadline: 300_000 });
    return /"capacity":5/.test(body);
  };
  await ask(`${origin}/live`, { headers: { cookie }, enough });
  const [first, ...rest] = heard.filter((event, at) => event !== heard[at - 1]);
  assert.deepEqual([first, ...rest], ['picture', 'gone', 'picture']);
  started.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
  next?.kill('SIGTERM');
  assert.equal((await next?.ended)?.code, 0);
});

test('a pool that goes on without an engine is shown, and said to be degraded', async (t) => {
  const place = new Place(t);
  mkdirSync(place.dir, { mode: 0o700 });
  const status = poolOf([], { capacity: 7, degraded: 'the engine process was killed by SIGSEGV, 5 times in a row' });
  const refuse = () => {
    throw new HttpError(503, `the daemon is degraded: ${status.degraded}`);
  };
  const daemon = await serveApi(place.socket, '0.1.0', [
    { method: 'GET', path: '/live', answer: refuse },
    { method: 'GET', path: '/status', answer: () => status },
  ]);
  t.after(() => daemon.close());
  const { origin, cookie, started } = await startWeb(place);
  const live = await ask(`${origin}/live`, { headers: { cookie }, enough: (body) => body.includes('\n\n') });
  const { pool } = JSON.parse(/^event: picture\ndata: (.*)$/m.exec(live.body)?.[1] as string);
  assert.deepEqual([pool.capacity, pool.degraded, pool.builds], [7, status.degraded, []]);
  started.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
});

test('where no daemon is, it says so and waits', async (t) => {
  const pool = await startPool(t, 2);
  await pool.stop();
  const { origin, cookie, started } = await startWeb(pool);
  const headers = { cookie };
  const live = await ask(`${origin}/live`, { headers, enough: (body) => body.includes('\n\n') });
  assert.match(live.body, /^event: gone\ndata: \{"reason":"no daemon is running for /);
  const status = await ask(`${origin}/api/status`, { headers });
  assert.equal(status.status, 502);
  assert.match(status.body, /^the daemon at .*api\.sock does not answer: /);
  started.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
});

test('with --metrics-only there are the metrics, without a secret, and nothing else', async (t) => {
  const pool = await startPool(t, 2);
  const { url, origin, started } = await startWeb(pool, ['--metrics-only']);
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const { status, body, headers } = await ask(url);
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  assert.match(body, /^stint_capacity_slots 2$/m);
  for (const path of ['/', '/live', '/api/status']) assert.equal((await ask(origin + path)).status, 404, path);
  const host = `example.org:${new URL(origin).port}`;
  assert.equal((await ask(url, { headers: { host } })).status, 421);
  started.kill('SIGTERM');
  assert.equal((await started.ended).code, 0);
  await pool.stop();
});

test('what cannot be listened on, or should not, is said', async (t) => {
  const pool = await startPool(t, 1);
  const said = async (...args: string[]) => {
    const { code, stderr } = await pool.stint(['web', ...args]);
    return [code, stderr.split('\n')[0]];
  };
  assert.deepEqual(await said('--listen', '0.0.0.0'), [2, 'stint: web: 0.0.0.0 can be reached by other machines']);
  assert.deepEqual(await said('--listen', 'crane'), [2, "stint: web: --listen must be an IP address, not 'crane'"]);
  assert.deepEqual(await said('now'), [2, 'stint: web: unexpected argument now']);
  assert.deepEqual(await said('--port', '65536'), [
    2,
    "stint: --port must be a whole number from 0 to 65535, not '65536'",
  ]);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  assert.deepEqual(await said('--port', String(port)), [
    1,
    `stint: cannot listen on 127.0.0.1, port ${port}: address already in use`,
  ]);
  const remote = await startWeb(pool, ['--listen', '0.0.0.0', '--allow-remote']);
  assert.match(remote.started.output.stderr, /nothing is encrypted/);
  remote.started.kill('SIGTERM');
  assert.equal((await remote.started.ended).code, 0);
  await pool.stop();
});
