// `stint serve` and the daemon that `stint run` starts: one per user, from a clean start to every kind of end.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Place, type Pool, STINT, type Started, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const root = process.getuid?.() === 0;
const needsRoot = !root && 'needs root';

for (const [args, said] of [
  [['--idle-exit', '5'], /--idle-exit needs --user/],
  [['--mount', 'here'], /--mount must be an absolute path/],
  [['--user', '--config', 'x'], /--config does not go with --user/],
  [['--user', '--jobs', '0'], /--jobs must be a whole number from 1 to 4096, not '0'/],
  [['--user', '--jobs', '-1'], /--jobs/],
  [['--user', '--jobs', '4097'], /from 1 to 4096, not '4097'/],
  [['--user', '--jobs', '1e3'], /not '1e3'/],
  [['--user', '--idle-exit', '0'], /--idle-exit must be a whole number from 1/],
  [['--user', 'now'], /unexpected argument now/],
] as const) {
  test(`stint serve ${args.join(' ')} is refused`, async (t) => {
    const { code, stderr } = await new Place(t).stint(['serve', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, said);
  });
}

test('a second daemon ends with 4, and the first does not notice', async (t) => {
  const pool = await startPool(t, 2);
  const { code, stderr } = await pool.stint(['serve', '--user']);
  assert.equal(code, 4);
  assert.match(stderr, /^stint: another daemon serves \S+\nhint: see it with: stint status\n$/);
  await pool.stop();
});

test('the lock file names the daemon as long as it serves', async (t) => {
  const pool = await startPool(t, 1);
  const lock = () => readFileSync(join(pool.dir, 'lock'), 'utf8');
  assert.equal(lock(), `${pool.daemon.pid}\n`);
  await pool.stop();
  assert.equal(lock(), '', 'its pid may soon be that of another process');
});

test('the pool has as many slots as the process may use processors', async (t) => {
  const place = new Place(t);
  const daemon = place.spawn('taskset', ['-c', '0', STINT, 'serve', '--user']);
  await until('it serves', () => daemon.output.stdout !== '');
  assert.equal((await place.status()).capacity, 1);
  daemon.kill('SIGTERM');
  await daemon.ended;
});

test('what a dead daemon left is replaced: its socket, a plain file in its place, FIFOs of builds that are over', async (t) => {
  const place = new Place(t);
  assert.equal((await place.run(['--jobs', '2', '--', 'true'])).code, 0);
  const build = place.spawnRun(['--', 'sleep', '1000']);
  await place.untilStatus(({ builds }) => builds[0]?.state === 'running');
  await place.endDaemon('SIGKILL');
  build.killAll('SIGKILL');
  await build.ended;
  assert.equal(place.fifos().length, 1);
  assert.equal((await place.run(['--jobs', '2', '--', 'true'])).code, 0);
  await place.untilIdle();
  assert.deepEqual(place.fifos(), []);
  await place.endDaemon();
  writeFileSync(place.socket, 'plain');
  assert.equal((await place.run(['--', 'true'])).code, 0);
  await place.finish();
});

test('a daemon that is killed leaves its builds running', async (t) => {
  const place = new Place(t);
  writeFileSync(join(place.folder, 'm.mk'), 'all: a b c d\na b c d:\n\t@sleep 0.2\n');
  const build = place.spawnRun(['--jobs', '2', '--', 'make', '-f', 'm.mk']);
  await place.untilStatus(({ builds }) => (builds[0]?.held ?? 0) > 0);
  await place.endDaemon('SIGKILL');
  assert.equal((await build.ended).code, 0);
});

test('SIGTERM ends the daemon at once, its builds finish, and the next run starts another', async (t) => {
  const place = new Place(t);
  writeFileSync(join(place.folder, 'm.mk'), 'all: a b c d\na b c d:\n\t@sleep 0.2\n');
  const build = place.spawnRun(['--jobs', '2', '--', 'make', '-f', 'm.mk']);
  await place.untilStatus(({ builds }) => (builds[0]?.held ?? 0) > 0);
  const first = place.daemonPid();
  await place.endDaemon();
  assert.equal((await place.run(['--', 'true'])).code, 0);
  assert.notEqual(place.daemonPid(), first);
  assert.equal((await build.ended).code, 0);
});

test('whoever waits when the daemon leaves gets its slot from the next one', async (t) => {
  const place = new Place(t);
  const holders: Started[] = [];
  for (const count of [1, 2]) {
    holders.push(place.spawnRun(['--jobs', '1', '--', 'sleep', '1000'])); // one of them by a first slot beyond the pool
    await place.untilStatus(({ builds }) => builds.filter(({ state }) => state === 'running').length === count);
  }
  const waiting = place.spawnRun(['--', 'echo', 'done']);
  await place.untilStatus(({ builds }) => builds[2]?.state === 'starting');
  await place.endDaemon();
  const { code, stdout } = await waiting.ended;
  assert.deepEqual([code, stdout], [0, 'done\n']);
  for (const holder of holders) holder.killAll('SIGKILL');
});

for (const [signal, number] of [
  ['SIGKILL', 9],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  test(`a run that waits for its first slot and gets ${signal} leaves the queue`, async (t) => {
    const pool = await startPool(t, 1);
    const holder = pool.spawnRun(['--', 'sleep', '1000']);
    await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
    const waiting = pool.spawnRun(['--', 'true']);
    await pool.untilStatus(({ builds }) => builds.length === 2);
    waiting.kill(signal);
    assert.equal((await waiting.ended).code, 128 + number);
    await pool.untilStatus(({ builds }) => builds.length === 1);
    holder.killAll('SIGKILL');
    await pool.stop();
  });
}

test('two runs at once without a daemon start one, 10 times', async (t) => {
  for (let round = 0; round < 10; round++) {
    const place = new Place(t);
    const results = await Promise.all([0, 1, 2].map(() => place.run(['--jobs', '2', '--', 'sleep', '0.1'])));
    for (const { code, stderr } of results) assert.deepEqual([code, stderr], [0, '']);
    const { daemon } = await place.untilIdle();
    assert.equal(daemon.pid, place.daemonPid());
    const complaints = place.log().replace(/^stint: another daemon serves .*\nhint: .*\n/gm, '');
    assert.equal(complaints, '', 'whoever came too late said so and left');
    await place.endDaemon();
  }
});

test('a daemon leaves when it was idle for a while, not while a build runs', async (t) => {
  const place = new Place(t);
  const daemon = place.start(['serve', '--user', '--idle-exit', '1']);
  await until('it serves', () => daemon.output.stdout !== '');
  const started = performance.now();
  const build = await place.run(['--', 'sleep', '1.6']);
  assert.equal(build.code, 0);
  assert.ok(performance.now() - started > 1500);
  assert.equal(daemon.child.exitCode, null, 'a build ran longer than its patience');
  assert.equal((await daemon.ended).code, 0);
  assert.equal(existsSync(place.socket), false);
});

test('a daemon whose directory is gone leaves too', async (t) => {
  const place = new Place(t);
  const daemon = place.start(['serve', '--user', '--idle-exit', '2']);
  await until('it serves', () => daemon.output.stdout !== '');
  for (const name of readdirSync(place.dir)) unlinkSync(join(place.dir, name));
  assert.equal((await daemon.ended).code, 0);
});

const spoilers: [string, RegExp, (place: Place) => void][] = [
  ['a symbolic link', /is a symbolic link/, ({ folder, dir }) => symlinkSync(folder, dir)],
  ['a file', /is not a directory/, ({ dir }) => writeFileSync(dir, '')],
  [
    'open to others',
    /is open to other users \(mode 755\)/,
    ({ dir }) => {
      mkdirSync(dir);
      chmodSync(dir, 0o755);
    },
  ],
  [
    "somebody else's",
    /belongs to user 65534/,
    ({ dir }) => {
      mkdirSync(dir, { mode: 0o700 });
      chownSync(dir, 65534, 65534);
    },
  ],
];
for (const [what, said, spoil] of spoilers) {
  test(`a runtime directory that is ${what} is refused by every verb`, {
    skip: /else/.test(what) && needsRoot,
  }, async (t) => {
    const place = new Place(t);
    spoil(place);
    for (const [args, expected] of [
      [['run', '--', 'true'], 125],
      [['status'], 1],
      [['serve', '--user'], 1],
    ] as const) {
      const { code, stderr } = await place.stint(args);
      assert.equal(code, expected);
      assert.match(stderr, said);
      assert.match(stderr, /^stint: will not use \S+: it .*\nhint: remove it, or set XDG_RUNTIME_DIR .*\n$/);
    }
  });
}

/** Answers each connection with `answer` and hangs up. */
async function fakeDaemon(t: TestContext, place: Place, answer: string): Promise<void> {
  mkdirSync(place.dir, { mode: 0o700 });
  const server = createServer((socket) => socket.on('error', () => {}).end(answer)).listen(place.socket);
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
}

test('somebody else at the socket is told apart', async (t) => {
  const place = new Place(t);
  await fakeDaemon(t, place, '220 mail.example ESMTP\r\n');
  const { code, stderr } = await place.run(['--', 'true']);
  assert.equal(code, 125);
  assert.match(stderr, /^stint: whoever listens on \S+ is not a stint daemon\nhint: .*\n$/);
});

test('a daemon of another version is named together with ours', async (t) => {
  const place = new Place(t);
  await fakeDaemon(t, place, 'HTTP/1.1 201 Created\r\nstint-api: 99\r\nstint-version: 9.9.9\r\n\r\n{}');
  for (const [args, expected] of [
    [['run', '--', 'true'], 125],
    [['status'], 1],
  ] as const) {
    const { code, stderr } = await place.stint(args);
    assert.equal(code, expected);
    assert.match(
      stderr,
      /^stint: the daemon at \S+ is stint 9\.9\.9 \(API 99\), this is stint \d+\.\d+\.\d+ \(API \d+\)\nhint: .*\n$/,
    );
  }
});

/** Sends `text` over the socket and returns all that comes back. */
function talk(pool: Pool, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(pool.socket, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

test('the API says what is wrong with a request, and lives on', async (t) => {
  const pool = await startPool(t, 1);
  const post = (body: string) =>
    `POST /builds HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  assert.match(
    await talk(pool, 'GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1.1 404 [\s\S]*no such call: GET \/nothing/,
  );
  assert.match(await talk(pool, post('{')), /^HTTP\/1.1 400 [\s\S]*the body is not JSON/);
  assert.match(await talk(pool, post('[]')), /^HTTP\/1.1 400 [\s\S]*the body must be a JSON object/);
  assert.match(await talk(pool, post('{}')), /^HTTP\/1.1 400 [\s\S]*label must be a string/);
  assert.match(
    await talk(pool, post('{"label":"x","cwd":"/","implicit":2}')),
    /^HTTP\/1.1 400 [\s\S]*implicit must be 0 or 1/,
  );
  assert.match(await talk(pool, post(' '.repeat(70_000))), /^HTTP\/1.1 413 /);
  assert.match(await talk(pool, 'EHLO stint\r\n\r\n'), /^HTTP\/1.1 400 /);
  const half = connect(pool.socket);
  await new Promise((resolve) =>
    half.write('POST /builds HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"la', resolve),
  );
  half.destroy();
  await pool.stop();
});

test('the log of a daemon that could not start is told', async (t) => {
  const place = new Place(t);
  mkdirSync(place.dir, { mode: 0o700 });
  mkdirSync(place.socket); // cannot be replaced, cannot be listened on
  const { code, stderr } = await place.run(['--', 'true']);
  assert.equal(code, 125);
  assert.match(stderr, /^stint: the daemon did not start: cannot listen on \S+: .*\nhint: its log is \S+\n$/m);
  assert.equal(readFileSync(join(place.dir, 'daemon.log'), 'utf8').includes('cannot listen'), true);
});
