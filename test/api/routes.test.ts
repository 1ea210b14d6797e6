// The calls of the API, over a real socket to a pool that only notes what it is asked; and docs/api.md, held against them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type BuildChanges, buildRoutes } from '../../src/api/build-routes.ts';
import { HttpError, mayChange } from '../../src/api/call.ts';
import { type LeasePool, leaseRoutes } from '../../src/api/lease-routes.ts';
import { type LivePool, liveRoute } from '../../src/api/live-route.ts';
import { type PastPool, pastRoutes } from '../../src/api/past-routes.ts';
import { type Pool, routesOf } from '../../src/api/routes.ts';
import type { BuildStatus, LeaseStatus, PoolEvent, SettingList, Status } from '../../src/api/schema.ts';
import { serveApi } from '../../src/api/server.ts';
import { type SettingsPool, settingsRoutes } from '../../src/api/settings-routes.ts';
import { ask, follow, raw } from '../helpers/api.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8');

/** What stands under `## METHOD /path` in the page. */
function section(heading: string): string {
  const at = page.indexOf(`\n## ${heading}\n`);
  assert.notEqual(at, -1, `docs/api.md has a section ${heading}`);
  const end = page.indexOf('\n## ', at + 1);
  return page.slice(at, end === -1 ? undefined : end);
}

/** The examples in JSON under a heading. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
const examples = (heading: string): any[] =>
  [...section(heading).matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text as string));

const BUILD = examples('GET /builds/:id')[0] as BuildStatus;

const LEASE = examples('GET /leases/:id')[0] as LeaseStatus;
const asked: unknown[] = [];

/** A pool that has the build of the page's examples. */
class Noting implements Pool, SettingsPool, PastPool {
  readonly asked: unknown[] = [];
  readonly listeners = new Set<(event: PoolEvent) => void>();

  async status(): Promise<Status> {
    return { ...(examples('GET /status')[0] as Status), builds: [BUILD] };
  }

  async openBuild(...[request, { pid, uid }]: Parameters<Pool['openBuild']>): ReturnType<Pool['openBuild']> {
    this.asked.push([request, { pid, uid }]);
    if (request.label === 'late') throw new HttpError(503, 'the daemon is leaving');
    return examples('POST /builds')[1];
  }

  past(query: Parameters<PastPool['past']>[0]): ReturnType<PastPool['past']> {
    this.asked.push(query);
    return examples('GET /history')[0].builds;
  }

  trace(id: number): unknown {
    return id === 1 ? examples('GET /builds/:id/trace')[0] : undefined;
  }

  async metrics(): Promise<string> {
    return 'stint_capacity_slots 8\n';
  }

  settings(): SettingList['settings'] {
    return (examples('GET /settings')[0] as SettingList).settings;
  }

  change(changes: Readonly<Record<string, unknown>>, { lasting }: { lasting: boolean }): void {
    this.asked.push([changes, lasting]);
  }

  async openWith(...[request, { pid }]: Parameters<SettingsPool['openWith']>): ReturnType<SettingsPool['openWith']> {
    this.asked.push([request, pid]);
    return examples('POST /with')[1];
  }

  subscribe(listener: (event: PoolEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Changes of builds as the page shows them. */
const changes: BuildChanges = {
  changeBuild: async (id, change, { pid }) => {
    asked.push([id, change, pid]);
    return examples('PATCH /builds/:id')[1];
  },
  reclaim: async (id, { pid }) => {
    asked.push([id, pid]);
    return examples('POST /builds/:id/reclaim')[0];
  },
  process: async (process, { pid }) => {
    asked.push([process, pid]);
    return examples('GET /processes/:pid')[0];
  },
};

/** Leases as the page shows them. */
const leases: LeasePool = {
  leases: async () => [LEASE],
  lease: async () => LEASE,
  openLease: async (request, { peer }, stream) => {
    asked.push([request, peer.pid]);
    if (request.hold === 'process') return examples('POST /leases')[1];
    const { send, end } = stream();
    send('slots', examples('POST /leases')[1]);
    end();
    return undefined;
  },
  resizeLease: async (id, slots, peer) => {
    asked.push([id, slots, peer.pid]);
    return LEASE;
  },
  endLease: async (id) => {
    asked.push(id);
    return LEASE;
  },
};

async function served(t: TestContext, group?: number): Promise<{ path: string; pool: Noting }> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'api.sock');
  const pool = new Noting();
  const all = [
    routesOf(pool),
    buildRoutes(changes),
    leaseRoutes(leases),
    settingsRoutes(pool, group),
    pastRoutes(pool),
  ];
  const routes = all.flat();
  const server = await serveApi(path, '1.2.3', routes);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  chmodSync(folder, 0o755);
  chmodSync(path, 0o777);
  return { path, pool };
}

test('docs/api.md lists exactly the calls there are, and each has its section with an example', () => {
  const pool = new Noting();
  const all = [
    routesOf(pool),
    buildRoutes(changes),
    leaseRoutes({} as LeasePool),
    settingsRoutes(pool),
    pastRoutes(pool),
    liveRoute({} as LivePool),
  ].flat();
  const calls = all.map(({ method, path }) => `${method} ${path}`);
  const listed = [...page.matchAll(/^\| \[`([A-Z]+ [^`]+)`\]\(#([^)]+)\)/gm)];
  assert.deepEqual(listed.map(([, call]) => call).sort(), calls.sort());
  for (const [, call, anchor] of listed) {
    assert.equal(
      anchor,
      (call as string)
        .toLowerCase()
        .replace(/[^a-z -]/g, '')
        .replaceAll(' ', '-'),
    );
    assert.match(section(call as string), /```(?:json)?\n/);
  }
});

