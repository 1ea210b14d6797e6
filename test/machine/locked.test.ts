// A client can keep its pipe locked for as long as a system call of its own takes: one that reads into the pipe, or writes out of it,
// what the daemon has to give. The daemon may be waiting for that lock, so no answer of its own may be needed to open it.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? missing('python3');
const ROUNDS = Number(process.env.STINT_ROUNDS ?? 300);

/** Opens a pipe and becomes, with it open, a program that is shown the file. */
const PIPE = `#!/usr/bin/env python3
import os, sys
pipe = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
os.set_inheritable(pipe, True)
os.execv(sys.argv[2], [*sys.argv[2:], sys.argv[1], str(pipe)])
`;

/** Has taken all slots that there are, so that one more read of the file waits; then it tries to keep the pipe locked by that. */
const FILE = `#!/usr/bin/env python3
import fcntl, mmap, os, sys
how, ROUNDS, node, pipe = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
file = os.open(node, os.O_RDWR)
os.set_blocking(file, False)
try:
    while True: os.read(file, 1)
except BlockingIOError:
    pass
os.set_blocking(file, True)
print('taken', flush=True)
mapped = mmap.mmap(file, 1, mmap.MAP_PRIVATE, mmap.PROT_READ) if how == 'map' else b''
for _ in range(ROUNDS):
    try:
        if how == 'splice':
            fcntl.fcntl(file, fcntl.F_SETFL, os.O_DIRECT)
            os.splice(file, pipe, 1)
        elif how == 'return':
            os.write(pipe, b'+')
            os.splice(pipe, file, 1)
        elif how == 'child':
            os.write(pipe, b'+')
            if os.fork() == 0:
                try:
                    os.splice(pipe, file, 1)
                finally:
                    os._exit(0)
            os.wait()
        else:
            os.write(pipe, mapped)
    except OSError:
        pass
    try:
        os.read(pipe, 1)
    except BlockingIOError:
        pass
print('done')
`;

for (const how of ['map', 'splice', 'return', 'child']) {
  test(`who keeps a pipe locked by what the daemon answers stops nobody: ${how}`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const program = (kind: 'pipe' | 'file', text: string) => {
      const path = join(folder, `locks-${kind}`);
      writeFileSync(path, text);
      chmodSync(path, 0o755);
      return path;
    };
    const config = join(folder, 'stint.toml');
    writeFileSync(config, '[[client]]\nprogram = "locks-file"\nnode = "file"\nimplicit = false\n');
    const machine = await startMachine(t, 2, { args: ['--config', config] });
    // Another pipe, so that the daemon looks closely at each.
    const other = machine.spawn('bash', ['-c', `exec 7<>${machine.node}; exec sleep 1000`]);
    const command = [program('pipe', PIPE), machine.node, program('file', FILE), how, String(ROUNDS)] as const;
    const client = machine.spawn(command[0], command.slice(1), { deadline: 120_000 });
    await machine.untilStatus(() => client.output.stdout.startsWith('taken\n'));
    const { code, stdout, stderr } = await client.ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^taken\ndone\n$/);
    other.kill('SIGKILL');
    await machine.stop();
  });
}

/**
 * As the user that it is given, writes into its pipe from memory that nobody fills, which keeps the pipe locked, until it is told not to. Then
 * it opens the node again, and says how that went.
 */
const UNFILLED = `
import ctypes, fcntl, os, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
faults = libc.syscall(323 if os.uname().machine == 'x86_64' else 282, 0o2000000)
if faults < 0: sys.exit('no userfaultfd')
fcntl.ioctl(faults, 0xc018aa3f, bytearray(struct.pack('QQQ', 0xaa, 0, 0)))
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
memory = libc.mmap(None, 4096, 3, 0x22, -1, 0)
fcntl.ioctl(faults, 0xc020aa00, bytearray(struct.pack('QQQQ', memory, 4096, 1, 0)))
os.setresuid(int(sys.argv[2]), int(sys.argv[2]), int(sys.argv[2]))
def opens():
    try:
        return os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        print(os.strerror(error.errno), flush=True)
pipe = opens()
if pipe is not None:
    threading.Thread(target=lambda: libc.write(pipe, ctypes.c_void_p(memory), 1), daemon=True).start()
    print('locked', flush=True)
    sys.stdin.readline()
    fcntl.ioctl(faults, 0xc020aa04, bytearray(struct.pack('QQQQ', memory, 4096, 0, 0)))
    if opens() is not None: print('open', flush=True)
    sys.stdin.read()
os._exit(0)
`;

/** Says when it has the node open. */
const OPEN = (node: string) => ['-c', `exec 7<>${node}; echo open; exec sleep 1000`];

