// `stint doctor` where the machine has a pool: mistakes of rights, mounts, namespaces and the kernel, each planted for real, and
// what it must take for healthy there.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { examine, goodPath, orphan, sleeper } from '../helpers/doctor.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { STINT } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing, tool } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? missing('make44', 'ninja', 'ctest', 'python3');
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

/** A command that runs another one in a mount namespace of its own, after `script`. */
const inNamespace = (script: string): string[] => [
  'unshare',
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-ec',
  `${script}\nexec "$@"`,
  'sh',
];

test('a healthy machine is told so: a plain shell, stint run, a recipe of a bare make, a container', {
  skip,
}, async (t) => {
  const machine = await startMachine(t, 4);
  const makeflags = { MAKEFLAGS: machine.makeflags() };
  const recipe = `printf 'all:\\n\\t@$(COMMAND)\\n' >Makefile; exec make -s COMMAND="$*"`;
  const container = ['unshare', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc'];
  for (const [name, how] of [
    ['a plain shell', {}],
    ['a shell with the settings of stint env', { env: makeflags }],
    ['stint run', { through: [STINT, 'run', '--style', 'fifo', '--'] }],
    ['stint run with descriptors', { through: [STINT, 'run', '--style', 'fds', '--'] }],
    ['a lease', { through: [STINT, 'run', '--slots', '2', '--'] }],
    ['a recipe', { through: ['sh', '-c', recipe, 'sh'], env: makeflags }],
    ['a container', { through: container, env: makeflags }],
  ] as const) {
    await t.test(name, async () => {
      const { report } = await examine(machine, how);
      assert.deepEqual(report.findings, []);
      assert.deepEqual(
        report.pools.map(({ mode, state, capacity }) => [mode, state, capacity]),
        [
          ['system', 'serves', 4],
          ['user', 'none', undefined],
        ],
      );
      const shown = report.tools.flatMap(({ name: program, node }) => (node === undefined ? [] : [[program, node]]));
      assert.deepEqual(shown.slice(0, 3), [
        ['make', 'file'],
        ['ninja', 'pipe'],
        ['ctest', 'file'],
      ]);
    });
  }
  await machine.stop();
});

test('a user who may not open the node is told, also by root of a process of that user', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  chmodSync(machine.folder, 0o755);
  const env = { HOME: '/nonexistent', XDG_CACHE_HOME: '/nonexistent', XDG_RUNTIME_DIR: undefined };
  const makeflags = { MAKEFLAGS: machine.makeflags() };
  const PATH = goodPath(machine);
  const itself = await examine(machine, { through: NOBODY, cwd: '/', env: { ...env, ...makeflags, PATH } as never });
  assert.deepEqual(itself.ids, ['node-denied']);
  const settings = await machine.spawn('setpriv', [...NOBODY.slice(1), STINT, 'env', '--for', 'ci'], { env, cwd: '/' })
    .ended;
  assert.deepEqual([settings.code, settings.stdout], [1, ''], 'settings would be of no use to it');
  const other = machine.spawn('setpriv', [...NOBODY.slice(1), 'sleep', '1000'], { env: makeflags });
  const seen = await until('it is that user', async () => {
    const { report } = await examine(machine, { args: [String(other.pid)] });
    return report.findings.length > 0 && report;
  });
  assert.deepEqual(
    seen.findings.map(({ id, what }) => [id, what]),
    [['node-denied', `user 65534 of process ${other.pid} may not open it`]],
  );
  assert.deepEqual(seen.tools, [], 'nothing that another user put on a PATH is run');
  other.kill('SIGKILL');
  await machine.stop();
});

test('what nobody else may read of a process is said to be so, and is no finding', { skip }, async (t) => {
  const machine = await startMachine(t, 2, { args: ['--config', openToAll(t)] });
  chmodSync(machine.folder, 0o755);
  const env = { HOME: '/nonexistent', XDG_CACHE_HOME: '/nonexistent', NINJAOPTS: '-j8', PATH: goodPath(machine) };
  const { ids, stderr } = await examine(machine, {
    through: NOBODY,
    cwd: '/',
    env: { ...env, XDG_RUNTIME_DIR: '/nonexistent' },
    args: [String(process.pid)],
  });
  assert.deepEqual(ids, []);
  assert.equal(stderr, `stint: the environment of process ${process.pid} is not ours to read\n`);
  await machine.stop();
});

test('a mount whose daemon is gone is told', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  machine.daemon.killAll('SIGKILL');
  await machine.daemon.ended;
  const { ids } = await examine(machine, { env: { MAKEFLAGS: machine.makeflags() } });
  assert.deepEqual(ids, ['mount-dead']);
});

