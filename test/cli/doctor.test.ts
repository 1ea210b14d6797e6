// `stint doctor`: mistakes that are planted in the pool of a user and in the environment, each of which it must find, and
// nothing else; and what it must take for healthy.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { VERSION } from '../../src/version.ts';
import { type Examination, examine, goodPath, orphan, pathWith, sleeper } from '../helpers/doctor.ts';
import { Place, type Pool, STINT, startPool } from '../helpers/pool.ts';
import { missing, tool } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = missing('make44', 'ninja', 'ctest');
const JOBSERVER = '--jobserver-auth=fifo:';
const UNDER_RUN = [STINT, 'run', '--style', 'fifo', '--'];

interface Mistake extends Omit<Examination, 'env'> {
  name: string;
  finds: string[];
  /** Built when the pool is there. */
  env?: (pool: Pool) => Record<string, string>;
}

const MISTAKES: Mistake[] = [
  { name: 'a -jN in MAKEFLAGS', env: () => ({ MAKEFLAGS: '-j8' }), finds: ['stray-jobs'] },
  { name: 'a -j without a number among letters', env: () => ({ MAKEFLAGS: 'kj' }), finds: ['stray-jobs'] },
  { name: 'a -jN in GNUMAKEFLAGS', env: () => ({ GNUMAKEFLAGS: '--jobs=8' }), finds: ['stray-jobs'] },
  { name: 'a -jN in MAKEOPTS', env: () => ({ MAKEOPTS: '-j8 -l8' }), finds: ['stray-jobs'] },
  { name: 'a -jN in NINJAOPTS', env: () => ({ NINJAOPTS: '-v -j 8' }), finds: ['stray-jobs'] },
  {
    name: 'a -jN in NINJAOPTS inside stint run',
    through: [...UNDER_RUN, 'env', 'NINJAOPTS=-j8'],
    finds: ['stray-jobs'],
  },
  { name: 'a number for cmake --build', env: () => ({ CMAKE_BUILD_PARALLEL_LEVEL: '8' }), finds: ['stray-jobs'] },
  { name: 'a number for cargo and no jobserver', env: () => ({ CARGO_BUILD_JOBS: '8' }), finds: ['cargo-jobs'] },
  {
    name: 'an empty CARGO_MAKEFLAGS before a good MAKEFLAGS',
    through: [...UNDER_RUN, 'env', 'CARGO_MAKEFLAGS='],
    finds: ['cargo-makeflags'],
  },
  {
    name: 'a jobserver in GNUMAKEFLAGS alone',
    through: [
      ...UNDER_RUN,
      'sh',
      '-c',
      'GNUMAKEFLAGS=$MAKEFLAGS; export GNUMAKEFLAGS; unset MAKEFLAGS; exec "$@"',
      'sh',
    ],
    finds: ['gnumakeflags-only'],
  },
  {
    name: 'a path without fifo:',
    env: ({ folder }) => ({ MAKEFLAGS: ` -j8 --jobserver-auth=${folder}/fifo` }),
    finds: ['jobserver-malformed', 'stray-jobs'],
  },
  {
    name: 'a path that leads nowhere',
    env: ({ folder }) => ({ MAKEFLAGS: ` -j8 ${JOBSERVER}${folder}/nothing` }),
    finds: ['jobserver-missing'],
  },
  {
    name: 'a FIFO that nobody has open',
    env: ({ folder }) => ({ MAKEFLAGS: ` -j8 ${JOBSERVER}${fifo(`${folder}/dead`)}` }),
    finds: ['jobserver-dead'],
  },
  {
    name: 'a FIFO of a build that is over',
    through: [
      'sh',
      '-c',
      'mkfifo $XDG_RUNTIME_DIR/stint/fifo-1-1; "$@"; code=$?; rm $XDG_RUNTIME_DIR/stint/fifo-1-1; exit $code',
      'sh',
    ],
    env: ({ dir }) => ({ MAKEFLAGS: ` -j8 ${JOBSERVER}${dir}/fifo-1-1` }),
    finds: ['jobserver-dead'],
  },
  {
    name: 'the jobserver of somebody else',
    through: ['sh', '-c', 'mkfifo other; exec 9<>other; MAKEFLAGS=" -j8 $0$PWD/other" "$@"', JOBSERVER],
    finds: ['jobserver-foreign'],
  },
  {
    name: 'a file for a jobserver',
    env: ({ folder }) => ({ MAKEFLAGS: ` -j8 ${JOBSERVER}${folder}/machine.txt` }),
    finds: ['jobserver-foreign'],
  },
  {
    name: 'descriptors that are not open',
    env: () => ({ MAKEFLAGS: ' -j8 --jobserver-auth=50,51' }),
    finds: ['jobserver-descriptors'],
  },
  {
    name: 'descriptors that are no pipe',
    through: ['sh', '-c', 'exec 7</dev/null 8>/dev/null; exec "$@"', 'sh'],
    env: () => ({ MAKEFLAGS: ' -j8 --jobserver-auth=7,8' }),
    finds: ['jobserver-descriptors'],
  },
  {
    name: 'a make before 4.4 and a path',
    through: UNDER_RUN,
    env: (pool) => ({ PATH: pathWith(pool, 'make', 'GNU Make 4.3') }),
    finds: ['make-too-old'],
  },
  {
    name: 'a ninja before 1.13',
    env: (pool) => ({ PATH: pathWith(pool, 'ninja', '1.11.1') }),
    finds: ['ninja-too-old'],
  },
  {
    name: "a -jN in Portage's settings",
    env: (pool) => ({ PORTAGE_CONFIGROOT: portage(pool, 'MAKEOPTS="-j16 -l16"\nNINJAOPTS=-j16 # as many\n') }),
    finds: ['stray-jobs', 'stray-jobs'],
  },
];

