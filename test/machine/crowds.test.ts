// Users who open, connect and start without end: what they can use up of the daemon is their own part, and others are served meanwhile.
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import type { Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? missing('python3');
/** How many clients come and go, and how many readers wait. */
const CLIENTS = Number(process.env.STINT_ROUNDS ?? 200);
/** Descriptors that the daemon may have. */
const DESCRIPTORS = 400;
const PATIENCE = 120_000;

/** Does `what` as user 65534, `count` times, says what came of it, and keeps it until it is killed. */
const CROWD = `
import os, socket, sys, threading, time
what, node, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ends = {}
def end(name): ends[name] = ends.get(name, 0) + 1
def open_node():
    try:
        os.open(node, os.O_RDWR | os.O_NONBLOCK)
        return b'open'
    except OSError as error:
        return error.strerror.encode()
if what == 'connect':
    kept = []
    for _ in range(count):
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].connect(os.path.dirname(node) + '/api.sock')
    for one in kept:
        one.setblocking(False)
        for _ in range(20):
            try:
                said = one.recv(1000).decode()
                end(said.split('\\n')[0].strip() or 'closed')
                break
            except BlockingIOError: time.sleep(0.01)
        else: end('kept')
elif what == 'follow':
    kept = []
    for _ in range(count):
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].connect(os.path.dirname(node) + '/api.sock')
        kept[-1].sendall(b'GET /live HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
        end(kept[-1].recv(1000).decode().split('\\r\\n')[0])
elif what == 'status':
    for _ in range(count):
        try:
            os.open(os.path.dirname(node) + '/status', os.O_RDONLY)
            end('open')
        except OSError as error: end(error.strerror)
elif what == 'start':
    for _ in range(count):
        here, there = os.pipe()
        if os.fork() == 0:
            os.write(there, open_node())
            time.sleep(1000)
        end(os.read(here, 100).decode())
        os.close(here); os.close(there)
elif what == 'read':
    file = os.open(node, os.O_RDWR)
    threading.stack_size(65536)
    def once():
        os.read(file, 1)
        os.write(file, b'+')
    for _ in range(count): threading.Thread(target=once, daemon=True).start()
elif what == 'poll':
    import select
    polls = select.epoll()
    for _ in range(count): polls.register(os.open(node, os.O_RDWR | os.O_NONBLOCK), select.EPOLLIN | select.EPOLLET)
    threading.Thread(target=lambda: [polls.poll(1) for _ in range(1000)], daemon=True).start()
elif what == 'flood':
    head = b'%s HTTP/1.1\\r\\nhost: x\\r\\n'
    body = b'{"label": "' + b'x' * 1000000 + b'"}'
    requests = [
        head % b'GET /status' + b'\\r\\n', head % b'GET /events' + b'\\r\\n', head % b'GET /live' + b'\\r\\n', head % b'POST /builds',
        head % b'POST /builds' + b'content-length: %d\\r\\n\\r\\n' % len(body) + body,
        head % b'POST /builds' + b'content-length: 2\\r\\n\\r\\n{}',
    ]
    def flood():
        kept = []
        for n in range(10 ** 9):
            one = socket.socket(socket.AF_UNIX)
            try:
                one.connect(os.path.dirname(node) + '/api.sock')
                one.settimeout(1)
                one.sendall(requests[n % len(requests)])
            except OSError: pass
            kept.append(one)
            if len(kept) > 30: kept.pop(0).close()
    for _ in range(4): threading.Thread(target=flood, daemon=True).start()
elif what == 'pass':
    print('begun', flush=True)
    for i in range(count):
        child = os.fork()
        if child == 0:
            open_node()
            os._exit(0)
        if i % 3 == 0: os.kill(child, 9)
        os.waitpid(child, 0)
print(sorted(ends.items()), flush=True)
if what != 'pass': time.sleep(1000)
`;

/** Takes a slot, and returns it. */
const ONE = `
import os, sys
node = os.open(sys.argv[1], os.O_RDWR)
os.write(node, os.read(node, 1))
print('had one')
`;

/** A daemon that everybody may use, who are all shown the same kind of node. */
async function open(t: TestContext, kind: 'file' | 'pipe', through: readonly string[] = []): Promise<Machine> {
  const config = join(temporaryFolder(t), 'stint.toml');
  const client = `[[client]]\nprogram = "python*"\nnode = "${kind}"\nimplicit = false\n`;
  writeFileSync(config, `mode = "0666"\n${client}`);
  const machine = await startMachine(t, 4, { args: ['--config', config], through });
  chmodSync(machine.folder, 0o755);
  return machine;
}

function crowd(machine: Machine, what: string, count: number): Started {
  const args = ['-c', CROWD, what, machine.node, String(count)];
  return machine.spawn('/usr/bin/python3', args, { cwd: '/', deadline: PATIENCE });
}

/** Root is served: at the node, and by `stint run`. */
async function served(machine: Machine): Promise<void> {
  const one = await machine.spawn('/usr/bin/python3', ['-c', ONE, machine.node], { deadline: PATIENCE }).ended;
  assert.deepEqual([one.stdout, one.stderr], ['had one\n', '']);
  const run = await machine.run(['--', 'echo', 'ran'], { deadline: PATIENCE });
  assert.deepEqual([run.stdout, run.stderr], ['ran\n', '']);
}

const said = ({ output }: Started) =>
  until('the crowd is there', () => output.stdout.endsWith('\n') && output.stdout, PATIENCE);

const descriptors = (machine: Machine) => readdirSync(`/proc/${machine.daemon.pid}/fd`).length;

for (const [what, kind, most] of [
  ['start', 'file', DESCRIPTORS / 2],
  ['start', 'pipe', Math.floor(DESCRIPTORS / 2 / 3)],
] as const) {
  test(`a user with more processes at the ${kind} than one may have takes nothing from others`, { skip }, async (t) => {
    const machine = await open(t, kind, ['prlimit', `--nofile=${DESCRIPTORS}`]);
    const many = crowd(machine, what, most + 20);
    assert.equal(await said(many), `[('Too many open files', 20), ('open', ${most})]\n`, many.output.stderr);
    await served(machine);
    many.killAll('SIGKILL');
    await machine.untilIdle();
    const again = crowd(machine, what, 1);
    assert.equal(await said(again), "[('open', 1)]\n");
    again.killAll('SIGKILL');
    await machine.stop();
  });
}

/** Takes a slot and returns it, again and again. */
const MANY = `
import os, sys
node = os.open(sys.argv[1], os.O_RDWR)
for _ in range(2000): os.write(node, os.read(node, 1))
print('had many')
`;

test('who floods the API without end takes nothing from those who build', { skip }, async (t) => {
  const machine = await open(t, 'file', ['prlimit', `--nofile=${DESCRIPTORS}`]);
  const many = crowd(machine, 'flood', 0);
  await said(many);
  const args = ['-c', MANY, machine.node];
  const { stdout, stderr } = await machine.spawn('/usr/bin/python3', args, { deadline: PATIENCE }).ended;
  assert.deepEqual([stdout, stderr], ['had many\n', '']);
  await served(machine);
  many.killAll('SIGKILL');
  await machine.stop();
});

test('a user with more connections than one may have is told so, and takes nothing from others', {
  skip,
}, async (t) => {
  const machine = await open(t, 'file', ['prlimit', `--nofile=${DESCRIPTORS}`]);
  const most = DESCRIPTORS / 8;
  const many = crowd(machine, 'connect', most + 20);
  assert.equal(await said(many), `[('HTTP/1.1 503 Service Unavailable', 20), ('kept', ${most})]\n`);
  await served(machine);
  many.killAll('SIGKILL');
  await machine.stop();
});

for (const [what, error] of [
  ['status', 'Too many open files'],
  ['follow', 'HTTP/1.1 503 Service Unavailable'],
] as const) {
  test(`what a user is told by ${what}, and does not read, takes no memory beyond his part`, { skip }, async (t) => {
    const machine = await open(t, 'file');
    const many = crowd(machine, what, 84);
    const well = what === 'status' ? 'open' : 'HTTP/1.1 200 OK';
    const ends = [`('${well}', 64)`, `('${error}', 20)`].sort().join(', ');
    assert.equal(await said(many), `[${ends}]\n`, many.output.stderr);
    await served(machine);
    many.killAll('SIGKILL');
    await machine.untilIdle();
    const again = crowd(machine, what, 1);
    assert.equal(await said(again), `[('${well}', 1)]\n`);
    again.killAll('SIGKILL');
    await machine.stop();
  });
}

for (const kind of ['file', 'pipe'] as const) {
  for (const what of kind === 'file' ? ['read', 'poll', 'pass'] : ['poll', 'pass']) {
    test(`others are served while a user's ${CLIENTS} clients ${what} at the ${kind}, and nothing is left of them`, {
      skip,
      timeout: 10 * PATIENCE,
    }, async (t) => {
      const machine = await open(t, kind);
      await served(machine);
      await machine.untilIdle();
      const before = descriptors(machine);
      const many = crowd(machine, what, CLIENTS);
      await said(many);
      await served(machine);
      if (what === 'pass') await many.ended;
      else many.killAll('SIGKILL');
      await machine.untilIdle(PATIENCE);
      await until('its descriptors are closed', () => descriptors(machine) <= before + 5);
      await machine.stop();
    });
  }
}