test('the reading calls answer as docs/api.md shows', async (t) => {
  const { path } = await served(t);
  assert.deepEqual((await ask(path, 'GET', '/status')).json, { ...examples('GET /status')[0], builds: [BUILD] });
  assert.deepEqual((await ask(path, 'GET', '/builds')).json, examples('GET /builds')[0]);
  assert.deepEqual((await ask(path, 'GET', '/builds/1')).json, BUILD);
});

test('the past is told as docs/api.md shows', async (t) => {
  const { path, pool } = await served(t);
  assert.deepEqual((await ask(path, 'GET', '/history')).json, examples('GET /history')[0]);
  await ask(path, 'GET', '/history?limit=3&label=a%20b&user=ada&after=17');
  assert.deepEqual(pool.asked, [{ limit: 50 }, { limit: 3, label: 'a b', user: 'ada', after: 17 }]);
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=', 'after=-1', 'after=1e3'])
    assert.equal((await ask(path, 'GET', `/history?${query}`)).status, 400, query);
  assert.deepEqual((await ask(path, 'GET', '/builds/1/trace')).json, examples('GET /builds/:id/trace')[0]);
  for (const id of ['2', 'x', '-1']) assert.equal((await ask(path, 'GET', `/builds/${id}/trace`)).status, 404);
  assert.match(
    await raw(path, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n').ended,
    /text\/plain; version=0\.0\.4[\s\S]*\r\n\r\nstint_cap/,
  );
});

test('a build that is not there is not found', async (t) => {
  const { path } = await served(t);
  for (const id of ['2', '01', 'one', '-1']) {
    const { status, json } = await ask(path, 'GET', `/builds/${id}`);
    assert.deepEqual([status, json], [404, { error: `there is no build ${id}, or no longer` }]);
  }
});

test('a build is opened as docs/api.md shows', async (t) => {
  const { path, pool } = await served(t);
  const [request, answer] = examples('POST /builds');
  assert.deepEqual((await ask(path, 'POST', '/builds', request)).json, answer);
  const { implicit: _, ...without } = request;
  await ask(path, 'POST', '/builds', without);
  const caller = { pid: process.pid, uid: process.getuid?.() };
  assert.deepEqual(pool.asked, [
    [request, caller],
    [request, caller],
  ]);
  const late = await ask(path, 'POST', '/builds', { ...request, label: 'late' });
  assert.deepEqual([late.status, late.json], [503, { error: 'the daemon is leaving' }]);
});

test('what others are shown of a build commands no terminal, and is no longer than they need', async (t) => {
  const { path, pool } = await served(t);
  const label = `\u001b]0;x\u0007\u009b2J\u202e${'x'.repeat(4000)}`;
  await ask(path, 'POST', '/builds', { label, cwd: '/tmp/\u001b[2J' });
  const [[opened]] = pool.asked as [[{ label: string; cwd: string }]];
  assert.equal(opened.label, `?]0;x??2J?${'x'.repeat(245)}…`);
  assert.equal(opened.cwd, '/tmp/?[2J');
});

for (const [body, error] of [
  [undefined, 'the body must be a JSON object'],
  ['"text"', 'the body must be a JSON object'],
  [[], 'the body must be a JSON object'],
  [null, 'the body must be a JSON object'],
  [{ cwd: '/' }, 'label must be a string of at most 4096 characters'],
  [{ label: 'x'.repeat(4097), cwd: '/' }, 'label must be a string of at most 4096 characters'],
  [{ label: '', cwd: 1 }, 'cwd must be a string of at most 4096 characters'],
  [{ label: '', cwd: '', implicit: 2 }, 'implicit must be 0 or 1'],
] as const) {
  test(`opening a build with ${JSON.stringify(body)?.slice(0, 40)} is refused`, async (t) => {
    const { path, pool } = await served(t);
    const answer = await ask(path, 'POST', '/builds', body);
    assert.deepEqual([answer.status, answer.json, pool.asked], [400, { error }, []]);
  });
}

test('builds are changed and processes found as docs/api.md shows', async (t) => {
  const { path } = await served(t);
  const [change, build] = examples('PATCH /builds/:id');
  assert.deepEqual((await ask(path, 'PATCH', '/builds/1', change)).json, build);
  const [reclaimed] = examples('POST /builds/:id/reclaim');
  assert.deepEqual((await ask(path, 'POST', '/builds/1/reclaim')).json, reclaimed);
  const [found] = examples('GET /processes/:pid');
  assert.deepEqual((await ask(path, 'GET', '/processes/4802')).json, found);
  assert.deepEqual(asked.splice(0), [
    ['1', change, process.pid],
    ['1', process.pid],
    ['4802', process.pid],
  ]);
});

for (const [body, error] of [
  [{}, 'one of weight and class must be given'],
  [{ weight: 0 }, 'weight must be a number from 0.01 to 1000'],
  [{ class: 'fast' }, 'class must be "interactive", "normal" or "background"'],
  [null, 'the body must be a JSON object'],
] as const) {
  test(`changing a build by ${JSON.stringify(body)} is refused`, async (t) => {
    const { path } = await served(t);
    const answer = await ask(path, 'PATCH', '/builds/1', body);
    assert.deepEqual([answer.status, answer.json, asked], [400, { error }, []]);
  });
}

test('leases are read, opened, resized and ended as docs/api.md shows', async (t) => {
  const { path } = await served(t);
  const [request, answer] = examples('POST /leases');
  assert.deepEqual((await ask(path, 'GET', '/leases')).json, examples('GET /leases')[0]);
  assert.deepEqual((await ask(path, 'GET', '/leases/3')).json, LEASE);
  assert.deepEqual((await ask(path, 'POST', '/leases', request)).json, answer);
  await ask(path, 'PATCH', '/leases/3', examples('PATCH /leases/:id')[0]);
  await ask(path, 'DELETE', '/leases/3');
  const parsed = { ...request, hold: 'process', signal: 0, again: false };
  assert.deepEqual(asked.splice(0), [[parsed, process.pid], ['3', 4, process.pid], '3']);
  const more = { ...request, max: undefined, hold: 'connection', signal: 'USR1', timeout: 1000, clock: 'held' };
  Object.assign(more, { claim: 'c1', again: true });
  const reader = raw(
    path,
    `POST /leases HTTP/1.1\r\nhost: x\r\ncontent-length: ${JSON.stringify(more).length}\r\n\r\n${JSON.stringify(more)}`,
  );
  assert.match(await reader.ended, /content-type: text\/event-stream[\s\S]*event: slots\ndata: \{"id":3,/);
  const { label, cwd } = request;
  const limit = { after: 1000, clock: 'held' };
  assert.deepEqual(asked.splice(0), [
    [
      { label, cwd, min: 2, max: 2, hold: 'connection', signal: 10, timeLimit: limit, claim: 'c1', again: true },
      process.pid,
    ],
  ]);
});

for (const [body, error] of [
  [{}, 'min must be a whole number from 1 to 4096'],
  [{ min: 0 }, 'min must be a whole number from 1 to 4096'],
  [{ min: 3, max: 2 }, 'max must be a whole number from 3 to 4096'],
  [{ min: 1, hold: 'for ever' }, 'hold must be "process" or "connection"'],
  [{ min: 1, signal: 'SIGNAL' }, 'signal must be the name of a signal, like "USR1"'],
  [{ min: 1, timeout: 0 }, 'timeout must be a whole number from 1 to 34560000000'],
  [{ min: 1, claim: '' }, 'claim must be a string of 1 to 64 characters'],
  [{ min: 1, again: 1 }, 'again must be true or false'],
  [{ min: 1, timeout: 1, clock: 'sun' }, 'clock must be "held" or "wall"'],
] as const) {
  test(`a lease with ${JSON.stringify(body)} is refused`, async (t) => {
    const { path } = await served(t);
    const answer = await ask(path, 'POST', '/leases', { label: '', cwd: '', ...body });
    assert.deepEqual([answer.status, answer.json, asked], [400, { error }, []]);
  });
}

test('the capacity is changed as docs/api.md shows', async (t) => {
  const { path, pool } = await served(t);
  const [request] = examples('PUT /capacity');
  const { status, json } = await ask(path, 'PUT', '/capacity', request);
  assert.deepEqual([status, json, pool.asked], [200, request, [[{ jobs: 4 }, false]]]);
  assert.equal((await ask(path, 'PUT', '/capacity', { slots: 4096 })).status, 200);
});

for (const slots of [0, -1, 4097, 1.5, '4', null, undefined]) {
  test(`a capacity of ${JSON.stringify(slots)} is refused`, async (t) => {
    const { path, pool } = await served(t);
    const { status, json } = await ask(path, 'PUT', '/capacity', { slots });
    assert.deepEqual([status, json, pool.asked], [400, { error: 'slots must be a whole number from 1 to 4096' }, []]);
  });
}

test('settings are read and changed as docs/api.md shows', async (t) => {
  const { path, pool } = await served(t);
  const [settings] = examples('GET /settings');
  assert.deepEqual((await ask(path, 'GET', '/settings')).json, settings);
  const [request] = examples('PUT /settings');
  const { status, json } = await ask(path, 'PUT', '/settings', request);
  assert.deepEqual([status, json, pool.asked], [200, settings, [[request, true]]]);
});

test('settings are lent as docs/api.md shows', async (t) => {
  const { path, pool } = await served(t);
  const [request, answer] = examples('POST /with');
  const { status, json } = await ask(path, 'POST', '/with', request);
  assert.deepEqual([status, json, pool.asked], [200, answer, [[request, process.pid]]]);
});

for (const [body, error] of [
  [{}, 'one of slots, class and weight must be given'],
  [{ slots: 0 }, 'slots must be a whole number from 1 to 4096'],
  [{ class: 'fast' }, 'class must be "interactive", "normal" or "background"'],
  [{ weight: 0 }, 'weight must be a number from 0.01 to 1000'],
  [{ weight: 1, label: 3 }, 'label must be a string of at most 4096 characters'],
] as const) {
  test(`lending ${JSON.stringify(body)} is refused`, async (t) => {
    const { path, pool } = await served(t);
    const answer = await ask(path, 'POST', '/with', { label: 'make', ...body });
    assert.deepEqual([answer.status, answer.json, pool.asked], [400, { error }, []]);
  });
}

/** Does PUT /capacity as user 65534 with `groups`; the status and the error of the answer. */
function putAsNobody(path: string, groups: number[]): Promise<[number, string | undefined]> {
  const source = `process.setgroups(${JSON.stringify(groups)}); process.setgid(65533); process.setuid(65534);
    const options = { socketPath: process.argv[1], method: 'PUT', path: '/capacity', agent: false };
    require('node:http').request(options, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      console.log(JSON.stringify([response.statusCode, JSON.parse(text).error]));
    }).end('{"slots":2}')`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', source, path], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('close', () => (said === '' ? reject(new Error('it said nothing')) : resolve(JSON.parse(said))));
  });
}

