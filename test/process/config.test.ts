// The configuration file: what it may say, what is said of the rest, and that the one in docs/ is true.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { DEFAULT_POLICY } from '../../src/core/policy.ts';
import { StintError } from '../../src/errors.ts';
import { KEYS } from '../../src/process/config/keys.ts';
import { PLACES } from '../../src/process/config/schema.ts';
import { classOf, limitsOf, shareOf } from '../../src/process/config/sections.ts';
import { checkConfig, readConfig } from '../../src/process/config.ts';
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
    return `${error.message.replace(file, 'FILE')}${error.hint === undefined ? '' : ` | ${error.hint.replace(file, 'FILE')}`}`;
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
state = "/srv/stint"
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
    settings: { jobs: 4096 },
    rules: [],
    state: '/srv/stint',
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

test('every key of [share], [limits] and [[rule]] has its effect', (t) => {
  const { settings, rules } = read(
    t,
    `jobs = 8
[share]
first_slot = "wait"
first_slot_max = 2
newcomer_overcommit = 0.5
client_max = 3
build_max = 4
user_max = 5
class = "background"
[limits]
min_slots = 2
max_load = 12.5
max_cpu_pressure = 60
max_io_pressure = 50
max_memory_pressure = 40
min_memory = "1.5GiB"
memory_per_job = 536870912
memory_look_ahead = false
cgroup = false
ramp = 0.5
[[rule]]
user = "root"
group = 250
label = "emerge *"
cgroup = "/ci/*"
weight = 0.5
class = "interactive"
max = 6
build_max = 7
`,
  );
  assert.deepEqual(shareOf(settings), {
    firstSlot: 'wait',
    firstSlotMax: 2,
    newcomerOvercommit: 0.5,
    clientMax: 3,
    buildMax: 4,
    userMax: 5,
  });
  assert.equal(classOf(settings), 'background');
  assert.deepEqual(limitsOf(settings), {
    minSlots: 2,
    maxLoad: 12.5,
    maxCpuPressure: 60,
    maxIoPressure: 50,
    maxMemoryPressure: 40,
    minMemory: { bytes: 1.5 * 2 ** 30 },
    memoryPerJob: 2 ** 29,
    memoryLookAhead: false,
    cgroup: false,
    ramp: 0.5,
  });
  assert.deepEqual(rules, [
    {
      name: 'rule 1 (user root, group 250, label emerge *, cgroup /ci/*)',
      user: 0,
      group: 250,
      label: 'emerge *',
      cgroup: '/ci/*',
      weight: 0.5,
      class: 'interactive',
      max: 6,
      buildMax: 7,
    },
  ]);
});

test('what counts where nothing is said is what the pool and its limits do by themselves', () => {
  const silent = Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, { standard }]) => (standard === null ? [] : [[key, standard]])),
  );
  assert.deepEqual({ ...DEFAULT_POLICY, ...shareOf(silent) }, DEFAULT_POLICY);
  assert.deepEqual({ ...DEFAULT_LIMITS, ...limitsOf(silent) }, DEFAULT_LIMITS);
  for (const [key, { standard, fits }] of Object.entries(KEYS)) if (standard !== null) assert.ok(fits(standard), key);
});

test('clients may be written as a list', (t) => {
  assert.deepEqual(read(t, 'client = [{ program = "x", node = "pipe" }]').clients, [{ program: 'x', node: 'pipe' }]);
});

const jobs = 'it must be a whole number from 1 to 4096';
const mount = 'it must be an absolute path of at most 98 bytes, without white space, \\, $, empty parts, . and ..';
const mode = 'it must be an octal string that lets read and write, from "0600" to "0666"';
const group = 'it must be the name or the number of a group';
const timeout = 'it must be a whole number of seconds from 0 to 86400';
const minMemory =
  'it must be bytes like "1GiB", at least "1MiB", or a part of all memory like "5%", below 100%; 0: none';
