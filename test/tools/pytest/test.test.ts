// `stint test` with real pytest, old and new: as many workers as there are slots, and what is said of a run is what happened in it.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Place, type Pool, STINT, startPool } from '../../helpers/pool.ts';
import { until } from '../../helpers/until.ts';
import { PYTHONS } from './pythons.ts';

/** Sixteen tests of which each writes down when it began and ended, and in which worker. */
const RECORD = `import os, time, pytest
@pytest.mark.parametrize('i', range(16))
def test_it(i):
    began = time.time()
    time.sleep(0.05)
    with open(os.environ['RECORD'], 'a') as file:
        file.write('%s %f %f\\n' % (os.environ.get('PYTEST_XDIST_WORKER', 'none'), began, time.time()))
`;

for (const { which, skip, path } of PYTHONS) {
  for (const slots of [1, 2, 4]) {
    test(`${which} pytest on a pool of ${slots}: as many workers, and no more tests at once`, { skip }, async (t) => {
      const pool = await startPool(t, slots);
      writeFileSync(join(pool.folder, 'test_record.py'), RECORD);
      const record = join(pool.folder, 'record');
      const args = ['--xdist', '--jobs', '8', '--json', '--', '-q'];
      const { code, stdout, stderr } = await run(pool, path(), args, { RECORD: record });
      assert.equal(code, 0, `${stdout}${stderr}`);
      const lines = readFileSync(record, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
      assert.equal(lines.length, 16);
      assert.equal(new Set(lines.map(([worker]) => worker)).size, slots);
      if (slots === 1) assert.equal(lines[0]?.[0], 'none');
      assert.ok(peakOf(lines.map(([, from, to]) => [Number(from), Number(to)])) <= slots);
      const summary = lastJson(stdout);
      assert.equal(summary.counts.passed, 16);
      assert.equal(summary.slots[0].count, slots);
      assert.ok(existsSync(summary.junit));
      const { free, capacity } = await pool.untilIdle();
      assert.equal(free, capacity);
    });
  }

  test(`${which} pytest: plugins, reruns, flaky tests, what is missing, and the environment of the tests`, {
    skip,
  }, async (t) => {
    const pool = await startPool(t, 2);
    writeFileSync(
      join(pool.folder, 'test_all.py'),
      `import os, pytest
TRIES = []
def test_flaky():
    TRIES.append(1)
    assert len(TRIES) == 2
def test_mocked(mocker):
    assert mocker
def test_missing(httpx_mock):
    pass
def test_fails():
    assert 'a' == 'b'
@pytest.mark.skip(reason='not here')
def test_skipped():
    pass
def test_environment():
    assert not {'STINT_PYTEST', 'PYTEST_ADDOPTS', 'PYTHONPATH'} & set(os.environ)
    assert os.environ['OMP_NUM_THREADS'] == '1'
`,
    );
    const args = ['--xdist', '--plugins', 'pytest-mock', '--reruns', '2', '--annotations', 'github', '--json'];
    const { code, stdout, stderr } = await run(pool, path(), args);
    assert.equal(code, 1, stderr);
    const { counts, tests, missing } = lastJson(stdout);
    assert.deepEqual(counts, { passed: 2, failed: 1, error: 1, skipped: 1, flaky: 1 });
    assert.deepEqual(missing, ['httpx_mock']);
    assert.equal(tests.find(({ outcome }) => outcome === 'flaky')?.reruns, 1);
    assert.match(stdout, /^::error file=test_all\.py,line=10,title=test_all\.py%3A%3Atest_fails::.*assert 'a' == 'b'/m);
    assert.match(stdout, /^::warning file=test_all\.py,line=3,title=.*test_flaky::passed only after a rerun$/m);
    assert.match(stderr, /hint: the fixture 'httpx_mock' comes with pytest-httpx: --plugins pytest-httpx/);
    assert.match(stderr, /1 tests passed only after a rerun/);
  });

  test(`${which} pytest: a coroutine that nothing ran is a failure, whatever plugin is listed`, { skip }, async (t) => {
    const pool = await startPool(t, 1);
    writeFileSync(join(pool.folder, 'test_co.py'), 'async def test_co():\n    pass\ndef test_good():\n    pass\n');
    // A strict pytest-asyncio does not run what is not marked.
    for (const args of [[], ['--plugins', 'pytest-asyncio']]) {
      const { code, stderr } = await run(pool, path(), args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /hint: .*pytest-asyncio/);
    }
    const ran = await run(pool, path(), ['--plugins', 'pytest-asyncio', '--', '--asyncio-mode=auto']);
    assert.equal(ran.code, 0, ran.stderr);
    if (which === 'old') assert.equal((await run(pool, path(), ['--allow-skipped-async'])).code, 0);
  });

  test(`${which} pytest: hypothesis bears a machine that is busy`, { skip }, async (t) => {
    const pool = await startPool(t, 2);
    writeFileSync(
      join(pool.folder, 'test_slow.py'),
      `import time
from hypothesis import given, settings, strategies as st
@st.composite
def slow(draw):
    time.sleep(0.25)
    return draw(st.integers())
@given(slow())
@settings(max_examples=12)
def test_slow(n):
    pass
`,
    );
    const without = await run(pool, path(), ['--plugins', 'hypothesis', '--', '--hypothesis-profile=default']);
    assert.equal(without.code, 1, without.stdout);
    for (const more of [[], ['--xdist']]) {
      const { code, stdout } = await run(pool, path(), ['--plugins', 'hypothesis', ...more]);
      assert.equal(code, 0, stdout);
    }
  });
}

const [, today] = PYTHONS;
const skip = today?.skip ?? 'no Python';
const python = () => today?.path() as string;

test('slots come back when workers, pytest or stint are killed', { skip }, async (t) => {
  const pool = await startPool(t, 3);
  writeFileSync(join(pool.folder, 'test_long.py'), RECORD.replace('0.05', '1000'));
  for (const victim of ['worker', 'pytest', 'stint'] as const) {
    const record = join(pool.folder, `record-${victim}`);
    const args = ['test', '--python', python(), '--xdist', '--jobs', '3', '--', '-x', '--maxfail=1'];
    const started = pool.spawn(STINT, args, { cwd: pool.folder, env: { RECORD: record }, deadline: 120_000 });
    const { builds } = await pool.untilStatus(
      ({ builds }) => builds[0]?.lease !== undefined && builds[0].state === 'running',
    );
    const pytest = builds[0]?.rootPid as number;
    const workers = await until('there are workers', () => {
      const all = childrenOf(pytest);
      return all.length >= 3 && all;
    });
    if (victim === 'worker') for (const worker of workers) process.kill(worker, 'SIGKILL');
    else process.kill(victim === 'pytest' ? pytest : started.pid, 'SIGKILL');
    // Workers that are replaced crash again: the user would end that.
    if (victim === 'worker') process.kill(started.pid, 'SIGTERM');
    await started.ended;
    const { free, capacity } = await pool.untilIdle();
    assert.equal(free, capacity, victim);
    await until('no worker is left', () => workers.every((pid) => !existsSync(`/proc/${pid}`)));
  }
});

test('without a pool, and inside builds and leases', { skip }, async (t) => {
  const pool = await startPool(t, 4);
  writeFileSync(join(pool.folder, 'test_record.py'), RECORD);
  const record = join(pool.folder, 'record');
  const workersOf = async (before: string[], args: string[]) => {
    writeFileSync(record, '');
    const command = [...before, STINT, 'test', '--python', python(), '--xdist', '--jobs', '3', ...args];
    const { code, stderr } = await pool.spawn(command[0] as string, command.slice(1), {
      cwd: pool.folder,
      env: { RECORD: record },
      deadline: 120_000,
    }).ended;
    assert.equal(code, 0, stderr);
    return new Set(
      readFileSync(record, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).size;
  };
  assert.equal(await workersOf([], ['--no-pool']), 3);
  assert.equal(await workersOf([STINT, 'run', '--slots', '2', '--'], []), 2);
  assert.equal(await workersOf([STINT, 'run', '--'], []), 1);
});

test('settings of a project, and what is wrong with them', { skip }, async (t) => {
  const place = new Place(t);
  const project = join(place.folder, 'pyproject.toml');
  const argv = async (text: string, args: string[] = [], env: Record<string, string> = {}) => {
    writeFileSync(project, text);
    const all = ['test', '--python', python(), '--print-argv', '--json', ...args];
    const { code, stdout, stderr } = await place.spawn(STINT, all, { cwd: place.folder, env }).ended;
    return { code, stderr, argv: code === 0 ? (JSON.parse(stdout).argv as string[]).join(' ') : '' };
  };
  const table = '[tool.stint.test]\nplugins = ["pytest-mock"]\nreruns = 2\ntimeout = 9.5\njobs = 3\nxdist = true\n';
  const full = await argv(table);
  assert.match(full.argv, /-ppytest_mock .*--force-reruns=2 .*--timeout=9\.5 .*-n 3 /);
  assert.match((await argv(table, ['--jobs', '2'], { EPYTEST_RERUNS: '5' })).argv, /--force-reruns=5 .*-n 2 /);
  const wrong: [string, RegExp][] = [
    [
      '[tool.stint.test]\nplugin = []\n',
      /pyproject\.toml: tool\.stint\.test\.plugin is not known\nhint: did you mean plugins\?/,
    ],
    ['[tool.stint.test]\njobs = 0\n', /tool\.stint\.test\.jobs must be a whole number from 1 on, not 0/],
    ['[tool.stint.test]\nplugins = "a"\n', /tool\.stint\.test\.plugins must be a list of strings, not "a"/],
    ['[tool.stint]\ntest = 1\n', /tool\.stint\.test must be a table/],
    ['[tool', /pyproject\.toml: /],
  ];
  for (const [text, said] of wrong) {
    const { code, stderr } = await argv(text);
    assert.equal(code, 2, stderr);
    assert.match(stderr, said);
  }
});

const WRONG: readonly [args: string[], code: number, said: RegExp][] = [
  [['--python', '/nowhere/python'], 1, /test: cannot use the Python '\/nowhere\/python': ENOENT\nhint: .*--python/],
  [['--plugins', 'pytest-nowhere'], 1, /no distribution 'pytest-nowhere' for \S+\nhint: /],
  [['--timeout', 'x'], 2, /--timeout must be a number of seconds above 0, not 'x'/],
  [['--run-timeout', 'x'], 2, /--run-timeout must be a time like 90s/],
  [['--jobs', '0'], 2, /--jobs must be a whole number from 1 to /],
  [['--annotations', 'gitlab'], 2, /--annotations must be github, not 'gitlab'/],
  [['--plugin', 'x'], 2, /unknown option --plugin\nhint: did you mean --plugins\?/],
  [['--junit', '/dev/null/x/'], 1, /cannot write a report in \/dev\/null\/x\/: /],
];

test('what cannot be done is told in a line', { skip }, async (t) => {
  const place = new Place(t);
  for (const [args, code, said] of WRONG) {
    const own = args.includes('--python') ? [] : ['--python', python()];
    const result = await place.spawn(STINT, ['test', '--no-pool', ...own, ...args], { cwd: place.folder }).ended;
    assert.deepEqual([result.code, result.stdout], [code, ''], result.stderr);
    assert.match(result.stderr, said);
  }
});

test('what pytest leaves behind is removed where it would be installed', { skip }, async (t) => {
  const place = new Place(t);
  writeFileSync(join(place.folder, 'test_a.py'), 'def test_a():\n    pass\n');
  const run = (env: Record<string, string | undefined>) =>
    place.spawn(STINT, ['test', '--no-pool', '--python', python(), '--junit', 'report.xml'], { cwd: place.folder, env })
      .ended;
  const left = () => globSync(['**/.pytest_cache', '**/*-pytest-*.pyc'], { cwd: place.folder }).length;
  const env = { PYTHONDONTWRITEBYTECODE: undefined };
  assert.equal((await run(env)).code, 0);
  assert.equal(left(), 2);
  assert.equal((await run({ ...env, EBUILD_PHASE: 'test' })).code, 0);
  assert.equal(left(), 0);
  assert.ok(existsSync(join(place.folder, 'report.xml')));
});

interface Summary {
  counts: Record<string, number>;
  tests: { outcome: string; reruns: number }[];
  missing: string[];
  slots: [{ count: number }];
  junit: string;
}

const lastJson = (text: string): Summary => JSON.parse(text.trim().split('\n').at(-1) as string);

function run(pool: Pool, interpreter: string, args: string[], env: Record<string, string> = {}) {
  const all = ['test', '--python', interpreter, ...args];
  return pool.spawn(STINT, all, { cwd: pool.folder, env, deadline: 120_000 }).ended;
}

function peakOf(spans: [number, number][]): number {
  const edges = spans
    .flatMap(([from, to]) => [[from, 1] as const, [to, -1] as const])
    .sort(([a, x], [b, y]) => a - b || x - y);
  let now = 0;
  return Math.max(...edges.map(([, step]) => (now += step)));
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
