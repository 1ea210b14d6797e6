// test/run.ts, on small test files: what it counts, what it says, and how it exits.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from './helpers/temporary.ts';

const runner = join(import.meta.dirname, 'run.ts');

/** Runs the runner on one file of `code`, in which node:test's words are at hand. */
function outcome(t: TestContext, code: string, env: Record<string, string> = {}) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'it.test.ts'), `import { describe, it, test, after } from 'node:test';\n${code}\n`);
  // A child that is told it runs under node:test would speak to us in its format.
  const { NODE_TEST_CONTEXT, CI, ...clean } = process.env;
  const result = spawnSync(process.execPath, [runner, folder], {
    encoding: 'utf8',
    env: { ...clean, ...env },
    timeout: 60_000,
  });
  const lines = result.stdout.trimEnd().split('\n');
  return { last: lines.at(-1), text: result.stdout, status: result.status, stderr: result.stderr };
}

test('only leaves are counted, at any depth', (t) => {
  const { last, status } = outcome(
    t,
    `test('one', () => {});
     describe('suite', () => { it('two', () => {}); describe('inner', () => { it('three', () => {}); }); });
     test('parent', async (t) => { await t.test('four', () => {}); });`,
  );
  assert.equal(last, '4 passed, 0 failed, 0 skipped');
  assert.equal(status, 0);
});

test('a failed leaf is counted once, and shown by its path with the error', (t) => {
  const { last, text, status } = outcome(
    t,
    `describe('suite', () => { it('two', () => { throw new Error('deep trouble'); }); it('three', () => {}); });`,
  );
  assert.equal(last, '1 passed, 1 failed, 0 skipped');
  assert.match(text, /✗ suite › two\n\s+Error: deep trouble\n\s+at .*it\.test\.ts:2/);
  assert.doesNotMatch(text, /node:internal/);
  assert.equal(status, 1);
});

test('a hook that fails is a failure', (t) => {
  const { text, status } = outcome(
    t,
    `describe('suite', () => { after(() => { throw new Error('hook'); }); it('two', () => {}); });`,
  );
  assert.match(text, /Error: hook/);
  assert.equal(status, 1);
});

test('a skipped test is shown with its reason, and is an error in CI only', (t) => {
  const code = `test('one', () => {}); test('two', (t) => t.skip('no cargo here')); test.todo('three');`;
  const { last, text, status } = outcome(t, code);
  assert.equal(last, '1 passed, 0 failed, 2 skipped');
  assert.match(text, /two: skipped: no cargo here\n/);
  assert.equal(status, 0);
  assert.equal(outcome(t, code, { CI: 'true' }).status, 1);
});

test('a file that ends early, breaks or hangs is a failure', (t) => {
  const early = outcome(t, `test('one', () => process.exit(7));`);
  assert.match(early.text, /exited with code 7/);
  assert.equal(early.status, 1);
  const broken = outcome(t, `throw new Error('not today');`);
  assert.match(broken.text, /not today/);
  assert.equal(broken.last, '0 passed, 1 failed, 0 skipped');
  assert.equal(broken.status, 1);
  const hangs = outcome(t, `test('one', () => new Promise(() => setInterval(() => {}, 1e6)));`, {
    TEST_TIMEOUT: '500',
  });
  assert.match(hangs.text, /one\n\s+test timed out after 500ms/);
  assert.equal(hangs.status, 1);
});

test('no test at all is an error', (t) => {
  const { last, status } = outcome(t, '');
  assert.equal(last, '0 passed, 0 failed, 0 skipped');
  assert.equal(status, 1);
});