test('each mistake in the environment is found, and nothing else', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  writeFileSync(join(pool.folder, 'machine.txt'), '');
  for (const { name, finds, env = () => ({}), ...how } of MISTAKES) {
    await t.test(name, async () => {
      const { report, ids } = await examine(pool, { ...how, env: env(pool) });
      assert.deepEqual(ids, finds, JSON.stringify(report.findings));
    });
  }
  await pool.stop();
});

const HEALTHY: Omit<Mistake, 'finds'>[] = [
  { name: 'a plain shell' },
  { name: 'other options of make', env: () => ({ MAKEFLAGS: 'kw -Otarget --output-sync=line -l8 -- J=-j8' }) },
  { name: 'one job at a time', env: () => ({ MAKEFLAGS: ' -j1', MAKEOPTS: '-j1', NINJAOPTS: '-l8' }) },
  { name: 'stint run with a path', through: UNDER_RUN },
  { name: 'stint run with descriptors', through: [STINT, 'run', '--style', 'fds', '--'] },
  { name: 'stint run, and MAKEOPTS for what knows no jobserver', through: [...UNDER_RUN, 'env', 'MAKEOPTS=-j8'] },
  { name: 'a lease, with all that it tells tools', through: [STINT, 'run', '--slots', '2', '--'] },
  { name: "make's word for no jobserver any more", env: () => ({ MAKEFLAGS: ' -j1 --jobserver-auth=-2,-2' }) },
  { name: 'a recipe of a make in the pool', through: [...UNDER_RUN, 'sh', '-c', RECIPE(), 'sh'] },
];

/** Runs its arguments in a recipe. */
function RECIPE(): string {
  return `printf '.NOTPARALLEL:\\nall:\\n\\t@$(COMMAND)\\n' >Makefile; exec make -s COMMAND="$*"`;
}

test('a healthy place is told so', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  for (const { name, env = () => ({}), ...how } of HEALTHY) {
    await t.test(name, async () => {
      const { report } = await examine(pool, { ...how, env: env(pool) });
      assert.deepEqual(report.findings, []);
      assert.deepEqual(
        report.pools.map(({ mode, state }) => `${mode} ${state}`),
        ['system none', 'user serves'],
      );
    });
  }
  await pool.stop();
});

