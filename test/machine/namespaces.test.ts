// A daemon and its clients in namespaces of their own, where numbers of processes come back at once, or where processes are hidden.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/api/schema.ts';
import { NOBODY, noMachine } from '../helpers/machine.ts';
import { Place, STINT } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';

const skip = noMachine() ?? missing('python3');
const [major = 0, minor = 0] = os.release().split('.').map(Number);
/** Before, the highest number is the same for the whole machine. */
const ownNumbers = major > 6 || (major === 6 && minor >= 14);
const CLIENTS = Number(process.env.STINT_ROUNDS ?? 600);
const PATIENCE = 200_000 + 50 * CLIENTS;

/** As root in new namespaces: a daemon of the machine, then `script`, then the status is printed and the daemon ends. */
async function inside(t: TestContext, { prepare, script }: { prepare: string; script: string }) {
  const place = new Place(t);
  chmodSync(place.folder, 0o755);
  writeFileSync(
    join(place.folder, 'stint.toml'),
    'mode = "0666"\n[[client]]\nprogram = "python*"\nnode = "file"\nimplicit = false\n',
  );
  const whole = `set -e
mount -t proc proc /proc
${prepare}
"$STINT" serve --mount ${place.mount} --jobs 4 --strict --config stint.toml >out & daemon=$!
until [ -s out ]; do sleep 0.1; done
${script}
until "$STINT" status --json >status && grep -q '"builds": \\[\\]' status; do sleep 0.1; done
kill $daemon
wait $daemon
cat status
`;
  const started = place.spawn('unshare', ['--pid', '--mount', '--fork', '--kill-child', 'sh', '-c', whole], {
    env: { STINT, STINT_AUDIT: '1' },
    deadline: PATIENCE,
  });
  const { code, stdout, stderr } = await started.ended;
  assert.deepEqual([code, stderr.replace(/^stint: waiting .*\n/gm, '')], [0, ''], stdout);
  const at = stdout.indexOf('{\n');
  return { said: stdout.slice(0, at), status: JSON.parse(stdout.slice(at)) as Status };
}

/** Processes that take a slot and are gone a moment later: they return it, or end or are killed with it. */
const PASSING = `
import os, sys
node, count = sys.argv[1], int(sys.argv[2])
numbers = set()
for i in range(count):
    child = os.fork()
    if child == 0:
        file = os.open(node, os.O_RDWR)
        os.read(file, 1)
        if i % 3 == 0: os.kill(os.getpid(), 9)
        if i % 3 == 1: os.write(file, b'+')
        os._exit(0)
    numbers.add(child)
    os.waitpid(child, 0)
print('again' if len(numbers) < count * 0.9 else 'numbers did not come back: %d' % len(numbers))
`;

test(`the numbers of ${CLIENTS} processes that come back at once are not mixed up`, {
  skip: skip || (!ownNumbers && 'needs Linux 6.14'),
  timeout: PATIENCE,
}, async (t) => {
  const prepare = 'echo 400 >/proc/sys/kernel/pid_max';
  const script = `cat >passing.py <<'END'\n${PASSING}\nEND\npython3 passing.py machine/jobserver ${CLIENTS}`;
  const { said, status } = await inside(t, { prepare, script });
  const { free, capacity } = status;
  assert.deepEqual([said, free, capacity], ['again\n', 4, 4]);
});

const ONE = `
import os, sys
file = os.open(sys.argv[1], os.O_RDWR)
os.write(file, os.read(file, 1))
print('had one')
`;

for (const hidepid of ['noaccess', 'invisible']) {
  test(`processes that /proc hides (hidepid=${hidepid}) are served: by the machine's daemon and by a user's`, {
    skip,
    timeout: PATIENCE,
  }, async (t) => {
    const prepare = `mount -o remount,hidepid=${hidepid} /proc`;
    const nobody = `setpriv ${NOBODY.join(' ')}`;
    const script = `cat >one.py <<'END'\n${ONE}\nEND
python3 one.py machine/jobserver
${nobody} python3 one.py machine/jobserver
${nobody} "$STINT" run -- echo ran
mkdir own && chown 65534:65534 own && chmod 700 own
export XDG_RUNTIME_DIR=$PWD/own
${nobody} "$STINT" run --user --jobs 2 -- sh -c 'echo \${STINT_FIFO##*/own/} | sed s/-.*//'
${nobody} "$STINT" run --user -- echo again
unset XDG_RUNTIME_DIR`;
    const { said, status } = await inside(t, { prepare, script });
    assert.equal(said, 'had one\nhad one\nran\nstint/fifo\nagain\n');
    assert.equal(status.free, 4);
  });
}