/** Takes a slot, and returns it when it is told to. */
const RETURNS = `#!/usr/bin/env python3
import os, sys
file = os.open(sys.argv[1], os.O_RDWR)
os.read(file, 1)
print('taken', flush=True)
sys.stdin.readline()
os.write(file, b'+')
print('returned', flush=True)
sys.stdin.read()
`;

test('while a client keeps its pipe locked without our help, another engine goes on for all others; that pipe is not touched any more', {
  skip: skip || missing('make44'),
  timeout: 300_000,
}, async (t) => {
  const folder = temporaryFolder(t);
  const config = join(folder, 'stint.toml');
  writeFileSync(config, 'mode = "0666"\n[[client]]\nprogram = "returns"\nnode = "file"\nimplicit = false\n');
  const returns = join(folder, 'returns');
  writeFileSync(returns, RETURNS);
  chmodSync(returns, 0o755);
  const machine = await startMachine(t, 4, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  const makefile = join(machine.folder, 'Makefile');
  writeFileSync(makefile, `all: ${'abcdefghijkl'.split('').join(' ')}\n%:; @sleep 0.1\n.PHONY: all\n`);
  const lock = async () => {
    const holder = machine.spawn('python3', ['-c', UNFILLED, machine.node, '65534'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      deadline: 280_000,
    });
    await until('it has its pipe', () => holder.output.stdout !== '' || holder.child.exitCode !== null);
    return holder;
  };
  const other = machine.spawn('bash', OPEN(machine.node), { deadline: 280_000 }); // so that the daemon looks closely at each
  await machine.untilStatus(() => other.output.stdout === 'open\n');
  const make = () =>
    machine.spawn(toolPath('make44'), ['-s', '-f', makefile], {
      env: { MAKEFLAGS: machine.makeflags() },
      deadline: 120_000,
    });

  const returner = machine.spawn(returns, [machine.node], { stdio: ['pipe', 'pipe', 'pipe'], deadline: 280_000 });
  const held = async () =>
    (await machine.status()).builds.flatMap(({ clients = [] }) => clients).find(({ pid }) => pid === returner.pid)
      ?.held;
  await until('it has taken one', async () => returner.output.stdout === 'taken\n' && (await held()) === 1);
  const first = make();
  const engine = await machine.enginePid();
  const holder = await lock();
  if (holder.output.stderr === 'no userfaultfd\n') {
    t.skip('no userfaultfd');
    return;
  }
  returner.child.stdin?.write('go\n');
  await until('it is returned', () => returner.output.stdout === 'taken\nreturned\n');
  await until('another engine serves', async () => (await machine.enginePid()) !== engine, 60_000);
  await until('what was returned while the engine hung is booked', async () => (await held()) === 0);
  assert.match(
    machine.daemon.output.stderr,
    /^stint: the engine process hangs: a client keeps its pipe locked; another one goes on\n$/,
  );
  for (const build of [first, make()])
    assert.deepEqual(await build.ended, { code: 0, signal: null, stdout: '', stderr: '' });
  const next = machine.spawn('bash', OPEN(machine.node), { deadline: 280_000 });
  await machine.untilStatus(() => next.output.stdout === 'open\n');
  assert.equal(holder.output.stdout, 'locked\n', 'all that while it was');

  holder.child.stdin?.write('go\n');
  await until('it has tried again', () => holder.output.stdout !== 'locked\n');
  assert.equal(holder.output.stdout, 'locked\nInput/output error\n');

  const before = await machine.enginePid();
  const again = await lock();
  await until('another engine serves', async () => (await machine.enginePid()) !== before, 60_000);
  const third = await lock();
  assert.equal(third.output.stdout, 'Input/output error\n', 'who does it twice has no pipes any more');
  assert.deepEqual((await make().ended).stderr, '');

  for (const one of [holder, again, other, next, returner]) one.kill('SIGKILL');
  const { free, capacity } = await machine.untilIdle();
  assert.equal(free, capacity);
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
});

test('a lease whose pipe is kept locked ends, and its slots are free, while that takes', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const machine = await startMachine(t, 4);
  const script = 'sleep 1000 | python3 -c "$0" "$1" 0 & echo "root $$"; wait';
  const lease = machine.spawnRun(['--slots', '3..3', '--', 'bash', '-c', script, UNFILLED, machine.node], {
    stdio: ['pipe', 'pipe', 'pipe'],
    deadline: 280_000,
  });
  const said = (word: string) => lease.output.stdout.includes(word);
  await until('it has its pipe', () => said('locked') || said('userfaultfd'), 60_000);
  const { pids } = await machine.status();
  const root = Number(/root (\d+)/.exec(lease.output.stdout)?.[1]);
  process.kill(root, 'SIGKILL');
  await until('another engine serves', async () => (await machine.enginePid()) !== pids.engine, 60_000);
  const { free, capacity } = await machine.untilIdle();
  assert.equal(free, capacity);
  lease.killAll('SIGKILL');
});
