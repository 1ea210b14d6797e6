// The configuration file: what it may say, what is said of the rest, and that the one in docs/ is true.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { StintError } from '../../src/errors.ts';
import { KEYS, readConfig } from '../../src/process/config.ts';
import { type Config, DEFAULTS, defaultGroup } from '../../src/process/defaults.ts';
import { Place } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { DEADLINE } from '../helpers/until.ts';

/** What counts where the configuration is silent. */
const SILENT: Config = { ...DEFAULTS, group: defaultGroup(), apiGroup: defaultGroup() };

const root = join(import.meta.dirname, '../..');

function read(t: TestContext, text: string): Config {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, text);
  return readConfig(file);
}

/** The error that `text` gives, as it is shown: its message with `FILE` for the path, and its hint. */
function refusal(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, text);
  try {
    readConfig(file);
  } catch (error) {
    assert.ok(error instanceof StintError, String(error));
    return `${error.message.replace(file, 'FILE')}${error.hint === undefined ? '' : ` | ${error.hint}`}`;
  }
  throw new Error(`it was taken: ${text}`);
}

test('an empty file is the default', (t) => {
  assert.deepEqual(read(t, ''), SILENT);
});

test('every key has its effect', (t) => {
  const config = read(
    t,
    `jobs = 4096
mount = "/srv/build.d/stint"
mode = "0666"
group = "root"
api_group = 4711
on_term = "now"
stop_timeout = 0
[[client]]
program = "g*make"
node = "file"
[[client]]
program = "bui?d"
node = "split"
implicit = false
`,
  );
  assert.deepEqual(config, {
    jobs: 4096,
    mount: '/srv/build.d/stint',
    mode: 0o666,
    group: 0,
    apiGroup: 4711,
    onTerm: 'now',
    stopTimeout: 0,
    clients: [
      { program: 'g*make', node: 'file' },
      { program: 'bui?d', node: 'split', implicit: false },
    ],
  });
});

test('who may change the pool is the group, where nothing else is said', (t) => {
  assert.equal(read(t, 'group = 250').apiGroup, 250);
  assert.equal(read(t, 'group = "250"').group, 250);
  assert.equal(read(t, 'api_group = 250').group, 0);
});

test('clients may be written as a list', (t) => {
  assert.deepEqual(read(t, 'client = [{ program = "x", node = "pipe" }]').clients, [{ program: 'x', node: 'pipe' }]);
});

const jobs = 'it must be a whole number from 1 to 4096';
const mount = 'it must be an absolute path of at most 98 bytes, without white space, \\, $, empty parts, . and ..';
const mode = 'it must be an octal string that lets read and write, from "0600" to "0666"';
const group = 'it must be the name or the number of a group';
const timeout = 'it must be a whole number of seconds from 0 to 86400';
const program = "it must be a program's name of 1 to 255 characters without /; * and ? stand for others";
const node = 'it must be "file", "pipe" or "split"';
const keys = 'there are jobs, mount, mode, group, api_group, on_term, stop_timeout, client';
const inClient = 'there are program, node, implicit';

