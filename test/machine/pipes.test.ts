// The pipes of the machine's node: each process has its own, and nothing lies in it that its build would have to pay for twice.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { untilServes } from '../helpers/pool.ts';

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

test('shells that open the node so that it would be made are served, also while the daemon starts and stops', {
  skip,
}, async (t) => {
  const open = (machine: Machine) =>
    machine.spawn('sh', ['-c', `for i in 1 2 3 4 5; do : 3<>${machine.node}; : >>${machine.node}; done; echo done`]);
  const machine = await startMachine(t, 2);
  const shells = await Promise.all(Array.from({ length: 10 }, () => open(machine).ended));
  for (const { stdout, stderr } of shells) assert.deepEqual([stdout, stderr], ['done\n', '']);
  await machine.stop();

  // From before the start to after the end there is always somebody who keeps the directory locked.
  const place = new Machine(t, 2, ['--config', '/dev/null']);
  const crowd = place.spawn('sh', [
    '-c',
    `for i in 1 2 3 4; do (while [ ! -e ${place.folder}/end ]; do : 3<>${place.node}; done) 2>/dev/null & done; wait`,
  ]);
  await untilServes(place.daemon);
  await place.status();
  place.daemon.kill('SIGTERM');
  place.daemon.kill('SIGTERM');
  assert.equal((await place.daemon.ended).code, 0);
  writeFileSync(join(place.folder, 'end'), '');
  await crowd.ended;
});
