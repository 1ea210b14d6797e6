// The configuration file: what it may say, what is said of the rest, and that the one in docs/ is true.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { DEFAULT_POLICY } from '../../src/core/policy.ts';
import { KEYS } from '../../src/process/config/keys.ts';
import { PLACES } from '../../src/process/config/schema.ts';
import { classOf, limitsOf, shareOf } from '../../src/process/config/sections.ts';
import { readConfig } from '../../src/process/config.ts';
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

test('an empty file is the default', (t) => {
  assert.deepEqual(read(t, ''), SILENT);
});

test('every key has its effect', (t) => {
  const config = read(
    t,
    `jobs = 4096
mount = "/srv/build.d/stint"
device = "steve"
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
    device: 'steve',
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

test('a file that cannot be read is named', () => {
  assert.throws(() => readConfig('/nowhere/stint.toml'), {
    message: 'cannot read /nowhere/stint.toml: no such file or directory',
  });
});

const page = readFileSync(join(root, 'docs/stint.toml'), 'utf8');
const uncommented = page.replace(/^#(?=[a-z[])/gm, '');

test('docs/stint.toml is the default, commented out or not', (t) => {
  assert.deepEqual(read(t, page), SILENT);
  const { settings, rules, state, mount, device, clients, ...others } = read(t, uncommented);
  const { settings: _, rules: __, state: ___, mount: ____, device: _____, clients: ______, ...defaults } = SILENT;
  assert.deepEqual(others, defaults);
  assert.deepEqual([state, mount, device], ['/var/lib/stint', '/run/stint', 'stint']);
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
