// The documentation holds what it says: commands run, links lead somewhere, options and codes are those of the code.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../src/errors.ts';
import { Place, STINT } from './helpers/pool.ts';
import { VERBS } from './helpers/verbs.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root }), 'bench/RESULTS.md'];

test('every relative link leads to something', () => {
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (target === undefined || /^[a-z]+:/.test(target)) continue;
      assert.ok(existsSync(join(root, dirname(page), target)), `${page} links to ${target}, which is not there`);
    }
  }
});

test('the commands of README that are marked as tested work', async (t) => {
  const place = new Place(t);
  const blocks = [...read('README.md').matchAll(/```sh test\n([\s\S]*?)```/g)];
  assert.ok(blocks.length > 0, 'README has such commands');
  const path = `${dirname(STINT)}:${process.env.PATH}`;
  for (const [, commands] of blocks) {
    const { code, stdout, stderr } = await place.spawn('sh', ['-e', '-c', commands as string], { env: { PATH: path } })
      .ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /my jobserver: .*-j2 --jobserver-auth=/);
  }
  await place.finish();
});

test('README has each exit code of stint, and no other', () => {
  const section = /## Exit status\n([\s\S]*?)\n## /.exec(read('README.md'))?.[1] as string;
  const codes = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(
    codes.sort((a, b) => a - b),
    Object.values(EXIT).sort((a, b) => a - b),
  );
});

test('every option in a help text is explained in README or is plain help', async (t) => {
  const place = new Place(t);
  const readme = read('README.md');
  for (const verb of VERBS) {
    const { stdout, code } = await place.stint([verb, '--help']);
    assert.equal(code, 0);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, `${verb} --help: ${line}`);
    if (verb !== 'run' && verb !== 'with') continue;
    for (const [, option] of stdout.matchAll(/^ {6}(--[a-z-]+)/gm))
      assert.ok(readme.includes(option as string), option);
  }
});

test('docs/dependencies.md names exactly the dependencies there are', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  const { optionalDependencies } = JSON.parse(read('toolchain/package.json'));
  const named = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string);
  const there = [dependencies, devDependencies, optionalDependencies].flatMap((list) => Object.keys(list));
  assert.deepEqual(named.sort(), there.sort());
});

test('ARCHITECTURE.md and CONTRIBUTING.md name only files that are there', () => {
  for (const page of ['ARCHITECTURE.md', 'CONTRIBUTING.md']) {
    for (const [, path] of read(page).matchAll(/`((?:src|test|bench|docs|bin|toolchain)\/[\w./-]+)`/g)) {
      if (path !== undefined && !/VERB/.test(path)) assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
    }
  }
});

test('docs/security.md names only tests that are there', () => {
  const [, table = ''] = read('docs/security.md').split('|---|---|---|');
  const named = [...table.matchAll(/`(\w+\/[\w-]+)`/g)].map(([, name]) => name as string);
  assert.ok(named.length > 0);
  for (const name of named) assert.ok(existsSync(join(root, `test/${name}.test.ts`)), name);
});

test('every room of the house is in ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md');
  for (const room of globSync('src/*/', { cwd: root })) assert.ok(text.includes(`\`${relative('.', room)}/\``), room);
});
