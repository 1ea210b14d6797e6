// Users who would have the daemon, which is root, do to a process of somebody else what they may not do themselves.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endTree } from '../../src/daemon/ending.ts';
import { statusOf } from '../../src/process/proc.ts';
import { type Machine, NOBODY, noMachine, startMachine } from '../helpers/machine.ts';
import { Place, STINT, type Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? missing('python3');
const UID = 65534;

/** A pool that everybody may take from. */
async function open(t: TestContext): Promise<Machine> {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, 'mode = "0666"\n');
  const machine = await startMachine(t, 4, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  return machine;
}

/** A command by which anybody becomes root, as by sudo. */
function becomeRoot({ folder }: Place): string[] {
  const program = join(folder, 'become-root');
  copyFileSync('/usr/bin/setpriv', program);
  chmodSync(program, 0o4755);
  return [program, '--reuid=0', '--regid=0', '--clear-groups', '--'];
}

test("a lease's signal does not reach a command that has become root's", { skip }, async (t) => {
  const machine = await open(t);
  const command = [...becomeRoot(machine), 'sleep', '1000'];
  const lease = machine.spawn(
    'setpriv',
    [...NOBODY, STINT, 'run', '--slots', '1..4', '--resize-signal', 'KILL', '--', ...command],
    { cwd: '/', env: { HOME: '/nonexistent' } },
  );
  await until('it is root', () => statusOf(lease.pid)?.uid === 0);
  const other = machine.spawnRun(['sleep', '1000']);
  await machine.untilStatus(({ builds }) => builds.some((build) => (build.lease?.wish ?? 4) < 4));
  await machine.status(); // the signal is sent after the wish was told
  assert.deepEqual([lease.child.exitCode, lease.child.signalCode], [null, null]);
  other.killAll('SIGKILL');
  lease.killAll('SIGKILL');
  await machine.stop();
});

test("a command whose time is over, and that has become root's since it was told to end, is not killed", {
  skip,
}, async (t) => {
  const place = new Place(t);
  chmodSync(place.folder, 0o755);
  const become = becomeRoot(place).join(' ');
  const script = `trap "exec ${become} sleep 1000" TERM; trap "" HUP; echo ready; while :; do sleep 0.01; done`;
  const command = place.spawn('setpriv', [...NOBODY, 'sh', '-c', script], { cwd: '/' });
  await until('it is ready', () => command.output.stdout === 'ready\n');
  const grace = 1500;
  endTree({ rootPid: command.pid, uid: UID }, grace);
  await until('it is root', () => statusOf(command.pid)?.uid === 0);
  await new Promise((resolve) => setTimeout(resolve, 2 * grace));
  assert.deepEqual([command.child.exitCode, command.child.signalCode], [null, null]);
  command.killAll('SIGKILL');
});

/** Connects, and leaves the connection to a child, which asks when it is told to, and says what was answered. */
const HEIR = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
body = sys.argv[3]
s.sendall(('POST %s HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\ncontent-length: %d\\r\\n\\r\\n' % (sys.argv[2], len(body))).encode())
if os.fork(): os._exit(0)
sys.stdin.readline()
s.sendall(body.encode()); s.shutdown(socket.SHUT_WR)
answer = b''
while chunk := s.recv(65536): answer += chunk
print(answer.decode().split('\\r\\n')[0], flush=True)
`;

for (const [path, body] of [
  ['/builds', { label: 'x', cwd: '/', timeout: 1 }],
  ['/leases', { label: 'x', cwd: '/', min: 1, max: 4, signal: 'KILL' }],
  ['/with', { label: 'x', weight: 2 }],
] as const) {
  test(`who has inherited a connection cannot pass another process off as its own: POST ${path}`, {
    skip,
  }, async (t) => {
    const machine = await open(t);
    const args = [...NOBODY, '/usr/bin/python3', '-c', HEIR, machine.socket, path, JSON.stringify(body)];
    const heir = machine.spawn('setpriv', args, { cwd: '/', stdio: 'pipe' });
    await once(heir.child, 'exit');
    const victim = await processNumbered(machine, heir.pid);
    heir.child.stdin?.write('go\n');
    await until('it was answered', () => heir.output.stdout.endsWith('\n'));
    assert.equal(heir.output.stdout, 'HTTP/1.1 410 Gone\n');
    assert.deepEqual((await machine.status()).builds, []);
    assert.equal(victim.child.exitCode ?? victim.child.signalCode, null);
    victim.killAll('SIGKILL');
    await victim.ended;
    await machine.stop();
  });
}

/** A process of root's that is given the number `pid`, which was another's. */
function processNumbered(place: Place, pid: number): Promise<Started> {
  return until(`somebody else is process ${pid}`, async () => {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const started = place.spawn('sleep', ['1000']);
    if (started.pid === pid) return started;
    started.kill('SIGKILL'); // another process of the machine was faster
    await started.ended;
    return undefined;
  });
}