test('a process is looked at by its number, with the environment that it was given', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  const bad = pool.spawn('sleep', ['1000'], { env: { NINJAOPTS: '-j8', PATH: '/usr/bin:/bin' } });
  const waits = pool.spawn('sleep', ['1000'], {
    env: { MAKEFLAGS: ` -j2 ${JOBSERVER}${fifo(join(pool.folder, 'dead'))}`, PATH: goodPath(pool) },
  });
  assert.deepEqual((await examine(pool, { args: [String(waits.pid)] })).ids, ['jobserver-dead']);
  waits.kill('SIGKILL');
  const good = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const found = await examine(pool, { args: [String(bad.pid)] });
  assert.deepEqual(
    found.report.findings.filter(({ id }) => id === 'stray-jobs').map(({ on }) => on),
    [`NINJAOPTS in the environment of process ${bad.pid}`],
  );
  const { report } = await examine(pool, { args: [String(good.pid)], env: { NINJAOPTS: '-j8' } });
  assert.equal(report.pid, good.pid);
  assert.ok(!report.findings.some(({ id }) => id === 'stray-jobs'), 'it is not about the one that asks');
  bad.kill('SIGKILL');
  good.kill('SIGKILL');
  await pool.stop();
});

test('its arguments are checked', async (t) => {
  const place = new Place(t);
  for (const [args, said] of [
    [['0'], "PID must be the number of a process, not '0'"],
    [['make'], "PID must be the number of a process, not 'make'"],
    [['1', '2'], 'unexpected argument 2'],
    [['999999999'], 'there is no process 999999999'],
  ] as const) {
    const { code, stdout, stderr } = await place.stint(['doctor', ...args]);
    assert.deepEqual([code, stdout, stderr], [2, '', `stint: doctor: ${said}\nhint: see: stint doctor --help\n`]);
  }
});

test('no daemon is told', { skip }, async (t) => {
  const { ids } = await examine(new Place(t));
  assert.deepEqual(ids, ['no-daemon']);
});

test('a daemon that was killed is told by the socket that it left', { skip }, async (t) => {
  const pool = await startPool(t, 2);
  pool.daemon.killAll('SIGKILL');
  await pool.daemon.ended;
  assert.deepEqual((await examine(pool)).ids, ['socket-stale']);
});

test('a daemon that is stopped is told', { skip }, async (t) => {
  const pool = await startPool(t, 2);
  pool.daemon.killAll('SIGSTOP');
  assert.deepEqual((await examine(pool)).ids, ['daemon-hangs']);
  pool.daemon.killAll('SIGCONT');
  await pool.stop();
});

test('a directory that is open to others is told', { skip }, async (t) => {
  const place = new Place(t);
  mkdirSync(place.dir);
  chmodSync(place.dir, 0o755);
  const { report, ids } = await examine(place);
  assert.deepEqual(ids, ['daemon-unfit']);
  assert.match(report.findings[0]?.what ?? '', /is open to other users/);
});

for (const { name, api, finds } of [
  { name: 'a daemon of another version', api: '1', finds: 'version-mix' },
  { name: 'a daemon of another API', api: '2', finds: 'daemon-unfit' },
]) {
  test(`${name} is told`, { skip }, async (t) => {
    const place = new Place(t);
    mkdirSync(place.dir, { mode: 0o700 });
    const daemon = { version: '0.0.9', pid: 1, since: 0, socket: place.socket, mode: 'user' };
    const server = createServer((_, response) => {
      response.setHeader('stint-api', api).setHeader('stint-version', '0.0.9');
      response.end(JSON.stringify({ daemon, capacity: 2, builds: [] }));
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(place.socket, resolve));
    const { report, ids } = await examine(place);
    assert.deepEqual(ids, [finds]);
    assert.match(report.findings[0]?.what ?? '', new RegExp(`is stint 0\\.0\\.9.*this is stint ${VERSION}`));
  });
}

test('a daemon that may open few files is told', { skip }, async (t) => {
  const place = new Place(t);
  const daemon = place.spawn('sh', ['-c', 'ulimit -n 200; exec "$0" serve --user --jobs 4', STINT]);
  await until('it serves', () => daemon.output.stdout.endsWith('\n'));
  assert.deepEqual((await examine(place)).ids, ['low-nofile']);
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
});

test('slots that a killed client has lost are told', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  const script = 'exec 9<>"$STINT_FIFO"; dd bs=1 count=1 <&9 >/dev/null 2>&1; exec 9>&-; exec sleep 1000';
  const build = pool.spawnRun(['--style', 'fifo', '--', 'sh', '-c', script]);
  await pool.untilStatus(({ builds }) => builds[0]?.stranded === 1);
  const { report, ids } = await examine(pool);
  assert.deepEqual(ids, ['stranded-slots']);
  assert.equal(report.findings[0]?.pid, build.pid);
  build.killAll('SIGKILL');
  await pool.stop();
});

