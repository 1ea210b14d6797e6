// The manual: made from what is said of the verbs and of the configuration, in a form that man takes without a complaint.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { files } from '../../packaging/manual/files.ts';
import { fromMarkdown } from '../../packaging/manual/markdown.ts';
import { verbPage } from '../../packaging/manual/verb-page.ts';
import { TREE } from '../../src/cli/verbs/tree.ts';
import { PLACES } from '../../src/process/config/schema.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const DIST = join(import.meta.dirname, '../../dist');
const all = files();
const pages = [...all].filter(([name]) => name.startsWith('share/man/'));
const page = (name: string): string => all.get(`share/man/man${name.at(-1)}/${name}`) as string;

/** A page as it is read, on one line. */
const asRead = (text: string): string =>
  mandoc(['-Tutf8', '-Owidth=100'], text).replace(/.[\b]/g, '').replace(/\s+/g, ' ');

function mandoc(args: readonly string[], input: string): string {
  return spawnSync(toolPath('mandoc'), args, { input, encoding: 'utf8' }).stdout;
}

test('what was built is what the sources say now', () => {
  for (const [name, text] of all) assert.equal(readFileSync(join(DIST, name), 'utf8'), text, `dist/${name} is stale`);
});

test('there is a page for each verb, for the configuration and for the protocol', () => {
  const names = pages.map(([name]) => name.replace(/.*\//, ''));
  const wanted = ['stint.1', ...TREE.map(({ name }) => `stint-${name}.1`), 'stint.toml.5', 'stint-protocol.7'];
  assert.deepEqual(names, wanted);
});

test('mandoc finds nothing to complain of', { skip: missing('mandoc') }, () => {
  for (const [name, text] of pages) {
    const complaints = mandoc(['-Tlint', '-Wwarning'], text)
      .split('\n')
      .filter((line) => line !== '' && !line.includes('missing date')); // one that is not released has none
    assert.deepEqual(complaints, [], name);
  }
});

test('a page tells every option of its verb, in the words of the help text', { skip: missing('mandoc') }, () => {
  for (const { name, options, brief } of TREE) {
    const read = asRead(page(`stint-${name}.1`));
    assert.ok(read.includes(`stint-${name} - ${brief}`), name);
    for (const [option, { text, value = '' }] of Object.entries(options)) {
      const first = (text.split('\n')[0] as string).replace(/\s+/g, ' ');
      assert.ok(read.includes(`--${option} ${value} ${first}`.replace('  ', ' ')), `${name} --${option}`);
    }
  }
});

test('pages name only pages that there are', { skip: missing('mandoc') }, () => {
  const there = new Set([...pages.map(([name]) => name.replace(/.*\//, '').replace(/\.(\d)$/, '($1)')), 'make(1)']);
  for (const [name, text] of pages)
    for (const [found] of asRead(text).matchAll(/\b(?:stint|make)[\w.-]*\(\d\)/g))
      assert.ok(there.has(found), `${name}: ${found}`);
});

test('stint.toml(5) tells of every key', { skip: missing('mandoc') }, () => {
  const read = asRead(page('stint.toml.5'));
  for (const [place, keys] of Object.entries(PLACES)) {
    if (place !== '') assert.ok(read.includes(` ${place} `), place);
    for (const key of keys)
      if (!['share', 'limits', 'rule', 'client'].includes(key)) assert.ok(read.includes(key), key);
  }
});

test('the page of a verb is its words, with what means something to roff escaped', () => {
  const verb = {
    name: 'spin',
    usage: ['[--fast] WHEEL', '--slow N'],
    brief: 'turn a wheel',
    about: "Turn WHEEL. 'stint top' shows it:\n  stint spin --fast 1\n.fast\n\nA new paragraph \\ ends.",
    options: { fast: { text: 'at once' }, slow: { value: 'N', text: 'after N seconds' } },
    notes: 'It stops.',
    exits: [
      [0, ''],
      [1, 'when WHEEL is stuck'],
    ],
  } as const;
  assert.deepEqual(verbPage(verb, ['stint(1)']), [
    '.SH NAME',
    'stint\\-spin \\- turn a wheel',
    '.SH SYNOPSIS',
    '\\fBstint spin\\fR [\\fB\\-\\-fast\\fR] \\fIWHEEL\\fR',
    '.br',
    '\\fBstint spin\\fR \\fB\\-\\-slow\\fR \\fIN\\fR',
    '.SH DESCRIPTION',
    'Turn \\fIWHEEL\\fR. \\(aqstint top\\(aq shows it:',
    '.PP',
    '.RS 4',
    '.nf',
    'stint spin \\-\\-fast 1',
    '.fi',
    '.RE',
    '.PP',
    '\\&.fast',
    '.PP',
    'A new paragraph \\e ends.',
    '.SH OPTIONS',
    '.TP',
    '\\fB\\-\\-fast\\fR',
    'at once',
    '.TP',
    '\\fB\\-\\-slow\\fR \\fIN\\fR',
    'after \\fIN\\fR seconds',
    '.TP',
    '\\fB\\-h\\fR, \\fB\\-\\-help\\fR',
    'print a short text',
    '.SH NOTES',
    'It stops.',
    '.SH EXIT STATUS',
    '.TP',
    '\\fB0\\fR',
    'when it ended',
    '.TP',
    '\\fB1\\fR',
    'when \\fIWHEEL\\fR is stuck',
    '.SH SEE ALSO',
    '\\fBstint\\fR(1)',
  ]);
});

test('Markdown becomes a page: headings, lists, tables, blocks, and fonts within a line', () => {
  const markdown = `# Wheels

They *turn*, by \`stint spin\`; [more](wheels.md) ([why](why.md)).
'Quoted' at the start.

## Kinds

- one that is
  **large**
- another

| wheel | size | use |
|---|---|---|
| \`a-b\` | 1 | |

\`\`\`sh
.spin \\ 'x'
\`\`\`
`;
  assert.deepEqual(fromMarkdown(markdown), [
    'They \\fIturn\\fR, by \\fBstint spin\\fR; more.',
    '\\(aqQuoted\\(aq at the start.',
    '.SH KINDS',
    '.IP \\(bu 3',
    'one that is',
    '\\fBlarge\\fR',
    '.IP \\(bu 3',
    'another',
    '.TP',
    '\\fBa\\-b\\fR',
    'size: 1',
    '.PP',
    '.RS 4',
    '.nf',
    '\\&.spin \\e \\(aqx\\(aq',
    '.fi',
    '.RE',
  ]);
});
