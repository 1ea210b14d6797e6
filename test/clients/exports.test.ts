// Real tools in a lease of three slots: each runs three jobs at once, or as many threads, because of what it is told, and not
// because somebody gave it a number.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Pool, type Result, startPool } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const PATIENCE = 120_000;
/** What a job does: it writes when it starts and when it ends, and takes long enough for others to start beside it. */
const JOB = 'echo start >>"$LOG"; sleep 0.4; echo end >>"$LOG"';
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

async function leased(pool: Pool, command: readonly string[], cwd: string = pool.folder): Promise<Result> {
  const env = { LOG: join(pool.folder, 'log') };
  const result = await pool.run(['--slots', '3', '--style', 'fds', '--', ...command], { env, cwd, deadline: PATIENCE });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return result;
}

/** The most jobs that ran at once. */
function peak(pool: Pool): number {
  let running = 0;
  let most = 0;
  for (const word of readFileSync(join(pool.folder, 'log'), 'utf8').trim().split('\n'))
    most = Math.max(most, (running += word === 'start' ? 1 : -1));
  assert.equal(running, 0);
  return most;
}

test('pytest -n auto starts as many workers as there are slots, each with one thread', {
  skip: missing('pytest'),
}, async (t) => {
  const pool = await startPool(t, 4);
  writeFileSync(
    join(pool.folder, 'test_count.py'),
    'import os\ndef test_it():\n    print(os.environ["PYTEST_XDIST_WORKER_COUNT"], os.environ["OMP_NUM_THREADS"])\n',
  );
  const { stdout } = await leased(pool, [
    toolPath('pytest'),
    '-n',
    'auto',
    '-rP',
    '-p',
    'no:cacheprovider',
    '-p',
    'no:jobserver',
    'test_count.py',
  ]);
  assert.match(stdout, /^3 1$/m);
  await pool.stop();
});

test('ctest runs as many tests at once as there are slots', { skip: missing('ctest') }, async (t) => {
  const pool = await startPool(t, 4);
  const tests = NAMES.map((name) => `add_test(${name} "/bin/sh" "-c" [=[${JOB}]=])`);
  writeFileSync(join(pool.folder, 'CTestTestfile.cmake'), `${tests.join('\n')}\n`);
  await leased(pool, [toolPath('ctest')]);
  assert.equal(peak(pool), 3);
  await pool.stop();
});

for (const generator of ['Unix Makefiles', 'Ninja']) {
  const name = `cmake --build runs as many jobs at once as there are slots, with ${generator}`;
  test(name, { skip: missing('cmake', 'gcc', 'ninja') }, async (t) => {
    const pool = await startPool(t, 4);
    const targets = NAMES.map((target) => `add_custom_target(${target} ALL COMMAND sh -c [=[${JOB}]=] VERBATIM)`);
    writeFileSync(
      join(pool.folder, 'CMakeLists.txt'),
      `cmake_minimum_required(VERSION 3.10)\nproject(jobs NONE)\n${targets.join('\n')}\n`,
    );
    const program = generator === 'Ninja' ? [`-DCMAKE_MAKE_PROGRAM=${toolPath('ninja')}`] : [];
    const args = ['-G', generator, ...program, '-B', 'tree'];
    const configured = await pool.spawn(toolPath('cmake'), args, { deadline: PATIENCE }).ended;
    assert.equal(configured.code, 0, configured.stderr);
    const { stderr } = await leased(pool, [toolPath('cmake'), '--build', 'tree']);
    assert.equal(stderr, '');
    assert.equal(peak(pool), 3);
    await pool.stop();
  });
}

test('cargo test runs as many tests at once as there are slots', { skip: missing('cargo', 'rustc') }, async (t) => {
  const pool = await startPool(t, 4);
  mkdirSync(join(pool.folder, 'src'));
  writeFileSync(join(pool.folder, 'Cargo.toml'), '[package]\nname = "jobs"\nversion = "0.1.0"\nedition = "2021"\n');
  const tests = NAMES.map((name) => `#[test]\nfn ${name}() { job() }\n`).join('');
  const job = `#[cfg(test)]\nfn job() { assert!(std::process::Command::new("sh").args(["-c", r#"${JOB}"#]).status().unwrap().success()) }\n`;
  writeFileSync(join(pool.folder, 'src/lib.rs'), job + tests);
  await leased(pool, [toolPath('cargo'), 'test', '--offline', '--lib']);
  assert.equal(peak(pool), 3);
  await pool.stop();
});

test('a program with OpenMP has as many threads as there are slots', { skip: missing('gcc') }, async (t) => {
  const pool = await startPool(t, 4);
  writeFileSync(
    join(pool.folder, 'omp.c'),
    '#include <omp.h>\n#include <stdio.h>\nint main(void) { printf("%d\\n", omp_get_max_threads()); }\n',
  );
  const compiled = await pool.spawn(toolPath('gcc'), ['-fopenmp', '-o', 'omp', 'omp.c'], { deadline: PATIENCE }).ended;
  assert.equal(compiled.code, 0, compiled.stderr);
  assert.equal((await leased(pool, ['./omp'])).stdout, '3\n');
  await pool.stop();
});

test('xz has as many threads as there are slots', { skip: missing('xz') }, async (t) => {
  const pool = await startPool(t, 4);
  const { stderr } = await leased(pool, [toolPath('xz'), '-vv', '-k', '-c', '--', toolPath('xz')]);
  assert.match(stderr, /up to 3 threads/);
  await pool.stop();
});
