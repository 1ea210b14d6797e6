// A daemon that may not open anything more: whoever comes is told so, and served again as soon as there are descriptors.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { Place, STINT, type Started, untilServes } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 60_000;
const SAID = 'the daemon has no descriptor left: give it more (LimitNOFILE= of its service, ulimit -n)';

/** Starts processes that open the node until one may not, and tells what that one was told; then uses its own for each line. */
const CROWD = `
import os, sys, time
node = os.open(sys.argv[1], os.O_RDWR)
said = 'open'
while said == 'open':
    here, there = os.pipe()
    if os.fork() == 0:
        try:
            os.open(sys.argv[1], os.O_RDWR)
            os.write(there, b'open')
        except OSError as error: os.write(there, error.strerror.encode())
        time.sleep(1000)
    said = os.read(here, 100).decode()
print(said, flush=True)
for line in sys.stdin:
    os.write(node, os.read(node, 1))
    print('had one', flush=True)
`;

// What is short first depends on how many there are.
for (const [kind, descriptors] of [
  ['file', 90],
  ['pipe', 91],
] as const) {
  test(`a daemon of the machine that has ${descriptors} descriptors and none left says so, and serves those who have a ${kind} open`, {
    skip: noMachine() ?? missing('python3'),
  }, async (t) => {
    const config = join(temporaryFolder(t), 'stint.toml');
    writeFileSync(config, `[[client]]\nprogram = "python*"\nnode = "${kind}"\nimplicit = false\n`);
    const through = ['prlimit', `--nofile=${descriptors}`];
    const machine = await startMachine(t, 2, { through, args: ['--config', config] });
    const crowd = machine.spawn('/usr/bin/python3', ['-c', CROWD, machine.node], {
      stdio: 'pipe',
      deadline: 2 * PATIENCE,
    });
    await until('one is refused', () => crowd.output.stdout === 'Too many open files in system\n', PATIENCE);
    crowd.child.stdin?.write('\n');
    await until('another is served', () => crowd.output.stdout.endsWith('\nhad one\n'), PATIENCE);
    const { code, stderr } = await machine.run(['--', 'true'], { deadline: PATIENCE });
    assert.equal(code, 125);
    assert.match(stderr, /^(hint: |stint: .*: )(the daemon|it may have) .*no descriptor left/m);
    assert.equal(machine.daemon.output.stderr, `stint: ${SAID}\n`, 'it says so once');
    crowd.killAll('SIGKILL');
    await machine.untilIdle(PATIENCE);
    assert.equal((await machine.run(['--', 'true'], { deadline: PATIENCE })).code, 0);
  });
}

test('a daemon of a user that has no descriptor left refuses a build and says why, and takes the next one', async (t) => {
  const place = new Place(t);
  await untilServes(place.spawn('prlimit', ['--nofile=50', STINT, 'serve', '--user', '--jobs', '50']));
  const runs: Started[] = [];
  for (let refused = false; !refused; ) {
    const run = place.spawnRun(['--', 'sh', '-c', 'echo runs; sleep 1000'], { deadline: 2 * PATIENCE });
    const { output, child } = run;
    await until('it runs, or not', () => output.stdout === 'runs\n' || child.exitCode !== null, PATIENCE);
    refused = child.exitCode !== null;
    if (refused) assert.equal(output.stderr, `stint: the daemon refused: ${SAID}\n`);
    else runs.push(run);
  }
  assert.ok(runs.length > 0);
  for (const run of runs) run.killAll('SIGKILL');
  await place.untilIdle(PATIENCE);
  assert.equal((await place.run(['--', 'true'], { deadline: PATIENCE })).code, 0);
});

test('a keeper that has no descriptor left says what that means', { skip: noMachine() ?? false }, async (t) => {
  const machine = await startMachine(t, 2);
  execFileSync('prlimit', [`--pid=${machine.daemon.pid}`, '--nofile=4:']);
  for (let i = 0; i < 2; i++) assert.equal((await machine.run(['--', 'true'], { deadline: PATIENCE })).code, 0);
  await until('it is said', () => machine.daemon.output.stderr.endsWith('\n'), PATIENCE);
  assert.match(machine.daemon.output.stderr, /^stint: no descriptor is left to keep for clients: .*\n$/, 'once');
});
