// `stint top` on a real terminal, with a real daemon: what it shows, what its keys do, and that it leaves the terminal as it was.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { serveApi } from '../../src/api/server.ts';
import { play, noTerminal as skip } from '../helpers/full-screen.ts';
import { Place, type Pool, STINT, type Started, startPool } from '../helpers/pool.ts';

const TOP = [STINT, 'top', '--interval', '0.2'];
const quit = { type: 'q' };

/** A build that does nothing. */
async function opened(pool: Pool, label: string): Promise<Started> {
  const build = pool.spawnRun(['--label', label, '--', 'sleep', '1000'], { deadline: 200_000 });
  await pool.untilStatus(({ builds }) => builds.some((one) => one.label === label && one.state === 'running'));
  return build;
}

test('it shows the pool and its builds as they come and go', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  const run = `${STINT} run --label 'a build' sleep 1000 >/dev/null 2>&1 & echo $! >${pool.folder}/pid`;
  const seen = await play(pool, TOP, [
    {
      see: `a user's pool +0 builds[^]*0 held +· 4 free +of 4[^]*nothing limits the pool[^]*no builds[^]*q quit`.replaceAll(
        '[^]',
        '[\\s\\S]',
      ),
    },
    { shell: run },
    { see: '1 build [\\s\\S]*1▓+░+\\n█ 0 held  ▓ 1 implicit[\\s\\S]*▶ +1 \\w+ +norm +1 +- +4.0 +\\d+s .*█ a build' },
    { shell: `kill $(cat ${pool.folder}/pid)` },
    { see: '0 builds' },
    quit,
  ]);
  assert.deepEqual([seen.code, seen.full, seen.restored], [0, true, true]);
  await pool.stop();
});

test('keys sort, filter, expand and explain', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  for (const label of ['alpha', 'beta', 'gamma']) await opened(pool, label);
  const seen = await play(pool, TOP, [
    { see: 'gamma' },
    { type: 'j' },
    { see: '▶ +2 ' },
    { type: '\x1b[A' },
    { see: '▶ +1 ' },
    { type: '\r' },
    { see: 'processes cannot be told apart' },
    { type: '/' },
    { see: 'only builds with: _' },
    { type: 'bet' },
    { see: 'LABEL\\n▶ .* beta\\n\\s*\\n[\\s\\S]*with: bet_' },
    { type: '\r' },
    { see: "only 'bet'" },
    { type: '\x1b' },
    { see: 'gamma' },
    { type: '?' },
    { see: 'Ctrl-L +draw the screen anew' },
    { type: 'x' },
    { see: 'LABEL' },
    { type: 's' },
    { see: '▼SLOTS[\\s\\S]*sorted by slots' },
    { type: 'S' },
    { see: '▲SLOTS' },
    quit,
  ]);
  assert.deepEqual([seen.code, seen.restored], [0, true]);
  for (const build of (await pool.status()).builds) process.kill(build.rootPid, 'SIGKILL');
  await pool.stop();
});

test('keys change a build', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  const build = await opened(pool, 'alpha');
  const seen = await play(pool, TOP, [
    { see: 'alpha' },
    { type: 'c' },
    { see: 'class of build 1, now normal' },
    { type: 'b' },
    { see: 'build 1 is background now, with weight 1' },
    { type: 'w' },
    { see: 'weight of build 1, 0.01 to 1000, now 1: _' },
    { type: '0\r' },
    { see: "a weight is a number from 0.01 to 1000, not '0'" },
    { type: 'w2.5\r' },
    { see: 'build 1 is background now, with weight 2.5' },
    { type: 'r' },
    { see: 'build 1 has lost no slots' },
    { type: '\x03' },
  ]);
  assert.deepEqual([seen.code, seen.restored], [0, true]);
  const [changed] = (await pool.status()).builds;
  assert.deepEqual([changed?.class, changed?.weight], ['background', 2.5]);
  build.kill('SIGKILL');
  await pool.stop();
});

