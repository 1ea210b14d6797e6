// Leases from the machine's pool: what opens the node inside one finds the lease's own slots there, whatever it is.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { DEADLINE, until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
/** Takes what lies there, and returns it. */
const COUNT = 'dd if="$STINT_FIFO" bs=100 iflag=nonblock 2>/dev/null >"$T"; wc -c <"$T"; cat "$T" >"$STINT_FIFO"';

async function leased(machine: Machine): Promise<number> {
  return (await machine.status()).builds.reduce(
    (sum, build) => sum + (build.lease === undefined ? 0 : build.implicit),
    0,
  );
}

test('whoever opens the node inside a lease finds its slots but one, and nobody is charged', { skip }, async (t) => {
  const machine = await startMachine(t, 4);
  const command = `T=${machine.folder}/tokens; ${COUNT}; ${COUNT}; sleep 1000`;
  const run = machine.spawnRun(['--slots', '2..3', '--style', 'fifo', '--', 'sh', '-c', command]);
  await until('both have counted', () => run.output.stdout === '2\n2\n');
  const { builds, free } = await machine.status();
  assert.equal(free, 1);
  assert.deepEqual(
    builds.map(({ implicit, held, offered, lease }) => ({ implicit, held, offered, lease })),
    [{ implicit: 3, held: 0, offered: 0, lease: { min: 2, max: 3, wish: 3 } }],
  );
  run.killAll('SIGKILL');
  await machine.stop();
});

test('make inside a lease runs as many jobs as it has slots', { skip: skip || missing('make44') }, async (t) => {
  const machine = await startMachine(t, 4);
  const rules = 'all: a b c d e f\na b c d e f:\n\t@echo start; sleep 0.3; echo end\n';
  const args = ['--slots', '3', '--style', 'fifo', '--', toolPath('make44'), '-s', '-f', '-'];
  const { code, stdout, stderr } = await machine.run(args, { input: rules });
  assert.equal(code, 0, stderr);
  let running = 0;
  let most = 0;
  for (const word of stdout.trim().split('\n')) most = Math.max(most, (running += word === 'start' ? 1 : -1));
  assert.equal(most, 3);
  await machine.stop();
});

test('a make with its own MAKEFLAGS, two levels below the root, draws from the lease', {
  skip: skip || missing('make44'),
}, async (t) => {
  const machine = await startMachine(t, 4);
  const rules = 'all: a b c d\na b c d:\n\t@sleep 1000\n';
  const inner = `printf '${rules.replaceAll('\n', '\\n').replaceAll('\t', '\\t')}' | MAKEFLAGS="${machine.makeflags(4)}" ${toolPath('make44')} -s -f -`;
  const run = machine.spawnRun(['--slots', '4', '--', 'sh', '-c', `sh -c '${inner.replaceAll("'", "'\\''")}'; true`]);
  await machine.untilStatus(({ free }) => free === 0);
  const { builds } = await machine.status();
  assert.equal(builds.length, 1);
  run.killAll('SIGKILL');
  await machine.stop();
});

test('a stint run inside a lease is part of it, and one that asks for slots gets of its slots', { skip }, async (t) => {
  const machine = await startMachine(t, 4);
  const inner = 'echo $STINT_BUILD {slots} $STINT_SLOTS';
  const nested = `"$STINT" run --slots 1..2 -- sh -c '${inner}'; "$STINT" run --slots 4 -- true; echo $?`;
  const { code, stdout, stderr } = await machine.run(['--slots', '3', '--', 'sh', '-c', nested], {
    env: { STINT: STINT },
  });
  assert.equal(code, 0);
  assert.match(stdout, /^\d+ 3 2\n125\n$/); // the outer run has put its number in already
  assert.match(stderr, /it is part of lease \d+, which has 3 slots, and 4 are asked for at once/);
  await machine.stop();
});

test('a stint run inside a build that asks for slots is refused', { skip }, async (t) => {
  const machine = await startMachine(t, 4);
  const { code, stderr } = await machine.shell('"$STINT" run -- sh -c \'"$STINT" run --slots 2 -- true\'');
  assert.equal(code, 125);
  assert.match(stderr, /it is part of build \d+, which has slots already/);
  await machine.stop();
});

test('what a lease leaves behind keeps the slots that it holds, and no more', { skip }, async (t) => {
  const machine = await startMachine(t, 4);
  const command =
    'sh -c \'exec 3<>"$STINT_FIFO"; dd bs=1 count=2 <&3 2>/dev/null >/dev/null; echo took; sleep 1000\' & read x';
  const run = machine.spawnRun(['--slots', '4', '--style', 'fifo', '--', 'sh', '-c', command], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await until('two are taken', () => run.output.stdout === 'took\n');
  assert.equal(await leased(machine), 4);
  run.child.stdin?.end('\n');
  const { builds } = await machine.untilStatus(({ free }) => free === 1);
  assert.deepEqual(
    builds.map(({ state, implicit }) => ({ state, implicit })),
    [{ state: 'left', implicit: 3 }],
  );
  run.killAll('SIGKILL');
  await machine.untilIdle(DEADLINE);
  await machine.stop();
});

/** Asks the daemon as nobody: the first line of the answer, and its body. */
const NOBODY = `
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
body = sys.argv[3].encode()
one.sendall(f"{sys.argv[2]} HTTP/1.0\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n".encode() + body)
answer = b"".join(iter(lambda: one.recv(4096), b"")).decode()
print(answer.split("\\r\\n")[0][9:12], answer.split("\\r\\n\\r\\n")[1].strip())
`;

test('a stranger may look at a lease, and neither change nor end it', {
  skip: skip || missing('python3'),
}, async (t) => {
  const machine = await startMachine(t, 4);
  chmodSync(machine.folder, 0o755);
  const run = machine.spawnRun(['--slots', '3', '--', 'sleep', '1000']);
  const { builds } = await machine.untilStatus((status) => status.builds[0]?.state === 'running');
  const path = `/leases/${builds[0]?.id}`;
  const ask = async (call: string, body = '') =>
    (await machine.spawn('python3', ['-c', NOBODY, machine.socket, call, body], { cwd: '/' }).ended).stdout;
  assert.match(await ask(`GET ${path}`), /^200 .*"slots":3/);
  const refused = `403 {"error":"lease ${builds[0]?.id} belongs to user root"}\n`;
  assert.equal(await ask(`PATCH ${path}`, '{"slots":1}'), refused);
  assert.equal(await ask(`DELETE ${path}`), refused);
  assert.match(await ask('POST /leases', '{"min":1,"label":"","cwd":""}'), /^403 .*user nobody is not in group root/);
  assert.equal(await leased(machine), 3);
  run.killAll('SIGKILL');
  await machine.stop();
});
