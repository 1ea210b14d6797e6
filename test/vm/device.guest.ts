// What is true of the device in a machine that has CUSE; device.test.ts runs this in one.
import assert from 'node:assert/strict';
import { lstatSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/api/schema.ts';
import { killEngine } from '../helpers/engine-kills.ts';
import { type Machine, startMachine } from '../helpers/machine.ts';
import { Place, type Started } from '../helpers/pool.ts';
import { toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { copyProgram } from '../keeper/copy.ts';

const NAME = 'stint-test';
const PATH = `/dev/${NAME}`;
const SLOTS = 3;
const GROUP = 4711;
const KILLS = Number(process.env.STINT_ROUNDS ?? 2);
const config = `device = "${NAME}"\ngroup = ${GROUP}\n`;

const isThere = () => lstatSync(PATH, { throwIfNoEntry: false }) !== undefined;
const serve = (t: TestContext, ...args: string[]) => startMachine(t, SLOTS, { args: ['--device', NAME, ...args] });

/** What a daemon says that cannot serve. */
async function refusal(place: Place): Promise<string> {
  const { code, stderr } = await place.stint(['serve', '--mount', place.mount, '--device', NAME]);
  assert.equal(code, 1);
  return stderr;
}

const isOver = ({ child }: Started) => child.exitCode !== null;

/** A make of `jobs` jobs of 0.2 s that opens the device by its path. */
function startMake(machine: Machine, jobs: number): Started {
  const names = Array.from({ length: jobs }, (_, i) => `j${i}`).join(' ');
  writeFileSync(join(machine.folder, 'm.mk'), `all: ${names}\n${names}:\n\t@sleep 0.2\n`);
  const env = { MAKEFLAGS: ` -j${SLOTS} --jobserver-auth=fifo:${PATH}` };
  return machine.spawn(toolPath('make44'), ['-f', 'm.mk'], { env, deadline: 800_000 });
}

test('the device is there for its group as long as it is served', async (t) => {
  const place = new Place(t);
  const file = join(place.folder, 'stint.toml');
  writeFileSync(file, config);
  const machine = await startMachine(t, SLOTS, { args: ['--config', file] });
  assert.equal((await machine.status()).daemon.device, PATH);
  const { mode, gid } = statSync(PATH);
  assert.deepEqual([(mode & 0o777).toString(8), gid], ['660', GROUP]);
  const read = ['sh', '-c', `head -c1 <${PATH}`];
  const as = (gid: number) =>
    machine.spawn('setpriv', ['--reuid=65534', `--regid=${gid}`, '--clear-groups', ...read], { cwd: '/' }).ended;
  assert.match((await as(65534)).stderr, /Permission denied/i);
  assert.deepEqual([(await as(GROUP)).stdout, (await machine.untilIdle()).free], ['+', SLOTS]);

  assert.match(await refusal(place), /^stint: cannot make \/dev\/stint-test: there is something\nhint: /);
  unlinkSync(PATH); // the kernel knows it all the same
  assert.match(await refusal(place), /^stint: cannot make \/dev\/stint-test: the kernel has a device of that name/);
  await machine.stop();
  const next = await serve(t);
  assert.ok(isThere());
  await next.stop();
  assert.equal(isThere(), false);
});

test('without CUSE it says what is missing', async (t) => {
  const place = new Place(t);
  renameSync('/dev/cuse', '/dev/cuse.away');
  t.after(() => renameSync('/dev/cuse.away', '/dev/cuse'));
  assert.match(
    await refusal(place),
    /^stint: cannot open \/dev\/cuse: no such file or directory\nhint: .*modprobe cuse/,
  );
});

test('builds at the device do not notice that the engine is killed', { timeout: 3_000_000 }, async (t) => {
  const machine = await serve(t);
  const makes = [1, 2].map(() => startMake(machine, 4 + 2 * KILLS));
  const takesAndWaits = ({ builds }: Status) =>
    builds.some(({ held }) => held > 0) && builds.some(({ waiting }) => waiting > 0);
  for (let kills = 0; kills < KILLS; kills++) {
    await machine.untilStatus((status) => takesAndWaits(status) || makes.every(isOver));
    if (makes.every(isOver)) break;
    await killEngine(machine);
  }
  for (const { ended } of makes) {
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr], [0, '']);
  }
  const { daemon } = await machine.untilIdle();
  assert.ok(daemon.restarts > 0);
  t.diagnostic(`${daemon.restarts} kills`);
});

test('the device is heard while the engine waits for the mount alone', async (t) => {
  const place = new Place(t);
  const file = join(place.folder, 'stint.toml');
  writeFileSync(file, `${config}[[client]]\nprogram = "dd"\nnode = "file"\n`);
  const machine = await startMachine(t, SLOTS, { args: ['--config', file] });
  const busy = machine.spawn('dd', [`if=${machine.node}`, `of=${machine.node}`, 'bs=1', 'count=100000000']);
  const { builds } = await machine.untilStatus(({ builds }) => builds.some(({ held }) => held > 0));
  assert.deepEqual(
    builds[0]?.clients?.map(({ node }) => node),
    ['file'],
  );
  assert.equal((await startMake(machine, 4).ended).code, 0);
  assert.equal(isOver(busy), false);
  busy.kill('SIGKILL');
  await machine.untilIdle();
});

test('when the device is taken away the pool goes on without it', async (t) => {
  const machine = await serve(t);
  const make = startMake(machine, 1000);
  const { builds } = await machine.untilStatus(({ builds }) => builds.some(({ held }) => held > 0));
  assert.deepEqual(
    builds[0]?.clients?.map(({ node }) => node),
    ['device'],
  );
  writeFileSync(`/sys/class/cuse/${NAME}/abort`, '1');
  assert.equal((await make.ended).code, 2);
  await until('the daemon says so', () => machine.daemon.output.stderr.includes('the device was taken away'));
  await machine.untilIdle();
  const { code } = await machine.run(['--', 'true']);
  assert.equal(code, 0);
});

test('when the daemon is killed the device goes with it, and the next one makes it anew', async (t) => {
  const machine = await serve(t);
  const make = startMake(machine, 1000);
  await machine.untilStatus(({ builds }) => builds.some(({ held }) => held > 0));
  machine.daemon.kill('SIGKILL');
  assert.equal((await make.ended).code, 2);
  await until('the device is gone', () => !isThere());
  const next = await serve(t);
  assert.equal((await startMake(next, 4).ended).code, 0);
  await next.stop();
});

test('a plain pool serves the device as well', {
  skip: KILLS < 10 && 'make soak does that',
  timeout: 900_000,
}, async (t) => {
  const copy = copyProgram(t);
  const machine = await startMachine(t, SLOTS, { args: ['--device', NAME], stint: copy.stint });
  const before = startMake(machine, 200);
  await machine.untilStatus(({ builds }) => builds.some(({ held }) => held > 0));
  const mend = copy.damage('src/engine/engine.ts');
  await until('it is degraded', async () => {
    const { pids, degraded } = await machine.status();
    if (degraded === undefined) process.kill(pids.engine, 'SIGKILL');
    return degraded !== undefined;
  });
  assert.equal((await startMake(machine, 3).ended).code, 0);
  mend();
  await until('an engine serves again', async () => (await machine.status()).degraded === undefined);
  assert.equal((await before.ended).code, 0);
  await machine.untilIdle();
});
