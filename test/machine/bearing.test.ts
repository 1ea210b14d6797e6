// What the machine can bear, as the machine's daemon is told it: by its configuration, by SIGHUP, and by `stint set`. And
// what the control group of a build allows it there, whether it was announced or not.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Status } from '../../src/api/schema.ts';
import { into, newGroup, noGroups } from '../helpers/cgroup.ts';
import { Machine, noMachine } from '../helpers/machine.ts';
import { STINT, untilServes } from '../helpers/pool.ts';
import { send } from '../helpers/processes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
/** Others may use this machine, too. */
const PATIENCE = 90_000;
const GIB = 2 ** 30;

async function configured(t: TestContext, text: string): Promise<{ machine: Machine; write: (text: string) => void }> {
  const file = join(temporaryFolder(t), 'stint.toml');
  const write = (text: string) => writeFileSync(file, text);
  write(text);
  const machine = new Machine(t, undefined, { args: ['--config', file] });
  await untilServes(machine.daemon);
  chmodSync(machine.folder, 0o755);
  return { machine, write };
}

const names = ({ limits }: Status) => limits.map(({ name }) => name);
const slotsOf = ({ builds }: Status, label: string) => {
  const build = builds.find((one) => one.label === label);
  return (build?.implicit ?? 0) + (build?.held ?? 0);
};

/** Opens the node as a bare client, and takes what it may have, one by one. */
const taker = (machine: Machine): string => `exec 7<>${machine.node}; while head -c 1 <&7 >/dev/null; do echo x; done`;

test('limits hold from the first build on, and follow the configuration and what is set; a bad one changes nothing', {
  skip,
  timeout: 400_000,
}, async (t) => {
  const { machine, write } = await configured(t, 'jobs = 6\n[limits]\nmin_memory = "99.9%"\nmin_slots = 2\n');
  const idle = await machine.status();
  assert.deepEqual([idle.limit, names(idle)], [2, ['memory']], 'whoever comes unannounced is bounded, too');
  const bare = machine.spawn('sh', ['-c', taker(machine)], { deadline: PATIENCE * 4 });
  // It is charged for the job that it runs without a token.
  await until('it has what it may', () => bare.output.stdout === 'x\n');
  const { limits, builds } = await machine.untilStatus((status) => (status.builds[0]?.waiting ?? 0) > 0, PATIENCE);
  assert.match(limits[0]?.reason ?? '', /^memory: .* below the floor of /);
  assert.match(
    builds[0]?.reason ?? '',
    /^2 of 6 slots may be out now: memory: .* below the floor of .*; 1st in the queue$/,
  );
  assert.match((await machine.stint(['status'])).stdout, /^limit 2 of 6: memory: .* below the floor/m);

  // By SIGHUP.
  write('jobs = 6\n[limits]\nmin_memory = "99.9%"\nmin_slots = 3\n');
  machine.daemon.kill('SIGHUP');
  await until('it has one more', () => bare.output.stdout === 'x\nx\n', PATIENCE);

  // A bad one.
  write('jobs = 6\n[limits]\nmin_memory = "99.9%"\nmin_slots = 9\n');
  machine.daemon.kill('SIGHUP');
  await until('it complains', () => machine.daemon.output.stderr.endsWith('\n'));
  assert.match(
    machine.daemon.output.stderr,
    /^stint: keeping the configuration as it was: \S+:4: limits\.min_slots is 9; it must be at most jobs, which is 6\n$/,
  );
  assert.equal((await machine.stint(['get', 'limits.min_slots'])).stdout, '3\n');
  await pause(1500);
  assert.equal((await machine.status()).limit, 3);

  // By stint set, which goes before the file; all come back on the ramp.
  assert.equal((await machine.stint(['set', 'limits.min_memory=0', 'limits.ramp=0.5'])).code, 0);
  const back = await machine.untilStatus(({ limit }) => limit > 3 && limit < 6, PATIENCE);
  assert.deepEqual(names(back), ['ramp']);
  await until('it has all', () => bare.output.stdout === 'x\n'.repeat(5), PATIENCE);
  assert.deepEqual((await machine.status()).limits, []);
  assert.equal((await machine.stint(['set', '--unset', 'limits.min_memory', 'limits.ramp'])).code, 0);
  assert.deepEqual(names(await machine.untilStatus(({ limit }) => limit === 3, PATIENCE)), ['memory']);
  bare.killAll('SIGKILL');
  await machine.untilIdle(PATIENCE);
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
});