test('a daemon that does not answer is told, and waited for no longer than a few seconds', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  machine.daemon.killAll('SIGSTOP');
  assert.deepEqual((await examine(machine)).ids, ['daemon-hangs']);
  machine.daemon.killAll('SIGCONT');
  await machine.stop();
});

test("the machine's pool and that of a user at the same time are told", { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const user = machine.start(['serve', '--user', '--jobs', '3']);
  await until('it serves', () => user.output.stdout.endsWith('\n'));
  const { report, ids } = await examine(machine);
  assert.deepEqual(ids, ['two-pools']);
  assert.match(report.findings[0]?.what ?? '', /: 2 slots at \S+, 3 slots at \S+$/);
  user.kill('SIGTERM');
  assert.equal((await user.ended).code, 0);
  await machine.stop();
});

test('a sandbox that hides the node is told, from inside and by its number', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const hide = `mount -t tmpfs none '${machine.mount}'`;
  const makeflags = { MAKEFLAGS: machine.makeflags() };
  assert.deepEqual((await examine(machine, { through: inNamespace(hide) })).ids, ['node-hidden']);
  const inside = await examine(machine, { through: inNamespace(hide), env: makeflags });
  assert.deepEqual([...new Set(inside.ids)], ['node-hidden']);

  const [file = '', ...args] = [...inNamespace(hide), 'sleep', '1000'];
  const hidden = machine.spawn(file, args, { env: { ...makeflags, PATH: goodPath(machine) } });
  const found = await until('it has hidden the node', async () => {
    const { ids } = await examine(machine, { args: [String(hidden.pid)] });
    return ids.length > 0 && ids;
  });
  assert.deepEqual([...new Set(found)], ['node-hidden']);
  hidden.kill('SIGKILL');
  await machine.stop();
});

test('a daemon in a pid namespace of its own is told', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  await machine.stop();
  const namespace = ['--pid', '--fork', '--kill-child'];
  const daemon = machine.spawn('unshare', [...namespace, STINT, 'serve', '--mount', machine.mount, '--jobs', '2']);
  await until('it serves', () => daemon.output.stdout.endsWith('\n'));
  assert.deepEqual((await examine(machine)).ids, ['other-pid-namespace']);
  daemon.killAll('SIGTERM');
  await daemon.ended;
});

test('what the kernel lacks, or does to a mount, is told', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const timeout = join(machine.folder, 'timeout');
  writeFileSync(timeout, '15\n');
  const set = `mount --bind '${timeout}' /proc/sys/fs/fuse/default_request_timeout`;
  for (const [name, through, finds] of [
    ['no pressure', inNamespace('mount -t tmpfs none /proc/pressure'), 'psi-missing'],
    ['a time-out of FUSE', inNamespace(set), 'fuse-timeout'],
    ['no pidfd', [tool('python3').path as string, '-c', WITHOUT_PIDFD], 'pidfd-missing'],
  ] as const) {
    await t.test(name, async () => assert.deepEqual((await examine(machine, { through })).ids, [finds]));
  }
  await machine.stop();
});

test('compilers below a client of the node are inside, those beside it are outside', { skip }, async (t) => {
  const machine = await startMachine(t, 4);
  const compiler = sleeper(machine, 'cc1');
  writeFileSync(join(machine.folder, 'Makefile'), `all: a b\na b:\n\t@${compiler} 1000\n`);
  const make = tool('make44').path as string;
  const inside = machine.spawn(make, ['-s'], { env: { MAKEFLAGS: machine.makeflags() } });
  await machine.untilStatus(({ free }) => free === 2);
  assert.deepEqual((await examine(machine)).ids, []);
  const { pid, started: outside } = await orphan(machine, make, '-sj2');
  const found = await until('it is seen', async () => {
    const { report } = await examine(machine);
    return report.findings.some(({ what }) => /^2 compilers/.test(what)) && report.findings;
  });
  assert.deepEqual(
    found.map((one) => [one.id, one.pid]),
    [['outside-pool', pid]],
  );
  const asked = await examine(machine, { args: [String(pid)], env: { PATH: goodPath(machine) } });
  assert.deepEqual(
    asked.ids.filter((id) => !id.endsWith('too-old')),
    ['stray-jobs', 'outside-pool'],
    'asked for by its number, it also hears why',
  );
  inside.killAll('SIGKILL');
  outside.killAll('SIGKILL');
  await machine.stop();
});

/** Answers pidfd_open(2), number 434, with ENOSYS, and becomes its arguments. */
const WITHOUT_PIDFD = `
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 434), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7fff0000)]
filter = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in code))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', len(code), ctypes.addressof(filter)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
`;

function openToAll(t: { after(done: () => void): void }): string {
  const path = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(path, 'mode = "0666"\n');
  return path;
}
