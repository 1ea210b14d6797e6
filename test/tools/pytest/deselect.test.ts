// `stint deselect`, on reports that real runs of pytest have written: the list takes away what failed, and nothing else.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'smol-toml';
import { Place, STINT } from '../../helpers/pool.ts';
import { PYTHONS } from './pythons.ts';

const CONF = 'import pytest\n';
const FAILS = 'def test_fails():\n    assert False\n';

/** Files of one project, and the list that is wanted for it. */
const FILES: Record<string, string> = {
  // A stem that ends in p, y or x; a class in it.
  'test_copy.py':
    'class TestCopy:\n    def test_bad(self):\n        assert False\n    def test_good(self):\n        pass\n',
  'test_proxy.py': 'class TestProxy:\n    def test_bad(self):\n        assert False\ndef test_good():\n    pass\n',
  // Two neighbours that fail completely.
  'test_all_a.py': `${FAILS}def test_too():\n    assert False\n`,
  'test_all_b.py': FAILS,
  // All functions fail, and a class beside them does not.
  'test_functions.py': `${FAILS}def test_also():\n    assert False\nclass TestFine:\n    def test_good(self):\n        pass\n`,
  // A class of which all fails, and one whose name begins like it.
  'test_classes.py':
    'class TestA:\n    def test_one(self):\n        assert False\n    def test_two(self):\n        assert False\nclass TestAB:\n    def test_good(self):\n        pass\n',
  'test_ids.py': `${CONF}@pytest.mark.parametrize('x', ['$HOME', 'a b', "it's", 'say "x"', ']', 'good'])\ndef test_odd(x):\n    assert x == 'good'\n`,
  // Every variant fails, and a function whose name begins like it does not.
  'test_parameters.py': `${CONF}@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n):\n    assert False\ndef test_n_more():\n    pass\n`,
  // A skip is no failure.
  'test_skipped.py': `${CONF}${FAILS}@pytest.mark.skip\ndef test_skipped():\n    pass\n`,
  // Inherited, nested, failing before and after.
  'base.py': 'class Base:\n    def test_inherited(self):\n        assert self.fine\n',
  'test_inherited.py':
    'from base import Base\nclass TestBad(Base):\n    fine = False\n    def test_own(self):\n        pass\nclass TestGood(Base):\n    fine = True\n',
  'test_nested.py':
    'class TestOuter:\n    class TestInner:\n        def test_bad(self):\n            assert False\n    def test_good(self):\n        pass\n',
  'test_phases.py': `${CONF}@pytest.fixture\ndef late():\n    yield\n    assert False\n@pytest.fixture\ndef early():\n    assert False\ndef test_twice(late):\n    assert False\ndef test_late(late):\n    pass\ndef test_early(early):\n    pass\ndef test_good():\n    pass\n`,
};

const WANTED = [
  'test_all_a.py',
  'test_all_b.py',
  'test_classes.py::TestA::',
  'test_copy.py::TestCopy::test_bad',
  'test_functions.py::test_also',
  'test_functions.py::test_fails',
  'test_ids.py::test_odd[$HOME]',
  'test_ids.py::test_odd[]]',
  'test_ids.py::test_odd[a b]',
  "test_ids.py::test_odd[it's]",
  'test_ids.py::test_odd[say "x"]',
  'test_inherited.py::TestBad::test_inherited',
  'test_nested.py::TestOuter::TestInner::',
  'test_parameters.py::test_n[',
  'test_phases.py::test_early',
  'test_phases.py::test_late',
  'test_phases.py::test_twice',
  'test_proxy.py::TestProxy::',
  'test_skipped.py::test_fails',
];

type Toml = { tool: { stint: { test: { deselect: string[] } } } };