for (const [key, most, needs] of [
  ['max_load', 0.01, '/proc/loadavg'],
  ['max_cpu_pressure', 0.01, '/proc/pressure/cpu'],
] as const) {
  test(`${key} in the configuration has its effect while builds are there, and ends with them`, {
    skip: skip || (existsSync(needs) ? false : `no ${needs}`),
    timeout: 400_000,
  }, async (t) => {
    // So many that no machine has as many processors: pressure takes none below these.
    const { machine } = await configured(t, `jobs = 4096\n[limits]\n${key} = ${most}\n`);
    const hog = 'while :; do :; done';
    const many = machine.spawnRun(['--', 'sh', '-c', `${`{ ${hog}; } & `.repeat(4)} wait`], { deadline: PATIENCE * 3 });
    const name = key === 'max_load' ? 'load' : 'cpu-pressure';
    const { limits, limit } = await machine.untilStatus((status) => names(status).includes(name), PATIENCE);
    assert.match(limits.find((one) => one.name === name)?.reason ?? '', new RegExp(` over ${key} 0\\.01$`));
    assert.ok(limit < 4096);
    many.killAll('SIGKILL');
    await machine.untilStatus((status) => status.builds.length === 0 && !names(status).includes(name), PATIENCE);
    await machine.stop();
  });
}

test('builds in a group of two processors have two slots together, announced or not', {
  skip: skip || (noGroups('cpu') ?? false),
  timeout: 400_000,
}, async (t) => {
  const { machine } = await configured(t, 'jobs = 8\n');
  const folder = newGroup(t, 'cpu', 2);
  const bare = machine.spawn('sh', ['-c', `${into(folder)}; ${taker(machine)}`], { deadline: PATIENCE * 4 });
  // It may have had more before it was looked at.
  const { limits } = await machine.untilStatus((status) => names(status).includes('cgroup'), PATIENCE);
  assert.deepEqual(limits, [{ name: 'cgroup', slots: 2, reason: `builds in ${folder} may use 2 processors` }]);
  const script = `${into(folder)}; for n in 1 2 3; do "$STINT" run --label n$n sleep 1000 & done; wait`;
  const runs = machine.spawn('sh', ['-c', script], { env: { STINT }, deadline: PATIENCE * 4 });
  const full = await machine.untilStatus(({ builds }) => builds.length === 4, PATIENCE);
  for (const { state, reason } of full.builds.filter(({ kind }) => kind === 'run')) {
    assert.equal(state, 'starting');
    assert.match(reason ?? '', new RegExp(`^builds in ${folder} may have 2 slots in all; \\d of these are out$`));
  }
  const outside = machine.spawnRun(['--label', 'free', '--slots', '1..8', '--', 'sleep', '1000']);
  await machine.untilStatus((status) => slotsOf(status, 'free') > 0, PATIENCE);
  bare.killAll('SIGKILL');
  const two = await machine.untilStatus(
    (status) => status.builds.filter(({ label, state }) => label.startsWith('n') && state === 'running').length === 2,
    PATIENCE,
  );
  for (const { rootPid } of two.builds) process.kill(rootPid, 'SIGKILL');
  runs.killAll('SIGKILL');
  outside.kill('SIGKILL');
  await machine.stop();
});

test('what a group may have of the memory bounds the builds in it, and no others', {
  skip: skip || (noGroups('memory') ?? false),
  timeout: 400_000,
}, async (t) => {
  const { machine } = await configured(t, 'jobs = 8\n[limits]\nmin_memory = "0%"\nmemory_per_job = "1GiB"\n');
  const folder = newGroup(t, 'memory', 2.5 * GIB);
  const script = `${into(folder)}; for n in 1 2 3 4; do "$STINT" run --label boxed sleep 1000 & done; wait`;
  const runs = machine.spawn('sh', ['-c', script], { env: { STINT }, deadline: PATIENCE * 4 });
  const { builds, limits } = await machine.untilStatus(
    (status) => status.builds.length === 4 && slotsOf(status, 'boxed') > 0,
    PATIENCE,
  );
  const cgroup = limits.find(({ name }) => name === 'cgroup');
  assert.match(
    cgroup?.reason ?? '',
    new RegExp(
      `^builds in ${folder}: [\\d.]+ [GM]iB of 2\\.5 GiB left; each job of boxed is expected to need 1\\.0 GiB$`,
    ),
  );
  assert.equal(cgroup?.slots, 2);
  assert.equal(builds.filter(({ state }) => state === 'running').length, 2);
  // A lease for which the memory is too little now waits, since that may change.
  const lease = machine.spawn('sh', ['-c', `${into(folder)}; exec "$STINT" run --slots 4 -- true`], {
    env: { STINT },
    deadline: PATIENCE * 4,
  });
  await machine.untilStatus((status) => status.builds.some((one) => one.lease !== undefined), PATIENCE);
  const outside = machine.spawnRun(['--label', 'free', '--', 'sleep', '1000']);
  await machine.untilStatus((status) => slotsOf(status, 'free') === 1, PATIENCE);
  for (const one of [runs, lease, outside]) one.killAll('SIGKILL');
  for (const { rootPid } of (await machine.status()).builds) send(rootPid, 'SIGKILL');
  await machine.stop();
});