test('compilers outside the pool are told by who started them, those in a build are not', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  const compiler = sleeper(pool, 'cc1plus');
  writeFileSync(join(pool.folder, 'Makefile'), `all: a b\na b:\n\t@${compiler} 1000\n`);
  const make = tool('make44').path as string;
  const inside = pool.spawnRun(['--', make, '-s'], { env: { PATH: goodPath(pool) } });
  await pool.untilStatus(({ free }) => free === 1);
  const { pid, started: outside } = await orphan(pool, make, '-sj2');
  const found = await until('both are seen', async () => {
    const { report } = await examine(pool);
    return report.findings.some(({ what }) => /^2 compilers/.test(what)) && report.findings;
  });
  assert.deepEqual(
    found.map(({ id, pid, on }) => [id, pid, on.replace(/ of user \d+/, '')]),
    [['outside-pool', pid, `process ${pid} (make)`]],
  );
  assert.deepEqual((await examine(pool, { args: [String(inside.pid)] })).ids, []);
  inside.killAll('SIGKILL');
  outside.killAll('SIGKILL');
  await pool.stop();
});

test('a -jN on the command line of a client inside a build is told, not in a lease', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  writeFileSync(join(pool.folder, 'build.ninja'), 'rule wait\n command = sleep 1000\nbuild a: wait\nbuild b: wait\n');
  const ninja = tool('ninja').path as string;
  const stray = pool.spawnRun(['--', 'sh', '-c', '"$0" -k 0 -j 2; :', ninja]);
  const lease = pool.spawnRun(['--slots', '2', '--', ninja, '-j{slots}']);
  const found = await until('it is seen', async () => {
    const { report } = await examine(pool);
    return report.findings.length > 0 && report.findings;
  });
  assert.deepEqual(
    found.map(({ id, what }) => [id, /-j\d/.exec(what)?.[0]]),
    [['stray-jobs', '-j2']],
  );
  stray.killAll('SIGTERM'); // ninja ends its jobs, which have groups of their own
  lease.killAll('SIGTERM');
  await pool.stop();
});

test('for people it names the pool, the clients and each finding', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  const { code, stdout } = await pool.stint(['doctor'], {
    env: { PATH: pathWith(pool, 'ninja', '1.11.1'), NINJAOPTS: '-j8' },
  });
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^pool of this user: 3 slots at \S+ \(stint \S+, process \d+\)\nmake 4\.4 \(\S+\): takes a path\n/,
  );
  assert.match(stdout, /\nwarning: NINJAOPTS in this environment: -j8: .* \(stray-jobs\)\nhint: take -j out of it.*\n/);
  assert.match(stdout, /\d findings; docs\/troubleshooting\.md explains each by its name\n$/);
  await pool.stop();
});

function fifo(path: string): string {
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  return path;
}

function portage({ folder }: Place, makeConf: string): string {
  const root = join(folder, 'root');
  mkdirSync(join(root, 'etc/portage'), { recursive: true });
  writeFileSync(join(root, 'etc/portage/make.conf'), makeConf);
  return root;
}