test('what was lost is taken back after a question', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  const lost =
    '(read -n 1 a; >taken; exec sleep 1000) <"$STINT_FIFO" & until [ -e taken ]; do sleep 0.1; done; kill -9 $!';
  const build = pool.spawnRun(['--style', 'fifo', '--', 'bash', '-c', `${lost}; exec sleep 1000`], {
    deadline: 200_000,
  });
  await pool.untilStatus(({ builds }) => (builds[0]?.stranded ?? 0) === 1, 40_000);
  const seen = await play(pool, TOP, [
    { see: '1 held by nobody' },
    { type: 'r' },
    { see: 'take back what nobody can return of build 1: 1 slot \\(y/n\\)' },
    { type: 'n' },
    { see: 'r reclaim' },
    { type: 'ry' },
    { see: 'build 1: 1 slot taken back' },
    quit,
  ]);
  assert.equal(seen.code, 0);
  const { builds, free } = await pool.status();
  assert.deepEqual([builds[0]?.held, builds[0]?.stranded, free], [0, 0, 3]);
  build.killAll('SIGKILL');
  await pool.stop();
});

test('it fits the terminal, also when that changes', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  const { code, screens } = await play(pool, TOP, [
    { see: 'q quit .*r reclaim$' },
    { size: [40, 10] },
    { see: '^([^\\n]*\\n){9}q quit  \\? help  enter processes  s sort$' },
    { size: [120, 30] },
    { see: '^([^\\n]*\\n){29}q quit .*r reclaim$' },
    quit,
  ]);
  assert.equal(code, 0);
  assert.deepEqual(
    screens.map((screen) => screen.split('\n').length),
    [24, 10, 30],
  );
  await pool.stop();
});

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
] as const) {
  test(`${signal} ends it, with the terminal as it was`, { skip }, async (t) => {
    const seen = await play(new Place(t), TOP, [{ see: 'no daemon is running' }, { signal }]);
    assert.deepEqual([seen.code, seen.full, seen.restored], [code, true, true]);
  });
}

test('it ends when the terminal hangs up', { skip }, async (t) => {
  const seen = await play(new Place(t), TOP, [{ see: 'no daemon is running' }, { hangUp: true }]);
  assert.equal(seen.code, 129);
});

test('it can be stopped and put back into the foreground', { skip }, async (t) => {
  const shell = ['bash', '--norc', '--noprofile', '-i'];
  const place = new Place(t);
  const seen = await play(place, shell, [
    { type: ` PS1='rea''dy> '; ${TOP.join(' ')}\n` },
    { see: 'no daemon is running' },
    { type: '\x1a' },
    { see: 'Stopped[\\s\\S]*ready>\\s*$' },
    { type: 'stty -a | grep -ow -e -icanon -e icanon -e -echo -e echo | paste -s -d=\n' },
    { see: 'icanon=echo\n' },
    { type: 'fg\n' },
    { see: '^stint [\\s\\S]*no daemon is running[\\s\\S]*q quit' },
    quit,
    { see: 'ready>\\s*$' },
    { type: 'echo "code $?"\n' },
    { see: 'code 0\n' },
    { type: 'exit\n' },
  ]);
  assert.deepEqual([seen.code, seen.restored], [0, true]);
});

test('when it was stopped without being asked it takes the terminal again', { skip }, async (t) => {
  const place = new Place(t);
  const shell = ['bash', '--norc', '--noprofile', '-i'];
  const seen = await play(place, shell, [
    { type: ` PS1='rea''dy> '; ${TOP.join(' ')}\n` },
    { see: 'no daemon is running' },
    { signal: 'SIGSTOP' },
    { see: 'Stopped' },
    { type: 'fg\n' },
    { see: '^(?![\\s\\S]*Stopped)stint [\\s\\S]*q quit' },
    quit,
    { see: '^(?!stint)[\\s\\S]*ready>\\s*$' },
    { type: 'exit\n' },
  ]);
  assert.deepEqual([seen.code, seen.restored], [0, true]);
});

