// The pipes of the machine's node: each process has its own, and nothing lies in it that its build would have to pay for twice.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { untilServes } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? missing('python3');
const ROUNDS = Number(process.env.STINT_ROUNDS ?? 8);

/** Opens the node as a program that nobody knows, tries to take a slot at once, and prints what came of it. */
const TRY = `
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
for _ in range(20):
    try:
        print('took', os.read(fd, 1))
    except BlockingIOError:
        pass
`;

test('on one slot a client without a wrapper never finds a token beside its first job', { skip }, async (t) => {
  const machine = await startMachine(t, 1);
  for (let round = 0; round < 20; round++) {
    const { stdout, stderr } = await machine.spawn('python3', ['-c', TRY, machine.node]).ended;
    assert.deepEqual([stdout, stderr], ['', '']);
  }
  await machine.stop();
});

test('a look at the node alone is not charged and leaves nothing behind', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  for (let round = 0; round < 20; round++) {
    const { stdout } = await machine.spawn('stat', ['-c', '%F', machine.node]).ended;
    assert.equal(stdout, 'fifo\n');
  }
  const looker = machine.spawn('sh', ['-c', `test -p ${machine.node} && echo there; exec sleep 1000`]);
  await machine.untilStatus(() => looker.output.stdout === 'there\n');
  assert.equal((await machine.status()).free, 2);
  looker.kill('SIGKILL');
  await machine.stop();
});

test('shells that open the node so that it would be made are served', { skip }, async (t) => {
  const open = (machine: Machine) =>
    machine.spawn('sh', ['-c', `for i in 1 2 3 4 5; do : 3<>${machine.node}; : >>${machine.node}; done; echo done`]);
  const machine = await startMachine(t, 2);
  const shells = await Promise.all(Array.from({ length: 10 }, () => open(machine).ended));
  for (const { stdout, stderr } of shells) assert.deepEqual([stdout, stderr], ['done\n', '']);
  await machine.stop();
});

test('a client that is killed while it changes its pipe stops nobody else', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const hold = `exec 7<>${machine.node}; echo open; exec sleep 1000`;
  const first = machine.spawn('bash', ['-c', hold]);
  await machine.untilStatus(() => first.output.stdout === 'open\n');
  // The kernel has asked, nobody has heard it, and the asker is gone: now it does not know the pipe's mode any more.
  const engine = await machine.enginePid();
  process.kill(engine, 'SIGSTOP');
  const touch = machine.spawn('touch', ['-c', `/proc/${first.pid}/fd/7`]);
  await until('touch waits', () => readFileSync(`/proc/${touch.pid}/wchan`, 'latin1').includes('request'));
  touch.kill('SIGKILL');
  await touch.ended;
  process.kill(engine, 'SIGCONT');
  // With a second client the first one's pipe is watched more closely; when the first is gone, what it left is looked for.
  const second = machine.spawn('bash', ['-c', hold]);
  await machine.untilStatus(({ free }) => free === 0 && second.output.stdout === 'open\n');
  first.kill('SIGKILL');
  second.kill('SIGKILL');
  await machine.stop();
});

test('a daemon starts and leaves though there is always somebody who keeps its directory locked', {
  skip,
}, async (t) => {
  // Some are processes that it knows; some are new each time, so that it has to open a pipe for each.
  const crowded = (node: string, end: string) =>
    `for one in ": 3<>${node}" ": >>${node}" "sh -c ': 3<>${node}'" "bash -c ': >${node}'"; do
      (until [ -e ${end} ]; do eval "$one"; done) 2>/dev/null &
    done; wait`;
  for (let round = 0; round < ROUNDS; round++) {
    const machine = new Machine(t, 2, { args: ['--config', '/dev/null'] });
    const end = join(machine.folder, 'end');
    const crowd = machine.spawn('sh', ['-c', crowded(machine.node, end)], { deadline: 120_000 });
    await untilServes(machine.daemon);
    await machine.status();
    machine.daemon.kill('SIGTERM');
    machine.daemon.kill('SIGTERM');
    const { code, stderr } = await machine.daemon.ended;
    assert.deepEqual([code, stderr], [0, '']);
    writeFileSync(end, '');
    await crowd.ended;
  }
});