const program = "it must be a program's name of 1 to 255 characters without /; * and ? stand for others";
const node = 'it must be "file", "pipe" or "split"';
const keys = 'there are jobs, mount, mode, group, api_group, on_term, stop_timeout, state, share, limits, rule, client';
const inShare = 'first_slot, first_slot_max, newcomer_overcommit, client_max, build_max, user_max, class';
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
  [
    'on_term = "x"\nfoo = 1\njobs = 0',
    'FILE:1: on_term is "x"; it must be "wait" or "now" | there is more: stint config check FILE',
  ],
  ['[share]\nfirst_slot = "later"', 'FILE:2: share.first_slot is "later"; it must be "overcommit" or "wait"'],
  ['[share]\nclass = "fast"', 'FILE:2: share.class is "fast"; it must be "interactive", "normal" or "background"'],
  ['share = 3', 'FILE:1: share is 3; it must be a table [share]'],
  ['[share]\nuser_max = 0', 'FILE:2: share.user_max is 0; it must be a whole number from 1 to 4096'],
  ['jobs = 4\n[share]\nfirst_slot_max = 5', 'FILE:3: share.first_slot_max is 5; it must be at most jobs, which is 4'],
  ['jobs = 4\n[limits]\nmin_slots = 5', 'FILE:3: limits.min_slots is 5; it must be at most jobs, which is 4'],
  ['[limits]\nmin_memory = "5 percent"', `FILE:2: limits.min_memory is "5 percent"; ${minMemory}`],
  // Whoever writes that means percent, or something else, but not bytes.
  ['[limits]\nmin_memory = 5', `FILE:2: limits.min_memory is 5; ${minMemory}`],
  ['[limits]\nmin_memory = "100%"', `FILE:2: limits.min_memory is "100%"; ${minMemory}`],
  ['[limits]\nmin_memory = "1 GB"', `FILE:2: limits.min_memory is "1 GB"; ${minMemory}`],
  [
    '[limits]\nmemory_per_job = 5',
    'FILE:2: limits.memory_per_job is 5; it must be bytes like "256MiB", at least "1MiB"',
  ],
  ['[limits]\nramp = 0', 'FILE:2: limits.ramp is 0; it must be slots per second, a number above 0 to 4096'],
  [
    '[limits]\nmax_cpu_pressure = 101',
    'FILE:2: limits.max_cpu_pressure is 101; it must be a number of percent from 0 (off) to 100',
  ],
  [
    '[share]\nfirstslot = "wait"',
    `FILE:2: unknown key firstslot in [share]; there are ${inShare} | did you mean first_slot?`,
  ],
  ['min_memory = 3', `FILE:1: unknown key min_memory; ${keys} | min_memory belongs into [limits]`],
  ['[[rule]]\nuser = "rooot"\nmax = 1', 'FILE:2: user is "rooot", but there is no such user | did you mean "root"?'],
  ['[[rule]]\nmax = 1', 'FILE:1: a rule must have one of user, group, label, cgroup | for all builds: [share]'],
  ['[[rule]]\nuser = 0', 'FILE:1: a rule must have one of weight, class, max, build_max'],
  ['[[rule]]\nuser = 0\nweight = 0', 'FILE:3: weight is 0; it must be a number from 0.01 to 1000'],
  ['[rule]\nuser = 0', 'FILE:1: rule is {"user":0}; it must be tables [[rule]]'],
  ['state = "var"', 'FILE:1: state is "var"; it must be an absolute path'],
  ['jobs = 1\njobs = 2', 'FILE:2:1: not TOML: trying to redefine an already defined table or value'],
  ['jobs = ', 'FILE:1:8: not TOML: invalid value'],
] as const) {
  test(`${JSON.stringify(text)} is refused`, (t) => {
    assert.equal(refusal(t, text), said);
  });
}

test('stint config check says everything that is wrong, in the order of the file', async (t) => {
  const place = new Place(t);
  const file = join(place.folder, 'stint.toml');
  writeFileSync(file, 'jobs = 0\ncolour = 1\n[limits]\nmin_slots = 1\nmin_slot = 2\n[[rule]]\nweight = 1\nmax = "x"\n');
  const { code, stdout, stderr } = await place.stint(['config', 'check', file]);
  assert.deepEqual([code, stdout], [1, '']);
  const said = stderr.split('\n').filter((line) => line.startsWith('stint: '));
  assert.deepEqual(
    said.map((line) => line.slice(0, line.indexOf(';')).replace(`stint: ${file}`, '')),
    [':1: jobs is 0', ':2: unknown key colour', ':5: unknown key min_slot in [limits]', ':8: max is "x"'],
  );
  assert.deepEqual(checkConfig(file).length, 4);

  writeFileSync(file, 'jobs = 4\n[share]\nfirst_slot_max = 5\n[[rule]]\nmax = 1\n[[rule]]\ngroup = "rot"\n');
  const second = await place.stint(['config', 'check', file]);
  assert.deepEqual([second.code, second.stderr.match(/^stint: /gm)?.length], [1, 4]);

  writeFileSync(file, 'jobs = 4\n');
  const third = await place.stint(['config', 'check', file]);
  assert.deepEqual([third.code, third.stdout, third.stderr], [0, `${file} is in order\n`, '']);
  const none = await place.stint(['config', 'check', join(place.folder, 'none')]);
  assert.match(none.stderr, /^stint: cannot read \S+: no such file or directory\n$/);
  assert.equal(none.code, 1);
});

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
  const { settings, rules, state, mount, clients, ...others } = read(t, uncommented);
  const { settings: _, rules: __, state: ___, mount: ____, clients: _____, ...defaults } = SILENT;
  assert.deepEqual(others, defaults);
  assert.deepEqual([state, mount], ['/var/lib/stint', '/run/stint']);
  for (const [key, value] of Object.entries(settings)) {
    const standard = KEYS[key]?.standard;
    if (standard !== null) assert.equal(value, standard, key);
  }
  assert.deepEqual(Object.keys(settings), Object.keys(KEYS));
  assert.equal(rules[0]?.name, 'rule 1 (user root, group root, label emerge *, cgroup *)');
  assert.deepEqual(clients, [{ program: 'our-builder-*', node: 'pipe', implicit: true }]);
});

test('docs/stint.toml has every key', () => {
  const [top = '', ...tables] = uncommented.split(/^(?=\[)/m);
  const found = (part: string) => [...part.matchAll(/^([a-z_]+) = /gm)].map(([, key]) => key as string);
  const names = tables.map((part) => /^\[+(\w+)/.exec(part)?.[1] as string);
  assert.deepEqual([...found(top), ...names].sort(), [...(PLACES[''] ?? [])].sort());
  for (const part of tables) {
    const head = part.slice(0, part.indexOf('\n')) as string;
    assert.deepEqual(found(part), PLACES[head], head);
  }
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
  for (const args of [
    ['status'],
    ['get'],
    ['set', 'jobs=1'],
    ['with', '--slots', '1', '--', '/nowhere'],
    ['run', '--', '/nowhere'],
    ['serve', '--user', '--jobs', 'none'],
  ]) {
    const files = loaded(main, args);
    assert.match(files, new RegExp(`src/cli/${args[0]}\\.ts`));
    assert.doesNotMatch(files, reader);
  }
});
