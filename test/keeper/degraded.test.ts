// What goes on when no engine comes back: a plain pool, until one does. The engine is broken as a half-done upgrade would: in a copy of the
// program, by a source file that is none.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../helpers/api.ts';
import { isMounted, noMachine, startMachine } from '../helpers/machine.ts';
import { Place, type Started, untilServes } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { copyProgram } from './copy.ts';

const PATIENCE = 90_000;
/** What no engine can do without. */
const PART = 'src/engine/engine.ts';

async function untilDegraded(place: Place, daemon: Started): Promise<void> {
  // One that has waited in the background may have loaded what was sound.
  const answer = async () => {
    const { pids, degraded } = await place.status();
    if (degraded === undefined) process.kill(pids.engine, 'SIGKILL');
    return degraded !== undefined;
  };
  await until('the plain pool answers', answer, PATIENCE);
  assert.match(daemon.output.stderr, /^stint: DEGRADED: the engine process .*5 times in a row/m);
}

test('builds of the machine go on in a plain pool, and in a full one when there is an engine again', {
  skip: noMachine() ?? missing('make44'),
  timeout: 280_000,
}, async (t) => {
  const copy = copyProgram(t);
  const machine = await startMachine(t, 3, { stint: copy.stint });
  const log = join(machine.folder, 'log');
  const targets = Array.from({ length: 40 }, (_, i) => `t${i}`);
  const job = `@echo + >>${log}; sleep 0.5; echo - >>${log}`;
  writeFileSync(join(machine.folder, 'm.mk'), `all: ${targets.join(' ')}\n${targets.join(' ')}:\n\t${job}\n`);
  const make = () =>
    machine.spawn(toolPath('make44'), ['-f', 'm.mk'], { env: { MAKEFLAGS: machine.makeflags() }, deadline: 240_000 });
  const before = make();
  await machine.untilStatus(({ builds }) => (builds[0]?.held ?? 0) > 0);
  const mend = copy.damage(PART);
  await untilDegraded(machine, machine.daemon);
  const during = make();
  const { pids, daemon, degraded = '' } = await machine.status();
  assert.match(degraded, /the engine process ended by exit code 1, 5 times in a row/);
  assert.equal(pids.keeper, machine.daemon.pid);
  assert.ok(daemon.restarts >= 5);
  const refused = await ask(machine.socket, 'POST', '/builds', { label: '', cwd: '/' });
  assert.equal(refused.status, 503);
  const watcher = machine.start(['watch']);
  await until('it is told why nothing is', () =>
    watcher.output.stdout.includes('nothing is told: the daemon is degraded'),
  );
  const said = await machine.stint(['status']);
  assert.match(said.stdout, /^DEGRADED: .*\n3 slots: \d used, \d free\nno builds\n$/);
  await until('the new one works', () => readFileSync(log, 'utf8').length > 0);
  mend();
  await until('an engine serves again', async () => (await machine.status()).degraded === undefined, PATIENCE);
  await until('it watches again', () => /\n\S+ +watching\n/.test(watcher.output.stdout));
  watcher.kill('SIGTERM');
  for (const { ended } of [before, during]) {
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr], [0, '']);
  }
  const running = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  assert.equal(running.length, 4 * targets.length, 'every job has begun and ended');
  await machine.untilIdle();
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
});

/** Takes a slot for each line `take`, and gives one back for each line `give`. */
const CLIENT = `
import os, sys
node = os.open(sys.argv[1], os.O_RDWR)
for line in sys.stdin:
    if line == 'take\\n': os.read(node, 1)
    else: os.write(node, b'+')
    print(line, end='', flush=True)
`;

test('slots that are taken and given back in a plain pool are known to the next one, and to the engine', {
  skip: noMachine() ?? false,
  timeout: 280_000,
}, async (t) => {
  const copy = copyProgram(t);
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, '[[client]]\nprogram = "python*"\nnode = "file"\nimplicit = false\n');
  const machine = await startMachine(t, 5, { stint: copy.stint, args: ['--config', config] });
  const client = () =>
    machine.spawn('/usr/bin/python3', ['-c', CLIENT, machine.node], { stdio: 'pipe', deadline: 240_000 });
  const does = async ({ child, output }: Started, ...what: ('take' | 'give')[]) => {
    const after = output.stdout + what.map((one) => `${one}\n`).join('');
    child.stdin?.write(what.map((one) => `${one}\n`).join(''));
    await until(`it does ${what}`, () => output.stdout === after, PATIENCE);
  };
  const free = (slots: number) => machine.untilStatus((status) => status.free === slots, PATIENCE);
  const held = async () => {
    const { builds } = await machine.status();
    const clients = builds.flatMap((build) => build.clients ?? []);
    return [before, during, dies].map(({ pid }) => clients.find((one) => one.pid === pid)?.held);
  };
  const [before, dies] = [client(), client()];
  await does(before, 'take', 'take');
  await does(dies, 'take');
  let mend = copy.damage(PART);
  await untilDegraded(machine, machine.daemon);
  const during = client();
  await does(during, 'take', 'take');
  await does(before, 'give', 'give');
  await does(during, 'take');
  await free(1);
  dies.killAll('SIGKILL');
  await free(2);
  const { pids } = await machine.status();
  await until('another plain pool', async () => (await machine.status()).pids.engine !== pids.engine, PATIENCE);
  assert.equal((await machine.status()).free, 2);
  mend();
  for (let engines = 0; engines < 2; engines++) {
    const { pids } = await machine.untilStatus(({ degraded }) => degraded === undefined, PATIENCE);
    assert.deepEqual(await held(), [0, 3, undefined]);
    assert.equal((await machine.status()).free, 2);
    process.kill(pids.engine, 'SIGKILL');
    await until('another engine', async () => (await machine.status()).pids.engine !== pids.engine, PATIENCE);
  }
  await does(during, 'give', 'give');
  await free(4);
  mend = copy.damage(PART);
  await untilDegraded(machine, machine.daemon);
  assert.equal((await machine.status()).free, 4, 'what an engine has gone on with counts no more');
  await does(during, 'give');
  await free(5);
  mend();
  const { surplus } = await machine.untilStatus(
    (status) => status.degraded === undefined && status.free === 5,
    PATIENCE,
  );
  assert.equal(surplus, 0);
  for (const one of [before, during]) one.child.stdin?.end();
  await machine.untilIdle(PATIENCE);
});

test('a degraded daemon of the machine leaves when told', { skip: noMachine() ?? false }, async (t) => {
  const copy = copyProgram(t);
  const machine = await startMachine(t, 3, { stint: copy.stint });
  copy.damage(PART);
  await untilDegraded(machine, machine.daemon);
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
  assert.equal(isMounted(machine.mount), false);
});

test('builds of a user go on by themselves while there is no engine', async (t) => {
  const copy = copyProgram(t);
  const place = new Place(t);
  const daemon = place.spawn(copy.stint, ['serve', '--user', '--jobs', '2'], { deadline: 240_000 });
  await untilServes(daemon);
  writeFileSync(join(place.folder, 'm.mk'), 'all: a b c d\na b c d:\n\t@sleep 1\n');
  const build = place.spawnRun(['--', 'make', '-f', 'm.mk'], { deadline: 240_000 });
  await place.untilStatus(({ builds }) => (builds[0]?.held ?? 0) > 0);
  const mend = copy.damage(PART);
  await untilDegraded(place, daemon);
  assert.equal((await build.ended).code, 0);
  mend();
  await until('an engine serves again', async () => (await place.status()).degraded === undefined, PATIENCE);
  await place.untilIdle(PATIENCE);
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
});