const needsRoot = process.getuid?.() !== 0 && 'needs root';

test('a stranger may not change the capacity, a member of the group may', { skip: needsRoot }, async (t) => {
  const { path, pool } = await served(t, 70_000);
  assert.deepEqual(await putAsNobody(path, [70_001]), [
    403,
    'user 65534 may not change the pool: that is for root and members of group 70000',
  ]);
  assert.deepEqual(pool.asked, []);
  assert.deepEqual((await putAsNobody(path, [70_001, 70_000]))[0], 200);
  assert.deepEqual(pool.asked, [[{ jobs: 2 }, false]]);
});

test('without a group only root and the user of the daemon may change the capacity', { skip: needsRoot }, async (t) => {
  const { path, pool } = await served(t);
  assert.deepEqual(await putAsNobody(path, [0]), [403, 'user 65534 may not change the pool: that is for root']);
  assert.equal((await ask(path, 'PUT', '/capacity', { slots: 3 })).status, 200);
  assert.deepEqual(pool.asked, [[{ jobs: 3 }, false]]);
});

test('who may change the pool: root, the own user, and members of the group by either kind of membership', () => {
  const own = process.getuid?.() as number;
  const peer = { pid: 1, uid: own + 1, gid: 100, groups: [200, 300] };
  assert.equal(mayChange({ ...peer, uid: 0 }), true);
  assert.equal(mayChange({ ...peer, uid: own }), true);
  assert.equal(mayChange(peer), false);
  assert.equal(mayChange(peer, 100), true);
  assert.equal(mayChange(peer, 300), true);
  assert.equal(mayChange(peer, 400), false);
  assert.equal(mayChange({ ...peer, groups: [] }, 0), false);
});

test('events are told as docs/api.md shows, and no longer when the reader has gone', async (t) => {
  const { path, pool } = await served(t);
  const shown = [...section('GET /events').matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(
    ([, event, data]): [string, PoolEvent] => [event as string, JSON.parse(data as string)],
  );
  assert.deepEqual(shown.map(([event]) => event).sort(), ['capacity', 'ended', 'opened', 'started']);
  const reader = follow(path, '/events');
  await until('it reads', () => pool.listeners.size === 1);
  for (const [, event] of shown) for (const listener of pool.listeners) listener(event);
  await until('they come', () => reader.events().length === shown.length);
  assert.deepEqual(reader.events(), shown);
  reader.socket.destroy();
  await until('nobody listens', () => pool.listeners.size === 0);
});