for (const { which, skip, path } of PYTHONS) {
  const options = { skip };

  test(`${which} pytest: a project full of failures gets the list that fits, in every form`, options, async (t) => {
    const project = new Project(t, path(), FILES);
    const report = project.run([]);
    const { code, stdout, stderr } = await project.deselect([report]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(readBash(stdout, 'EPYTEST_DESELECT'), WANTED);
    const toml = await project.deselect(['--format', 'toml', report]);
    assert.deepEqual((parse(toml.stdout) as Toml).tool.stint.test.deselect, WANTED);
    const json = await project.deselect(['--format', 'json', report]);
    assert.deepEqual(JSON.parse(json.stdout), { deselect: WANTED, ignore: [] });
    const plain = await project.deselect(['--format', 'plain', report]);
    assert.deepEqual(plain.stdout, WANTED.map((line) => `${line}\n`).join(''));
    // With it the suite passes, and the passing tests are the same.
    const after = project.pytest([...WANTED.flatMap((id) => ['--deselect', id]), '-q']);
    assert.equal(after.status, 0, after.stdout);
    assert.match(after.stdout, /10 passed, 1 skipped/);
    // Without asking pytest there is one entry for each test, inherited and nested ones too.
    const blind = await project.deselect(['--no-collect', '--format', 'plain', report]);
    const each = blind.stdout.trim().split('\n');
    assert.ok(each.includes('test_nested.py::TestOuter::TestInner::test_bad'));
    assert.ok(each.includes('test_inherited.py::TestBad::test_inherited'));
    assert.equal(each.length, 22);
    // Collapsing can be switched off, each kind by itself.
    const files = await project.deselect([
      '--no-files',
      '--no-classes',
      '--no-parameters',
      '--format',
      'plain',
      report,
    ]);
    assert.deepEqual(files.stdout.trim().split('\n').sort(), each.sort());
  });

  test(`${which} pytest: an id that begins another one is told, with what it takes`, options, async (t) => {
    const project = new Project(t, path(), {
      'test_p.py': 'def test_pre():\n    assert False\ndef test_pre_long():\n    pass\n',
    });
    const { code, stdout, stderr } = await project.deselect(['--format', 'plain', project.run([])]);
    assert.equal(stdout, 'test_p.py::test_pre\n');
    assert.match(stderr, /^stint: test_p\.py::test_pre takes away test_p\.py::test_pre_long too, which passed: /);
    assert.equal(code, 0);
  });

  test(
    `${which} pytest: what cannot be imported is ignored, and nothing is said of what did not run`,
    options,
    async (t) => {
      const project = new Project(t, path(), {
        'sub/test_broken.py': 'import nowhere_to_be_found\ndef test_x():\n    pass\n',
        'test_a.py': `${FAILS}def test_good():\n    pass\n`,
      });
      const interrupted = await project.deselect([project.run([])]);
      assert.equal(interrupted.code, 1);
      assert.match(
        interrupted.stderr,
        /no test has run: pytest could not import sub\/test_broken\.py\nhint: .*--force\n$/,
      );
      assert.equal(interrupted.stdout, '');
      const report = project.run(['--continue-on-collection-errors']);
      const { code, stdout, stderr } = await project.deselect([report]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(readBash(stdout, 'EPYTEST_IGNORE'), ['sub/test_broken.py']);
      assert.deepEqual(readBash(stdout, 'EPYTEST_DESELECT'), ['test_a.py::test_fails']);
    },
  );

  test(`${which} pytest: a crashed worker's test is tried alone`, options, async (t) => {
    const project = new Project(t, path(), {
      'test_crash.py':
        "import os\ndef test_dies():\n    os._exit(3)\ndef test_dies_beside_others():\n    if 'PYTEST_XDIST_WORKER' in os.environ:\n        os._exit(3)\ndef test_good():\n    pass\n",
    });
    const report = project.run(['-p', 'xdist', '-n', '2']);
    const { code, stdout, stderr } = await project.deselect(['--format', 'plain', report]);
    assert.equal(stdout, 'test_crash.py::test_dies\n', stderr);
    assert.match(
      stderr,
      /1 were running when a worker crashed, pass alone, and are not listed: test_crash\.py::test_dies_beside/,
    );
    assert.equal(code, 0);
  });

  test(`${which} pytest: ids are those of the rootdir, wherever it was started`, options, async (t) => {
    const project = new Project(t, path(), {
      'pytest.ini': '[pytest]\n',
      'tests/test_a.py': `${FAILS}def test_good():\n    pass\n`,
    });
    const below = join(project.folder, 'tests');
    const report = project.run([], below);
    const { stdout, stderr, code } = await project.deselect(['--format', 'plain', report], below);
    assert.equal(stdout, 'tests/test_a.py::test_fails\n', stderr);
    assert.equal(code, 0);
  });

  test(`${which} pytest: a list that exists is kept, and what is stale in it is told`, options, async (t) => {
    const project = new Project(t, path(), {
      'test_a.py': `${FAILS}def test_more():\n    assert False\ndef test_good():\n    pass\n`,
      list: "EPYTEST_DESELECT=(\n\t# needs the network\n\t'test_a.py::test_gone[a b]'\n\ttest_a.py::test_fails # flaky upstream\n)\n",
    });
    const report = project.run([]);
    const { code, stdout, stderr } = await project.deselect(['--merge', 'list', report]);
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      "EPYTEST_DESELECT=(\n\t# needs the network\n\t'test_a.py::test_gone[a b]'\n\ttest_a.py::test_fails # flaky upstream\n\ttest_a.py::test_more\n)\n",
    );
    assert.match(stderr, /1 match no test any more: test_a\.py::test_gone\[a b\]/);
    assert.equal((await project.deselect(['--merge', 'list', '--prune', '--write', report])).code, 0);
    assert.equal(
      readFileSync(join(project.folder, 'list'), 'utf8'),
      'EPYTEST_DESELECT=(\n\t# needs the network\n\ttest_a.py::test_fails # flaky upstream\n\ttest_a.py::test_more\n)\n',
    );
  });

  test(`${which} pytest: what fails only sometimes is no failure, unless it is asked for`, options, async (t) => {
    const project = new Project(t, path(), {
      'test_a.py': `import os\n${FAILS}def test_sometimes():\n    assert 'GOOD' in os.environ\ndef test_good():\n    pass\n`,
    });
    const reports = [project.run([]), project.run([], project.folder, { GOOD: '1' })];
    const { stdout, stderr } = await project.deselect(['--format', 'plain', ...reports]);
    assert.equal(stdout, 'test_a.py::test_fails\n');
    assert.match(stderr, /1 failed only in some runs, and are not listed: test_a\.py::test_sometimes/);
    const all = await project.deselect(['--format', 'plain', '--flaky', ...reports]);
    assert.equal(all.stdout, 'test_a.py::test_fails\ntest_a.py::test_sometimes\n');
    // In each run of one interpreter, and in none of another one: it is no accident.
    const [bad, good] = reports as [string, string];
    const named = [join(project.folder, 'pytest-python3.11-1.xml'), join(project.folder, 'pytest-python3.13-1.xml')];
    writeFileSync(named[0] as string, readFileSync(bad));
    writeFileSync(named[1] as string, readFileSync(good));
    const two = await project.deselect(['--format', 'plain', ...named]);
    assert.equal(two.stdout, 'test_a.py::test_fails\ntest_a.py::test_sometimes\n');
  });

  test(`${which} pytest: where all failed there is no list, unless it is asked for`, options, async (t) => {
    const project = new Project(t, path(), { 'test_a.py': FAILS });
    const report = project.run([]);
    const { code, stdout, stderr } = await project.deselect([report]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^stint: deselect: all 1 tests failed: .*\nhint: .*--force\n$/);
    assert.match((await project.deselect(['--force', report])).stdout, /^EPYTEST_DESELECT=\(\n\ttest_a\.py\n\)\n$/);
  });
}

const WRONG: readonly [args: string[], code: number, said: RegExp][] = [
  [[], 2, /no report given\nhint: /],
  [['--format', 'xml', 'r.xml'], 2, /--format must be bash, toml, json, plain, not 'xml'/],
  [['--write', 'r.xml'], 2, /--write has no meaning without --merge/],
  [['--formt', 'r.xml'], 2, /unknown option --formt\nhint: did you mean --format\?/],
  [['nowhere.xml'], 1, /cannot read nowhere\.xml: no such file or directory/],
  [['no.xml'], 1, /no\.xml is no JUnit report: .*\nhint: /],
  [['html.xml'], 1, /html\.xml is no JUnit report: it begins with <html>/],
  [['--merge', 'open', 'r.xml'], 1, /the list does not end: there is no closing \)/],
  [['--merge', 'quote', 'r.xml'], 1, /a quote does not end: 'a/],
  [['--no-collect', 'r.xml'], 0, /^$/],
];

test('what cannot be used is told in a line', async (t) => {
  const place = new Place(t);
  const file = (name: string, text: string) => writeFileSync(join(place.folder, name), text);
  file('no.xml', 'no xml at all');
  file('html.xml', '<html></html>');
  file('r.xml', '<testsuites><testsuite><testcase classname="t" name="test_a"/></testsuite></testsuites>');
  file('open', 'EPYTEST_DESELECT=( a\n');
  file('quote', "EPYTEST_DESELECT=( 'a )\n");
  for (const [args, code, said] of WRONG) {
    const result = await place.spawn(STINT, ['deselect', ...args], { cwd: place.folder }).ended;
    assert.deepEqual([result.code, result.stdout], [code, ''], result.stderr);
    assert.match(result.stderr, said);
  }
});

/** A folder with tests, and the pytest that runs them. */
class Project {
  readonly folder: string;
  readonly #place: Place;
  readonly #python: string;
  #reports = 0;

  constructor(t: TestContext, python: string, files: Record<string, string>) {
    this.#place = new Place(t);
    this.#python = python;
    this.folder = this.#place.folder;
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      writeFileSync(join(this.folder, name), text);
    }
  }

  pytest(args: readonly string[], cwd = this.folder, env: Record<string, string> = {}) {
    const all = ['-m', 'pytest', '-p', 'no:cacheprovider', ...args];
    return spawnSync(this.#python, all, {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...env, PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1', PYTHONDONTWRITEBYTECODE: '1' },
    });
  }

  /** Runs all; returns the report. */
  run(args: readonly string[], cwd = this.folder, env: Record<string, string> = {}): string {
    const report = join(this.folder, `report-${this.#reports++}.xml`);
    rmSync(report, { force: true });
    const { stdout, stderr } = this.pytest([`--junit-xml=${report}`, '-o', 'junit_family=xunit1', ...args], cwd, env);
    assert.ok(readFileSync(report), `${stdout}${stderr}`);
    return report;
  }

  deselect(args: readonly string[], cwd = this.folder) {
    return this.#place.spawn(STINT, ['deselect', '--python', this.#python, ...args], { cwd, deadline: 120_000 }).ended;
  }
}

/** What bash reads from an array. */
function readBash(text: string, name: string): string[] {
  const script = `${text}\nprintf '%s\\0' "\${${name}[@]}"`;
  const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env: { HOME: '/wrong' } });
  return stdout.split('\0').slice(0, -1);
}
