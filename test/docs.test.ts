// The documentation holds what it says: commands run, links lead somewhere, verbs, options, keys and codes are those of the code.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { TREE } from '../src/cli/verbs/tree.ts';
import { EXIT } from '../src/errors.ts';
import { checkConfig } from '../src/process/config.ts';
import { blocksOf, commandsIn, optionsOf, outputFits, slugsOf } from './helpers/docs.ts';
import { noMachine, startMachine } from './helpers/machine.ts';
import { Place, STINT, startPool } from './helpers/pool.ts';
import { temporaryFolder } from './helpers/temporary.ts';
import { missing } from './helpers/toolchain.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root }), 'bench/RESULTS.md'];
/** Those that tell what is so now. */
const current = pages.filter((page) => page !== 'CHANGELOG.md' && !page.startsWith('docs/adr/'));

test('every link leads to a file that is there, and to a heading in it', () => {
  for (const page of pages) {
    for (const [, target = '', heading] of read(page).matchAll(/\]\(([^)#\s]*)(?:#([^)]*))?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const path = target === '' ? page : relative(root, join(root, dirname(page), target));
      assert.ok(existsSync(join(root, path)), `${page} links to ${target}, which is not there`);
      if (heading !== undefined)
        assert.ok(slugsOf(read(path)).has(heading), `${page} links to ${path}#${heading}, a heading that is not there`);
    }
  }
});

test('every block of commands is run by a test, or says what it needs that a test lacks', () => {
  for (const page of current)
    for (const { language, mark } of blocksOf(read(page))) {
      if (language !== 'sh' && language !== 'bash') continue;
      const [, file] = /^in (test\/\S+)$/.exec(mark) ?? [];
      if (file !== undefined) assert.ok(existsSync(join(root, file)), `${page}: there is no ${file}`);
      else
        assert.match(
          mark,
          /^(?:test(?: on a machine's pool)?|needs .+)$/,
          `${page}: mark the block as \`\`\`${language} test, \`\`\`${language} in test/FILE, or \`\`\`${language} needs SOMETHING`,
        );
    }
});

for (const page of current) {
  for (const [at, { language, mark, text }] of blocksOf(read(page)).entries()) {
    if (!/^test/.test(mark)) continue;
    const machine = mark !== 'test';
    const skip = machine ? (noMachine() ?? missing('make44')) : false;
    test(`block ${at + 1} of ${page} does what it says`, { skip }, async (t) => {
      // One that says how large the pool is that it starts must be the first to come.
      const place = machine ? await startMachine(t, 4) : /--jobs/.test(text) ? new Place(t) : await startPool(t, 4);
      // Where make is older, what is printed for a shell is refused.
      const make44 = join(root, '.cache/toolchain/make-4.4/bin');
      const path = [dirname(STINT), ...(machine ? [make44] : []), process.env.PATH].join(':');
      const { code, stdout, stderr } = await place.spawn(language, ['-e', '-c', text], { env: { PATH: path } }).ended;
      assert.equal(code, 0, stderr);
      for (const line of text.split('\n').filter((one) => one.startsWith('#> ')))
        assert.ok(outputFits(stdout, line.slice(3)), `it prints no line ${line.slice(3)}, but:\n${stdout}`);
    });
  }
}

test('verbs and options in documents are those that there are', () => {
  let found = 0;
  for (const page of current) {
    for (const { verb, options } of commandsIn(read(page))) {
      const known = optionsOf(verb);
      assert.ok(known, `${page}: stint ${verb}: there is no such verb`);
      for (const option of options) assert.ok(known.has(option), `${page}: stint ${verb} has no option ${option}`);
      found++;
    }
  }
  assert.ok(found > 100, 'they are found');
});

test('commands are found in code, in blocks, and behind others, and their own options are none of ours', () => {
  const markdown = `Say \`stint run --label x -- make --bar\` or \`eval "$(stint env --for make)"\`, not src/stint top.
\`\`\`sh needs nothing
make && stint lease hold --user 2..8   # stint no --such
stint run make --jobs
stint frobnicate
\`\`\``;
  assert.deepEqual(commandsIn(markdown), [
    { verb: 'lease hold', options: ['--user'] },
    { verb: 'run', options: [] },
    { verb: 'frobnicate', options: [] },
    { verb: 'run', options: ['--label'] },
    { verb: 'env', options: ['--for'] },
  ]);
  assert.equal(optionsOf('frobnicate'), undefined);
  assert.deepEqual([...(optionsOf('lease hold') ?? [])], ['--user', '--label', '--help']);
  assert.deepEqual([...slugsOf('# `GET /x`, and *y*\n\n## A\n## A\n')], ['get-x-and-y', 'a', 'a-1']);
  assert.ok(outputFits('one\n4 slots:  2 used\n', '4 slots: … used') && !outputFits('4 slots', '5 slots'));
});

test('keys of the configuration in documents are those that there are', (t) => {
  const keys = [...read('docs/stint.toml').matchAll(/^#(\w+) = /gm)].map(([, key]) => key);
  for (const page of current) {
    const text = read(page);
    for (const [, key] of text.matchAll(/`(?:share|limits)\.(\w+)\b[^`]*`|`stint (?:set|get) (?:--\w+ )*\w+\.(\w+)/g))
      if (key !== undefined) assert.ok(keys.includes(key), `${page}: there is no key ${key}`);
    for (const { language, text: toml } of blocksOf(text)) {
      if (language !== 'toml') continue;
      const file = join(temporaryFolder(t), 'stint.toml');
      writeFileSync(file, toml);
      assert.deepEqual(checkConfig(file), [], page);
    }
  }
});

test('docs/reference.md has each exit code of stint, and no other; verbs say no other either', () => {
  const section = /## Exit status\n([\s\S]*)/.exec(read('docs/reference.md'))?.[1] as string;
  const codes = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(
    codes.sort((a, b) => a - b),
    Object.values(EXIT).sort((a, b) => a - b),
  );
  for (const { name, exits } of TREE)
    for (const [code] of exits) assert.ok(code === 'CMD' || codes.includes(code), `stint ${name}: ${code}`);
});

test('docs/reference.md explains every option of stint run and stint with', () => {
  const sections = read('docs/reference.md').split(/^## /m);
  for (const { name, options } of TREE) {
    const section = sections.find((text) => text.startsWith(`stint ${name}\n`));
    if (section === undefined) continue;
    for (const option of Object.keys(options)) assert.ok(section.includes(`| \`--${option}`), `${name} --${option}`);
  }
});

test('every page of docs/ is in docs/README.md', () => {
  const index = read('docs/README.md');
  for (const page of globSync('docs/*.md', { cwd: root }))
    if (page !== 'docs/README.md')
      assert.ok(index.includes(`(${relative('docs', page)})`), `docs/README.md has no line for ${page}`);
});

test('documents that sources and help texts name are there', () => {
  const sources = globSync(['src/**/*.ts', 'bin/stint', 'packaging/**/*.ts', 'docs/stint.toml'], { cwd: root });
  for (const source of sources)
    for (const [found] of read(source).matchAll(/\bdocs\/(?:adr\/)?[\w-]+\.(?:md|toml|json)\b/g))
      assert.ok(existsSync(join(root, found)), `${source} names ${found}`);
});

test('decisions are numbered, each once, and those that are named by their number are there', () => {
  const files = globSync('docs/adr/*.md', { cwd: root });
  const numbers = files.map((file) => {
    const number = Number(/(\d{4})-/.exec(file)?.[1]);
    assert.match(read(file), new RegExp(`^# ${number}\\. `), file);
    return number;
  });
  assert.equal(new Set(numbers).size, numbers.length);
  for (const page of pages)
    for (const [, number] of read(page).matchAll(/\bADR (\d+)\b/g))
      assert.ok(numbers.includes(Number(number)), `${page} names ADR ${number}`);
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