for (const [text, said] of [
  ['jobs = 0', `FILE:1: jobs is 0; ${jobs}`],
  ['\n# jobs = 1\n  jobs = 4097', `FILE:3: jobs is 4097; ${jobs}`],
  ['jobs = 1.5', `FILE:1: jobs is 1.5; ${jobs}`],
  ['jobs = inf', `FILE:1: jobs is Infinity; ${jobs}`],
  ['"jobs" = "8"', `FILE:1: jobs is "8"; ${jobs}`],
  ['jobs = 1979-05-27', `FILE:1: jobs is 1979-05-27; ${jobs}`],
  ['jobs.max = 3', `FILE:1: jobs is {"max":3}; ${jobs}`],
  ['mount = "run/stint"', `FILE:1: mount is "run/stint"; ${mount}`],
  ['mount = "/"', `FILE:1: mount is "/"; ${mount}`],
  ['mount = "/run/"', `FILE:1: mount is "/run/"; ${mount}`],
  ['mount = "/run/../etc"', `FILE:1: mount is "/run/../etc"; ${mount}`],
  ['mount = "/my run"', `FILE:1: mount is "/my run"; ${mount}`],
  ['mount = "/run\\n"', `FILE:1: mount is "/run\\n"; ${mount}`],
  ['mount = "/$HOME"', `FILE:1: mount is "/$HOME"; ${mount}`],
  [`mount = "/${'ä'.repeat(49)}"`, `FILE:1: mount is "/${'ä'.repeat(57 - 8)}"; ${mount}`],
  ['mode = 660', `FILE:1: mode is 660; ${mode}`],
  ['mode = "0777"', `FILE:1: mode is "0777"; ${mode}`],
  ['mode = "0060"', `FILE:1: mode is "0060"; ${mode}`],
  ['mode = 0660', 'FILE:1:8: not TOML: illegal leading zero'],
  ['group = ""', `FILE:1: group is ""; ${group}`],
  ['group = -1', `FILE:1: group is -1; ${group}`],
  ['group = true', `FILE:1: group is true; ${group}`],
  ['jobs = 2\ngroup = "rooot"', 'FILE:2: group is "rooot", but there is no such group | did you mean "root"?'],
  ['api_group = 4294967295', 'FILE:1: api_group is 4294967295, but there is no such group'],
  ['on_term = "later"', 'FILE:1: on_term is "later"; it must be "wait" or "now"'],
  ['stop_timeout = 86401', `FILE:1: stop_timeout is 86401; ${timeout}`],
  ['stop_timeout = "1m"', `FILE:1: stop_timeout is "1m"; ${timeout}`],
  ['client = 3', 'FILE:1: client is 3; it must be tables [[client]]'],
  ['[client]\nprogram = "x"', 'FILE:1: client is {"program":"x"}; it must be tables [[client]]'],
  ['client = [3]', 'FILE:1: client is 3; it must be a table [[client]]'],
  ['[[client]]\nprogram = "/bin/x"\nnode = "file"', `FILE:2: program is "/bin/x"; ${program}`],
  ['[[client]]\nnode = "file"', `FILE:1: program is missing; ${program}`],
  ['[[client]]\nprogram = "a"\nnode = "file"\n\n[[client]]\nprogram = "b"', `FILE:5: node is missing; ${node}`],
  ['[[client]]\nprogram = "a"\nnode = "fifo"', `FILE:3: node is "fifo"; ${node}`],
  ['[[client]]\nprogram = "a"\nnode = "file"\nimplicit = 1', 'FILE:4: implicit is 1; it must be true or false'],
  ['job = 3', `FILE:1: unknown key job; ${keys} | did you mean jobs?`],
  ['jobs = 3\nstop-timeout = 3', `FILE:2: unknown key stop-timeout; ${keys} | did you mean stop_timeout?`],
  ['colour = "red"', `FILE:1: unknown key colour; ${keys}`],
  ['__proto__ = 1', `FILE:1: unknown key __proto__; ${keys}`],
  ['node = "file"', `FILE:1: unknown key node; ${keys} | node belongs into a [[client]]`],
  ['[serve]\njobs = 1', `FILE:1: unknown key serve; ${keys}`],
  [
    '[[client]]\nprogram = "a"\nnode = "file"\njobs = 1',
    `FILE:4: unknown key jobs in [[client]]; ${inClient} | jobs belongs above the first [[client]]`,
  ],
  [
    '[[client]]\nprogramm = "a"\nnode = "file"\nprogram = "a"',
    `FILE:2: unknown key programm in [[client]]; ${inClient} | did you mean program?`,
  ],
  ['on_term = "x"\nfoo = 1\njobs = 0', 'FILE:1: on_term is "x"; it must be "wait" or "now"'],
  ['jobs = 1\njobs = 2', 'FILE:2:1: not TOML: trying to redefine an already defined table or value'],
  ['jobs = ', 'FILE:1:8: not TOML: invalid value'],
] as const) {
  test(`${JSON.stringify(text)} is refused`, (t) => {
    assert.equal(refusal(t, text), said);
  });
}

test('a long value is not shown whole', (t) => {
  assert.match(refusal(t, `on_term = "${'x'.repeat(1000)}"`), /^FILE:1: on_term is "x{58}…; it must be/);
});

test('a file that cannot be read is named', () => {
  assert.throws(() => readConfig('/nowhere/stint.toml'), {
    message: 'cannot read /nowhere/stint.toml: no such file or directory',
  });
});

const page = readFileSync(join(root, 'docs/stint.toml'), 'utf8');
const uncommented = page.replace(/^#(?=[a-z[])/gm, '');

test('docs/stint.toml is the default, commented out or not', (t) => {
  assert.deepEqual(read(t, page), SILENT);
  const { jobs, mount, clients, ...others } = read(t, uncommented);
  const { jobs: _, mount: __, clients: ___, ...defaults } = SILENT;
  assert.deepEqual(others, defaults);
  assert.deepEqual([jobs, mount], [8, '/run/stint']);
  assert.deepEqual(clients, [{ program: 'our-builder-*', node: 'pipe', implicit: true }]);
});

test('docs/stint.toml has every key', () => {
  const [above, below] = uncommented.split('[[client]]\n').map((part) => part.matchAll(/^([a-z_]+) = /gm));
  const found = (part: RegExpStringIterator<RegExpExecArray> | undefined) => [...(part ?? [])].map(([, key]) => key);
  const table = page.includes('\n#[[client]]\n') ? ['client'] : [];
  assert.deepEqual([...found(above), ...table].sort(), [...KEYS.file].sort());
  assert.deepEqual(found(below), [...KEYS.client]);
});

test('no other verb loads what reads the configuration', (t) => {
  const place = new Place(t);
  const hooks = join(place.folder, 'hooks.mjs');
  const source = `import { registerHooks } from 'node:module';
    import { writeSync } from 'node:fs';
    registerHooks({ load: (url, context, next) => (writeSync(2, url + '\\n'), next(url, context)) });`;
  writeFileSync(hooks, source);
  const loaded = (code: string, args: string[]) => {
    const all = ['--import', hooks, '--input-type=module', '-e', code, 'stint', ...args];
    return spawnSync(process.execPath, all, { encoding: 'utf8', timeout: DEADLINE, env: place.env() }).stderr;
  };
  const reader = /zod|smol-toml|config\.ts/;
  assert.match(loaded(`await import('${root}/src/process/config.ts')`, []), reader);
  const main = `await import('${root}/src/main.ts')`;
  for (const args of [['status'], ['run', '--', '/nowhere'], ['serve', '--user', '--jobs', 'none']]) {
    const files = loaded(main, args);
    assert.match(files, new RegExp(`src/cli/${args[0]}\\.ts`));
    assert.doesNotMatch(files, reader);
  }
});
