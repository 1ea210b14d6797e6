// The pipes of the machine's node: each process has its own, and nothing lies in it that its build would have to pay for twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';

const skip = noMachine() ?? false;

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
