// The arguments of pytest, element by element, for settings of every kind and for what real interpreters have installed; and pytest takes them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Invocation, invocation } from '../../../src/tools/pytest/arguments.ts';
import { type Asked, askedByEnvironment, complete, type Variables } from '../../../src/tools/pytest/settings.ts';
import { askTarget, type Target } from '../../../src/tools/pytest/target.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { PYTHONS } from './pythons.ts';

const JUNIT = '/t/report.xml';
const HEAD = ['-vv', '-ra', '-l', '-Wdefault', '--color=yes'];
const FIXED = [
  ...['-o', 'console_output_style=count', '-o', 'tmp_path_retention_count=0', '-o', 'tmp_path_retention_policy=failed'],
  ...[`--junit-xml=${JUNIT}`, '-o', 'junit_family=xunit1'],
];
const NO = 'cov flake8 flakes pylint markdown sugar xvfb pytest-describe plus tavern salt-factories';
const BLOCKED = NO.split(' ').flatMap((name) => ['-p', `no:${name}`]);
const OFF = { PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1' };

interface Case {
  name: string;
  env: Variables;
  rest?: string[];
  /** What comes after the fixed beginning; a pair where old and new differ. */
  tail: readonly string[] | { old: readonly string[]; new: readonly string[] };
  set?: Record<string, string>;
  color?: 'no';
  notes?: RegExp;
}

const reruns = (n: string) => ({ old: [`--reruns=${n}`], new: [`--force-reruns=${n}`] });
const xdist = (n: string) => ({ old: ['-n', n, '--dist=load'], new: ['-n', n, '--dist=worksteal'] });
const both = (before: string[], { old, new: today }: { old: string[]; new: string[] }, after: string[] = []) => ({
  old: [...before, ...old, ...after],
  new: [...before, ...today, ...after],
});

const CASES: readonly Case[] = [
  { name: 'nothing said, EAPI 9', env: { EAPI: '9' }, tail: [], set: OFF },
  { name: 'nothing said, no EAPI', env: {}, tail: [], set: OFF },
  { name: 'nothing said, EAPI 8', env: { EAPI: '8' }, tail: BLOCKED, set: {} },
  { name: 'nothing said, EAPI 7', env: { EAPI: '7' }, tail: BLOCKED, set: {} },
  { name: 'an empty list, EAPI 8', env: { EAPI: '8', EPYTEST_PLUGINS: '' }, tail: [], set: OFF },
  { name: 'an empty autoload, EAPI 8', env: { EAPI: '8', EPYTEST_PLUGIN_AUTOLOAD: '' }, tail: BLOCKED, set: {} },
  {
    name: 'a list and autoload: nothing is looked up',
    env: { EAPI: '9', EPYTEST_PLUGINS: 'not-there', EPYTEST_PLUGIN_AUTOLOAD: '1' },
    tail: BLOCKED,
    set: {},
  },
  {
    name: 'autoload, but switched off by the caller',
    env: { EPYTEST_PLUGIN_AUTOLOAD: '1', PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1' },
    tail: [],
    set: OFF,
  },
  { name: 'one plugin', env: { EPYTEST_PLUGINS: 'pytest-mock' }, tail: ['-ppytest_mock'], set: OFF },
  { name: 'whatever its spelling is', env: { EPYTEST_PLUGINS: 'PyTest_Mock' }, tail: ['-ppytest_mock'], set: OFF },
  {
    name: 'several, sorted, a distribution with two plugins',
    env: { EPYTEST_PLUGINS: 'pytest-xdist pytest-mock pytest-asyncio' },
    tail: ['-pasyncio', '-ppytest_mock', '-pxdist', '-pxdist.looponfail'],
  },
  {
    name: 'the package under test',
    env: { PN: 'pytest-mock', EPYTEST_PLUGINS: '${PN} pytest-timeout' },
    tail: ['-ppytest_mock', '-ptimeout'],
  },
  { name: 'twice the same', env: { EPYTEST_PLUGINS: 'pytest-mock\npytest_mock\n' }, tail: ['-ppytest_mock'] },
  {
    name: 'one that is loaded by PYTEST_PLUGINS already',
    env: { EPYTEST_PLUGINS: 'pytest-mock pytest-timeout', PYTEST_PLUGINS: 'pytest_timeout,other' },
    tail: ['-ppytest_mock'],
    set: OFF,
  },
  {
    name: 'by the environment: modules, and no -p',
    env: { EPYTEST_PLUGINS: 'pytest-mock', EPYTEST_PLUGIN_LOAD_VIA_ENV: '1', PYTEST_PLUGINS: 'other' },
    tail: [],
    set: { ...OFF, PYTEST_PLUGINS: 'pytest_mock' },
  },
  {
    name: 'by the environment: two modules of one distribution',
    env: { EPYTEST_PLUGINS: 'pytest-xdist', EPYTEST_PLUGIN_LOAD_VIA_ENV: '1' },
    tail: [],
    set: { ...OFF, PYTEST_PLUGINS: 'xdist.plugin,xdist.looponfail' },
  },
  { name: 'reruns', env: { EPYTEST_RERUNS: '3' }, tail: both(['-p', 'rerunfailures'], reruns('3')) },
  {
    name: 'reruns, loaded by the environment',
    env: { EPYTEST_RERUNS: '3', EPYTEST_PLUGINS: 'pytest-rerunfailures', EPYTEST_PLUGIN_LOAD_VIA_ENV: 'yes' },
    tail: reruns('3'),
    set: { ...OFF, PYTEST_PLUGINS: 'pytest_rerunfailures' },
  },
  { name: 'a time limit', env: { EPYTEST_TIMEOUT: '60' }, tail: ['-p', 'timeout', '--timeout=60'] },
  {
    name: 'a time limit and reruns',
    env: { EPYTEST_TIMEOUT: '60', EPYTEST_RERUNS: '2' },
    tail: both(['-p', 'rerunfailures'], reruns('2'), ['-p', 'timeout', '--timeout=60', '-o', 'timeout_func_only=true']),
  },
  {
    name: 'a time limit, loaded by the caller',
    env: { EPYTEST_TIMEOUT: '1.5', PYTEST_PLUGINS: 'pytest_timeout' },
    tail: ['--timeout=1.5'],
  },
  {
    name: 'workers',
    env: { EPYTEST_XDIST: '1', EPYTEST_JOBS: '4' },
    tail: both(['-p', 'xdist'], xdist('4')),
    notes: /no jobserver in MAKEFLAGS/,
  },
  {
    name: 'workers by MAKEOPTS',
    env: { EPYTEST_XDIST: '1', MAKEOPTS: '-j3 -l4 -j 7' },
    tail: both(['-p', 'xdist'], xdist('7')),
  },
  { name: 'EPYTEST_JOBS before MAKEOPTS', env: { EPYTEST_XDIST: '1', EPYTEST_JOBS: '1', MAKEOPTS: '-j7' }, tail: [] },
  { name: 'one job: no workers', env: { EPYTEST_XDIST: '1', MAKEOPTS: '--jobs=1' }, tail: [] },
  { name: 'jobs without workers', env: { EPYTEST_JOBS: '4' }, tail: [] },
  {
    name: 'workers, loaded by the environment',
    env: { EPYTEST_XDIST: '1', EPYTEST_JOBS: '2', PYTEST_PLUGINS: 'xdist.plugin' },
    tail: xdist('2'),
  },
  {
    name: 'workers and a jobserver',
    env: { EPYTEST_XDIST: '1', EPYTEST_JOBS: '2', MAKEFLAGS: ' -j2 --jobserver-auth=fifo:/run/stint/jobserver' },
    tail: both(['-p', 'xdist'], xdist('2'), ['-p', 'jobserver']),
    notes: /^(?!.*jobserver)/s,
  },
  {
    name: 'hypothesis',
    env: { EPYTEST_PLUGINS: 'hypothesis' },
    tail: { old: ['-phypothesispytest'], new: ['-phypothesispytest', '--hypothesis-profile=gentoo'] },
  },
  {
    name: 'hypothesis without plugins of its own',
    env: { EPYTEST_PLUGINS: 'hypothesis', HYPOTHESIS_NO_PLUGINS: '1' },
    tail: ['-phypothesispytest'],
  },
  {
    name: 'tests left out, and the caller and the user last',
    env: {
      EPYTEST_DESELECT: 'a.py::test_x[1 2]\nb.py::test_y',
      EPYTEST_IGNORE: 'slow broken',
      EPYTEST_FLAGS: '-x  --lf',
    },
    rest: ['-k', 'not that', 'tests'],
    tail: [
      ...['--deselect', 'a.py::test_x[1 2]', '--deselect', 'b.py::test_y', '--ignore', 'slow', '--ignore', 'broken'],
      ...['-k', 'not that', 'tests', '-x', '--lf'],
    ],
  },
  { name: 'no colour', env: { NO_COLOR: '1' }, tail: [], color: 'no' },
  {
    name: 'everything at once',
    env: {
      EPYTEST_PLUGINS: 'hypothesis pytest-asyncio',
      EPYTEST_RERUNS: '1',
      EPYTEST_TIMEOUT: '9',
      EPYTEST_XDIST: '1',
      EPYTEST_JOBS: '2',
      EPYTEST_DESELECT: 't.py::no',
      EPYTEST_IGNORE: 'no.py',
      EPYTEST_FLAGS: '-s',
    },
    rest: ['t.py'],
    tail: {
      old: [
        ...['-pasyncio', '-phypothesispytest', '-p', 'rerunfailures', '--reruns=1', '-p', 'timeout', '--timeout=9'],
        ...['-o', 'timeout_func_only=true', '-p', 'xdist', '-n', '2', '--dist=load', '--deselect', 't.py::no'],
        ...['--ignore', 'no.py', 't.py', '-s'],
      ],
      new: [
        ...['-pasyncio', '-phypothesispytest', '-p', 'rerunfailures', '--force-reruns=1', '-p', 'timeout'],
        ...['--timeout=9', '-o', 'timeout_func_only=true', '-p', 'xdist', '-n', '2', '--dist=worksteal'],
        ...['--hypothesis-profile=gentoo', '--deselect', 't.py::no', '--ignore', 'no.py', 't.py', '-s'],
      ],
    },
  },
];

function made(target: Target, env: Variables, { rest = [], junit = JUNIT }: { rest?: string[]; junit?: string } = {}) {
  const settings = complete(askedByEnvironment(env), env, 5);
  return invocation(settings, target, { jobs: settings.jobs, junit, rest, env, gated: true });
}

for (const { which, skip, path } of PYTHONS) {
  for (const { name, env, rest, tail, set, color = 'yes', notes } of CASES) {
    test(`${which} pytest, ${name}`, { skip }, () => {
      const { args, env: given, notes: said }: Invocation = made(targetOf(path()), env, { ...(rest && { rest }) });
      const summary = which === 'new' ? ['--force-short-summary'] : [];
      const expected = 'old' in tail ? tail[which] : tail;
      const head = [...HEAD.slice(0, -1), `--color=${color}`];
      assert.deepEqual(args, [...head, ...FIXED, ...summary, ...expected]);
      if (set !== undefined) assert.deepEqual(given, set);
      if (notes !== undefined) assert.match(said.join('\n'), notes);
    });
  }

  test(`${which} pytest takes all of them`, { skip }, (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 't.py'), 'def test_it():\n    pass\n');
    const target = targetOf(path());
    const wanted = CASES.filter(({ env }) => env.PYTEST_PLUGINS !== 'pytest_timeout,other' && !env.MAKEFLAGS);
    const odd = new Set(['other', '${PN}']);
    // The plainest, the fullest, and by the environment: each start of pytest takes a second.
    for (const { name, env } of wanted.filter(({ name }) =>
      /^(?:nothing said, EAPI [89]|everything|by the)/.test(name),
    )) {
      if (odd.has(env.PYTEST_PLUGINS ?? '')) continue;
      const { args, env: given } = made(target, env, { rest: [join(folder, 't.py')], junit: join(folder, 'j.xml') });
      const { status, stdout, stderr } = spawnSync(target.python, ['-m', 'pytest', ...args], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, ...given },
      });
      assert.equal(status, 0, `${name}: ${stdout}${stderr}`);
    }
  });

  test(`${which} pytest: a distribution that is not there is named, with the interpreter`, { skip }, () => {
    const target = targetOf(path());
    assert.throws(
      () => made(target, { EPYTEST_PLUGINS: 'pytest-nowhere' }),
      (error: Error & { hint?: string }) => {
        assert.equal(error.message, `test: there is no distribution 'pytest-nowhere' for ${target.python}`);
        return error.hint !== undefined;
      },
    );
  });
}

test('later sources go before earlier ones, and nobody is hidden by what was not said', () => {
  const project: Asked = { plugins: ['a'], reruns: '1', jobs: 3, xdist: true };
  const settings = complete({ ...project, ...askedByEnvironment({ EPYTEST_RERUNS: '2', EPYTEST_TIMEOUT: '' }) }, {}, 8);
  assert.deepEqual(
    [settings.plugins, settings.reruns, settings.jobs, settings.xdist, settings.timeout],
    [['a'], '2', 3, true, undefined],
  );
});

const targets = new Map<string, Target>();

function targetOf(python: string): Target {
  let target = targets.get(python);
  if (target === undefined) targets.set(python, (target = askTarget(python)));
  return target;
}
