// What happens while the engine waits for requests only, since nothing else comes: whatever a request gives to others than its
// callers reaches them all the same, also when it was the last one.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? missing('python3');

/** Who must not die before the test has seen what it wants to see, milliseconds: a death would wake the engine. */
const LONG = 120_000;

/** Takes a slot, asks again and again until the gate is open and a while longer, returns the slot, and never asks again. */
const HOLD = `
import os, sys, time
node, gate = sys.argv[1:]
holder = os.open(node, os.O_RDWR)
looker = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
os.read(holder, 1)
print('took', flush=True)
def look():
    try:
        os.read(looker, 1)
    except BlockingIOError:
        pass
while not os.path.exists(gate):
    look()
    time.sleep(0.001)
for _ in range(300):
    look()
os.write(holder, b'+')
print('returned', flush=True)
time.sleep(1000)
`;
/** Takes two slots. */
const TAKE = `
import os, sys
node = os.open(sys.argv[1], os.O_RDWR)
for _ in range(2):
    os.read(node, 1)
    print('took', flush=True)
`;
const CONFIG = '[[client]]\nprogram = "python*"\nnode = "file"\nimplicit = false\n';

/** A daemon whose clients in Python have the file node, and no job of their own. */
async function open(t: TestContext, jobs: number): Promise<{ machine: Machine; gate: string }> {
  const folder = temporaryFolder(t);
  const config = join(folder, 'stint.toml');
  writeFileSync(config, CONFIG);
  return { machine: await startMachine(t, jobs, { args: ['--config', config] }), gate: join(folder, 'gate') };
}

test('a stint run starts with the slot that the last request of all gave back', { skip }, async (t) => {
  const { machine, gate } = await open(t, 1);
  const holder = machine.spawn('python3', ['-c', HOLD, machine.node, gate], { deadline: LONG });
  await until('the slot is taken', () => holder.output.stdout === 'took\n');
  const run = machine.run(['--style', 'fifo', '--', 'echo', 'ran']);
  await machine.untilStatus(({ waiting }) => waiting === 1);
  writeFileSync(gate, '');
  const { code, stdout } = await run;
  assert.deepEqual([code, stdout], [0, 'ran\n']);
  holder.kill('SIGKILL');
  await machine.stop();
});

test('the slot of a root that is gone is free when what it left has returned its last', { skip }, async (t) => {
  const { machine, gate } = await open(t, 2);
  const script = `python3 -c '${HOLD.replaceAll("'", '"')}' ${machine.node} ${gate} & while :; do sleep 0.05; done`;
  const root = machine.spawnRun(['--style', 'fifo', '--', 'sh', '-c', script], { deadline: LONG });
  await until('the slot is taken', () => root.output.stdout === 'took\n');
  process.kill((await machine.status()).builds[0]?.rootPid as number, 'SIGKILL');
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'left');
  const taker = machine.spawn('python3', ['-c', TAKE, machine.node]);
  await machine.untilStatus(({ waiting }) => waiting === 1);
  writeFileSync(gate, '');
  const { stdout } = await taker.ended;
  assert.equal(stdout, 'took\ntook\n');
  const [left] = (await machine.status()).builds;
  process.kill(left?.clients?.[0]?.pid as number, 'SIGKILL');
  await machine.stop();
});

test('time limits end while nothing but requests comes', { skip }, async (t) => {
  const { machine, gate } = await open(t, 2);
  const limited = machine.run(['--timeout', '3s', '--', 'sleep', '1000'], { deadline: LONG });
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const holder = machine.spawn('python3', ['-c', HOLD, machine.node, gate], { deadline: LONG });
  await until('the slot is taken', () => holder.output.stdout === 'took\n');
  const waited = await machine.run(['--timeout', '1s', '--', 'true'], { deadline: LONG });
  assert.equal(waited.code, 124);
  assert.equal((await limited).code, 143);
  holder.killAll('SIGKILL');
  await machine.stop();
});
