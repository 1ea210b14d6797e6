// Suites of real packages: `stint test` says the same of each as pytest alone does, and with the list of `stint deselect` they pass, also where
// tests were broken on purpose, and no test that passed is lost. STINT_ROUNDS=N: above 1 all of their tests, not a part.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Pool, STINT, startPool } from '../../helpers/pool.ts';
import { missing, toolPath } from '../../helpers/toolchain.ts';

const SOURCES = join(import.meta.dirname, '../../../.cache/toolchain/sdists');
const ALL = Number(process.env.STINT_ROUNDS ?? 1) > 1;
const PATIENCE = 600_000;

interface Package {
  folder: string;
  /** Options of `stint test`. */
  options: string[];
  /** What of it is run where not all is. */
  part: string[];
  /** A test file, what passes in it, and what makes that fail. */
  broken: [file: string, text: string, instead: string];
  env?: Record<string, string>;
}

const PACKAGES: readonly Package[] = [
  {
    folder: 'aiofiles-24.1.0', // asyncio; its tests use the same files, and cannot run side by side
    options: ['--plugins', 'pytest-asyncio'],
    part: ['tests/test_os.py', 'tests/test_simple.py'],
    broken: ['tests/test_os.py', 'size = (await aiofiles.os.stat(filename)).st_size\n', 'assert False\n'],
  },
  {
    folder: 'attrs-26.1.0', // hypothesis
    options: ['--plugins', 'hypothesis', '--xdist'],
    part: ['tests/test_filters.py', 'tests/test_converters.py', 'tests/test_cmp.py', 'tests/test_packaging.py'],
    broken: ['tests/test_filters.py', 'assert', 'assert not'],
  },
  {
    folder: 'pytest-mock-3.14.0', // a plug-in of pytest, which its tests start again and again
    options: ['--plugins', '${PN} pytest-asyncio', '--load-via-env', '--xdist'],
    part: ['tests', '-k', 'spy or stub or monkeypatch'],
    broken: ['tests/test_pytest_mock.py', 'assert spy.call_count == 1', 'assert spy.call_count == 7'],
    env: { PN: 'pytest-mock' },
  },
];

const skip = missing('pytestNew') || (!existsSync(join(SOURCES, 'list')) && 'no sources: run toolchain/install.sh');

for (const { folder, options, part, broken, env = {} } of PACKAGES) {
  test(`the suite of ${folder}`, { skip, timeout: 3 * PATIENCE }, async (t) => {
    const pool = await startPool(t, 2);
    const cwd = join(pool.folder, folder);
    const [file, text, instead] = broken;
    const source = readFileSync(join(SOURCES, folder, file), 'utf8');
    assert.ok(source.includes(text), `${file} has ${text}`);
    /** Tests that fail leave things behind. */
    const renew = () => {
      rmSync(cwd, { recursive: true, force: true });
      cpSync(join(SOURCES, folder), cwd, { recursive: true });
      writeFileSync(join(cwd, file), source.replace(text, instead));
    };
    renew();
    const python = join(toolPath('pytestNew'), '../python');
    const tests = ALL ? ['tests'] : part;
    // A temporary folder of its own: runs of pytest at the same time clean up behind each other in the common one.
    const environment = { ...env, PYTHONPATH: join(cwd, 'src'), PYTEST_DEBUG_TEMPROOT: pool.folder };

    const plain = spawnSync(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', ...tests], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
    const report = join(pool.folder, 'pytest-python3.11-1.xml');
    const args = ['test', '--python', python, ...options, '--junit', report, '--json', '--', '-q', ...tests];
    const run = (more: readonly string[]) =>
      pool.spawn(STINT, [...args.slice(0, -tests.length - 2), ...more, '--', '-q', ...tests], {
        cwd,
        env: environment,
        deadline: PATIENCE,
      }).ended;
    renew();
    const ours = await run([]);
    assert.equal(ours.code, 1, ours.stdout + ours.stderr);
    const counts = countsOf(ours.stdout);
    assert.deepEqual(counts, lastLine(plain.stdout), plain.stdout + ours.stdout);
    assert.ok(counts.failed > 0);

    const list = await listOf(pool, ['--python', python, ...options.filter((word) => word !== '--xdist')], {
      cwd,
      env: environment,
      report,
      tests,
    });
    renew();
    const after = await run(list.flatMap((id) => ['--deselect', id]));
    assert.equal(after.code, 0, after.stdout + after.stderr);
    assert.deepEqual(countsOf(after.stdout), { ...counts, failed: 0 });
  });
}

interface Counts {
  passed: number;
  failed: number;
  /** Those that are expected to fail count as such for stint. */
  skipped: number;
}

function countsOf(stdout: string): Counts {
  const { counts } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as { counts: Record<string, number> };
  return {
    passed: counts.passed ?? 0,
    failed: (counts.failed ?? 0) + (counts.error ?? 0),
    skipped: counts.skipped ?? 0,
  };
}

/** pytest's own last line: `1 failed, 205 passed, 8 skipped in 6.69s`. */
function lastLine(stdout: string): Counts {
  const line = stdout.trim().split('\n').at(-1) as string;
  const number = (word: string) => Number(new RegExp(`(\\d+) ${word}\\b`).exec(line)?.[1] ?? 0);
  return {
    passed: number('passed'),
    failed: number('failed') + number('errors?'),
    skipped: number('skipped') + number('xfailed'),
  };
}

/** The list that `stint deselect` makes of a report. */
async function listOf(
  pool: Pool,
  options: readonly string[],
  { cwd, env, report, tests }: { cwd: string; env: Record<string, string>; report: string; tests: readonly string[] },
): Promise<string[]> {
  const args = ['deselect', ...options, '--format', 'json', report, '--', ...tests];
  const { code, stdout, stderr } = await pool.spawn(STINT, args, { cwd, env, deadline: PATIENCE }).ended;
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as { deselect: string[] }).deselect;
}