test('it survives its daemon, and shows the next one', { skip }, async (t) => {
  const place = new Place(t);
  const serve = `${STINT} serve --user --jobs 3 >${place.folder}/log 2>&1 & echo $! >${place.folder}/pid`;
  const end = `kill $(cat ${place.folder}/pid)`;
  const { code, restored } = await play(place, TOP, [
    { see: 'no daemon is running for' },
    { shell: serve },
    { see: 'of 3' },
    { shell: `${end}; while kill -0 $(cat ${place.folder}/pid) 2>/dev/null; do sleep 0.1; done` },
    { see: '^stint +no daemon is running for[\\s\\S]*of 3' },
    { shell: serve.replace('--jobs 3', '--jobs 5') },
    { see: 'of 5' },
    { shell: end },
    quit,
  ]);
  assert.deepEqual([code, restored], [0, true]);
});

test('a terminal that takes nothing for a while does not stop it, and is then shown the present', {
  skip,
}, async (t) => {
  const pool = await startPool(t, 4);
  const resize: { size: [number, number] }[] = [];
  for (let n = 0; n < 40; n++) resize.push({ size: [200, 60 + (n % 2)] });
  const { code, restored } = await play(pool, TOP, [
    { see: 'of 4' },
    ...resize.flatMap((size) => [size, { type: '\x0c' }]),
    { deaf: 3 },
    { size: [100, 20] },
    { see: 'r reclaim$' },
    { signal: 'SIGTERM' },
  ]);
  assert.deepEqual([code, restored], [143, true]);
  await pool.stop();
});

test('a frame in which little changes is small', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  const builds = [];
  for (const label of ['alpha', 'beta', 'gamma']) builds.push(await opened(pool, label));
  const { bytes } = await play(pool, TOP, [
    { see: 'gamma' },
    { type: 'j' },
    { see: '▶ +2 ' },
    { type: 'j' },
    { see: '▶ +3 ' },
    { type: 'k' },
    { see: '▶ +2 ' },
    quit,
  ]);
  const [first = 0, ...others] = bytes;
  t.diagnostic(`bytes of the first frame ${first}, of others ${others.join(', ')}`);
  assert.ok(Math.max(...others) < first, `${bytes}`);
  for (const build of builds) build.kill('SIGKILL');
  await pool.stop();
});

test('without colours it writes no colours, and on a terminal that only prints no positions', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  const steps = [{ see: '0 held' }, quit] as const;
  const plain = await play(pool, TOP, steps, { NO_COLOR: '1' });
  assert.deepEqual(plain.text.includes('\x1b[0;'), false);
  const dumb = await play(pool, TOP, steps, { TERM: 'dumb', LC_ALL: 'C' });
  assert.match(dumb.text, /^stint {2}a user's pool/);
  assert.ok(!dumb.text.includes('\x1b'), dumb.text);
  await pool.stop();
});

test('where there is no terminal it says what to use', async (t) => {
  const { code, stderr } = await new Place(t).stint(['top']);
  assert.deepEqual([code, stderr.split('\n')[0]], [1, 'stint: standard input is no terminal']);
  const wrong = await new Place(t).stint(['top', '--interval', '0']);
  assert.deepEqual([wrong.code, wrong.stderr], [2, "stint: --interval must be a number from 0.1 to 60, not '0'\n"]);
});

test('an error of its own is shown when the terminal is as it was', { skip }, async (t) => {
  const place = new Place(t);
  mkdirSync(place.dir, { mode: 0o700 });
  const server = await serveApi(place.socket, '0.1.0', [{ method: 'GET', path: '/status', answer: () => ({}) }]);
  t.after(() => server.close());
  const { code, screen, full, restored } = await play(place, TOP, []);
  assert.deepEqual([code, full, restored], [1, true, true]);
  assert.match(screen, /^stint: internal error: TypeError/m);
});

test('an answer that never comes is given up when it is left', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  pool.daemon.kill('SIGSTOP');
  const begun = performance.now();
  const { code, restored } = await play(pool, TOP, [{ idle: 0.5 }, quit]);
  assert.deepEqual([code, restored], [0, true]);
  assert.ok(performance.now() - begun > 500);
  pool.daemon.kill('SIGCONT');
  await pool.stop();
});
