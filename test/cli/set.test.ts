// `stint set` and `stint get`: what counts in a pool, who said so, and what is kept of it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KEYS } from '../../src/process/config/keys.ts';
import { ask } from '../helpers/api.ts';
import { Place, type Started, startPool, untilServes } from '../helpers/pool.ts';

/** A place whose daemon is started and ended as a test likes. */
class Again extends Place {
  readonly file: string;
  daemon: Started | undefined;

  constructor(t: TestContext) {
    super(t);
    this.file = join(this.folder, 'stint', 'settings.json'); // XDG_STATE_HOME is the folder, as XDG_RUNTIME_DIR
  }

  async serve(args: readonly string[] = []): Promise<Started> {
    this.daemon = this.start(['serve', '--user', ...args]);
    await untilServes(this.daemon);
    return this.daemon;
  }

  async end(): Promise<string> {
    const daemon = this.daemon as Started;
    daemon.kill('SIGTERM');
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0);
    return stderr;
  }

  async get(key: string): Promise<string> {
    return (await this.stint(['get', key])).stdout.trim();
  }
}

test('what is set counts at once and for the next daemon, until it is unset', async (t) => {
  const place = new Again(t);
  await place.serve();
  const usual = await place.get('jobs');
  const { code, stdout, stderr } = await place.stint([
    'set',
    'jobs=3',
    'share.class=background',
    'limits.min_memory=64MiB',
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    /^jobs = 3 +\(set\)\nshare\.class = "background" +\(set\)\nlimits\.min_memory = "64MiB" +\(set\)\n$/,
  );
  assert.equal((await place.status()).capacity, 3);
  const build = place.spawnRun(['sleep', '1000']);
  assert.equal((await place.untilStatus(({ builds }) => builds.length === 1)).builds[0]?.class, 'background');
  await place.stint(['set', 'share.class=interactive']);
  await place.untilStatus(({ builds }) => builds[0]?.class === 'interactive');
  build.kill('SIGKILL');
  assert.equal(await place.end(), '');
  assert.deepEqual(JSON.parse(readFileSync(place.file, 'utf8')), {
    settings: { jobs: 3, 'share.class': 'interactive', 'limits.min_memory': '64MiB' },
  });

  await place.serve();
  assert.equal((await place.status()).capacity, 3);
  assert.equal(await place.get('share.class'), 'interactive');
  const unset = await place.stint(['set', '--unset', 'jobs', 'share.class', 'limits.min_memory']);
  assert.match(unset.stdout, /^jobs = \d+ +\(default\)\n/);
  assert.equal(await place.get('jobs'), usual);
  assert.equal(await place.end(), '');
});

test('how the pool is shared, and what the machine has to bear, follow what is set', async (t) => {
  const pool = await startPool(t, 1);
  const first = pool.spawnRun(['sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const second = pool.spawnRun(['sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[1]?.state === 'starting');
  await pool.stint(['set', 'share.first_slot=overcommit']);
  await pool.untilStatus(({ builds }) => builds[1]?.state === 'running');

  await pool.stint(['set', 'jobs=8', 'limits.min_memory=99%', 'limits.min_slots=2']);
  const { limits } = await pool.untilStatus(({ limit }) => limit === 2);
  assert.equal(limits[0]?.name, 'memory');
  await pool.stint(['set', '--unset', 'limits.min_memory', 'limits.min_slots']);
  await pool.untilStatus(({ limit }) => limit > 2);
  for (const run of [first, second]) run.kill('SIGKILL');
  await pool.stop();
});

test('the command line goes before what was set earlier, and what is set later before the command line', async (t) => {
  const place = new Again(t);
  await place.serve();
  await place.stint(['set', 'jobs=3', 'share.first_slot=overcommit']);
  await place.end();
  const daemon = await place.serve(['--jobs', '5', '--strict']);
  assert.match(daemon.output.stdout, /^stint: 5 slots /);
  const { stdout } = await place.stint(['get']);
  assert.match(stdout, /^jobs = 5 +\(option\)\nshare\.first_slot = "wait" +\(option\)\n/);
  assert.match((await place.stint(['set', 'jobs=4'])).stdout, /^jobs = 4 +\(set\)\n$/);
  assert.equal((await place.status()).capacity, 4);
  assert.match((await place.stint(['set', '--unset', 'jobs'])).stdout, /^jobs = 5 +\(option\)\n$/);
  assert.equal(await place.end(), '');
});

test('PUT /capacity counts until the daemon ends', async (t) => {
  const place = new Again(t);
  await place.serve(['--jobs', '2']);
  assert.equal((await ask(place.socket, 'PUT', '/capacity', { slots: 6 })).status, 200);
  assert.equal((await place.status()).capacity, 6);
  assert.equal(existsSync(place.file), false);
  await place.end();
});

test('get has every key, in the words of the configuration, and as JSON', async (t) => {
  const pool = await startPool(t, 4);
  const { stdout } = await pool.stint(['get']);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    Object.keys(KEYS),
  );
  assert.match(stdout, /^share\.user_max = - +\(default\)$/m);
  const json = JSON.parse((await pool.stint(['get', '--json'])).stdout);
  assert.deepEqual(json.settings.jobs, { value: 4, from: 'option', allowed: KEYS.jobs?.allowed });
  assert.deepEqual(JSON.parse((await pool.stint(['get', '--json', 'limits.cgroup'])).stdout).value, true);
  assert.equal((await pool.stint(['get', 'share.user_max'])).stdout, '-\n');
  const wrong = await pool.stint(['get', 'share.clas']);
  assert.deepEqual(
    [wrong.code, wrong.stderr],
    [2, 'stint: get: unknown key share.clas\nhint: did you mean share.class?\n'],
  );
  await pool.stop();
});

for (const [args, code, said] of [
  [[], 2, /^set: no key given\nhint: /],
  [['jobs'], 2, /^set: jobs is not of the form KEY=VALUE\nhint: /],
  [['jobs=0'], 2, /^jobs is 0; it must be a whole number from 1 to 4096\n$/],
  [['jobs=many'], 2, /^jobs is "many"; it must be a whole number from 1 to 4096\n$/],
  [['share.class=fast'], 2, /^share\.class is "fast"; it must be "interactive", "normal" or "background"\n$/],
  [['limits.min_memory=5GB'], 2, /^limits\.min_memory is "5GB"; it must be bytes like "1GiB".*\n$/],
  [['limits.min_slots=5'], 2, /^limits\.min_slots is 5; it must be at most jobs, which is 4\n$/],
  [['jobs=8', 'limits.min_slots=9'], 2, /^limits\.min_slots is 9; it must be at most jobs, which is 8\n$/],
  [['share.clas=normal'], 2, /^unknown key share\.clas; there are jobs, .*; did you mean share\.class\?\n$/],
  [['--unset', 'colour'], 2, /^unknown key colour; there are jobs, /],
  [['mount=/x'], 2, /^unknown key mount; there are jobs, /],
] as const) {
  test(`stint set ${args.join(' ')} is refused, and nothing is changed`, async (t) => {
    const pool = await startPool(t, 4);
    const before = (await ask(pool.socket, 'GET', '/settings')).json;
    const result = await pool.stint(['set', ...args]);
    assert.deepEqual([result.code, result.stdout], [code, '']);
    assert.match(result.stderr.replace(/^stint: /, ''), said);
    assert.deepEqual((await ask(pool.socket, 'GET', '/settings')).json, before);
    await pool.stop();
  });
}

test('whatever is sent as a value is taken, or refused by its key', async (t) => {
  const pool = await startPool(t, 4);
  const odd = [
    true,
    '',
    '\u0000',
    -1,
    1.5,
    1e300,
    [1],
    [],
    {},
    { toString: 1, valueOf: 1 },
    JSON.parse('{"__proto__":1}'),
  ];
  for (const key of [...Object.keys(KEYS), '__proto__', 'toString']) {
    for (const value of odd) {
      const body = `{${JSON.stringify(key)}:${JSON.stringify(value)}}`;
      const { status, json } = await ask(pool.socket, 'PUT', '/settings', body);
      if (status === 200) assert.equal(KEYS[key]?.fits(value), true, `${key} = ${value}`);
      else assert.ok(status === 400 && json.error.includes(key), `${key}: ${status} ${json.error}`);
    }
    if (Object.hasOwn(KEYS, key)) await ask(pool.socket, 'PUT', '/settings', { [key]: null });
  }
  assert.equal((await ask(pool.socket, 'PUT', '/settings', [])).status, 400);
  await pool.stop();
});

test('of two keys of which one is wrong neither is set', async (t) => {
  const pool = await startPool(t, 4);
  assert.equal((await pool.stint(['set', 'jobs=2', 'limits.ramp=0'])).code, 2);
  assert.equal((await pool.status()).capacity, 4);
  await pool.stop();
});

for (const [what, text, said] of [
  [
    'is no JSON',
    '{"settings":',
    /^stint: what \S+settings\.json holds is not what was written there: nothing counts as set\n$/,
  ],
  [
    'is something else',
    '[]',
    /^stint: what \S+settings\.json holds is not what was written there: nothing counts as set\n$/,
  ],
  [
    'holds a bad value',
    '{"settings":{"jobs":0,"colour":1,"share.class":"background"}}',
    /^stint: \S+settings\.json: jobs is 0; .*; it does not count\n$/,
  ],
] as const) {
  test(`a file of settings that ${what} is one note, and no reason not to serve`, async (t) => {
    const place = new Again(t);
    mkdirSync(join(place.folder, 'stint'), { mode: 0o700 });
    writeFileSync(place.file, text);
    await place.serve(['--jobs', '2']);
    assert.equal(await place.get('share.class'), what === 'holds a bad value' ? 'background' : 'normal');
    assert.match(await place.end(), said);
  });
}

test('what cannot be kept is not changed', async (t) => {
  const place = new Again(t);
  writeFileSync(join(place.folder, 'file'), '');
  place.daemon = place.start(['serve', '--user', '--jobs', '2'], {
    env: { XDG_STATE_HOME: join(place.folder, 'file') },
  });
  await untilServes(place.daemon);
  const { code, stderr } = await place.stint(['set', 'jobs=3']);
  assert.equal(code, 1);
  assert.match(stderr, /^stint: cannot write \S+\/settings\.json: .*; nothing was changed\n$/);
  assert.equal((await place.status()).capacity, 2);
  place.daemon.kill('SIGTERM');
  await place.daemon.ended;
});

test('without a daemon both end with 3', async (t) => {
  const place = new Place(t);
  for (const args of [['get'], ['set', 'jobs=1']]) {
    const { code, stderr } = await place.stint(args);
    assert.equal(code, 3);
    assert.match(stderr, /^stint: no daemon is running for \S+\nhint: /);
  }
});
