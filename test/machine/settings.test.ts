// The machine's pool by its configuration: rules for builds, what SIGHUP changes, and `stint with` where builds are told apart by
// their processes.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BuildStatus, Status } from '../../src/api/schema.ts';
import { Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT, type Started, untilServes } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
const NOBODY = ['--reuid', '65534', '--regid', '65533', '--clear-groups'];

/** A machine's daemon whose configuration a test may rewrite. */
async function configured(t: TestContext, text: string): Promise<{ machine: Machine; file: string }> {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, text);
  const machine = new Machine(t, undefined, { args: ['--config', file] });
  await untilServes(machine.daemon);
  chmodSync(machine.folder, 0o755);
  return { machine, file };
}

/** Opens the node as a bare client, and holds `tokens` of it. */
const client = (machine: Machine, tokens: number): string =>
  `exec 7<>${machine.node}; head -c ${tokens} <&7 | wc -c; exec sleep 1000`;

const standing = ({ label, class: of, weight, max, caps }: BuildStatus) => ({
  label: label.split(' ')[0],
  of,
  weight,
  ...(max && { max }),
  ...(caps && { caps }),
});

test('rules speak of builds by user, group, label and control group, and SIGHUP changes what they say', {
  skip,
}, async (t) => {
  const rules = `jobs = 8
mode = "0666"
[[rule]]
user = 65534
max = 3
[[rule]]
label = "slow*"
class = "background"
weight = 0.5
build_max = 2
[[rule]]
group = 65533
label = "*"
weight = 4
`;
  const { machine, file } = await configured(t, rules);
  const slow = machine.spawnRun(['--label', 'slow one', '--', 'sleep', '1000']);
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const stranger = machine.spawn('setpriv', [...NOBODY, 'sh', '-c', client(machine, 2)], { cwd: '/' });
  await until('it has two tokens', () => stranger.output.stdout === '2\n');
  const cap = { name: 'rule 1 (user 65534)', slots: 3 };
  assert.deepEqual((await machine.status()).builds.map(standing), [
    { label: 'slow', of: 'background', weight: 0.5, max: 2 },
    { label: 'sh', of: 'normal', weight: 4, caps: [cap] },
  ]);
  const shown = await machine.stint(['status']);
  assert.match(shown.stdout, /\(background; weight 0\.5; at most 2\)\n/);
  assert.match(shown.stdout, /[(; ]weight 4; rule 1 \(user 65534\): at most 3 in all\)\n/);

  writeFileSync(
    file,
    'jobs = 8\nmode = "0666"\n[[rule]]\nlabel = "slow *"\nclass = "interactive"\n[share]\nclass = "background"\n',
  );
  machine.daemon.kill('SIGHUP');
  await machine.untilStatus(({ builds }) => builds[0]?.class === 'interactive');
  assert.deepEqual((await machine.status()).builds.map(standing), [
    { label: 'slow', of: 'interactive', weight: 1 },
    { label: 'sh', of: 'background', weight: 1 },
  ]);
  const good = (await machine.stint(['get'])).stdout;
  assert.match(good, /^share\.class = "background" +\(file\)$/m);

  writeFileSync(file, 'jobs = 9\n[share]\nclas = "normal"\n[[rule]]\nmax = 1\n');
  machine.daemon.kill('SIGHUP');
  await until('it complains', () => machine.daemon.output.stderr.endsWith('\n'));
  assert.match(
    machine.daemon.output.stderr,
    /^stint: keeping the configuration as it was: \S+:3: unknown key clas in \[share\]; .*\n$/,
  );
  assert.equal((await machine.stint(['get'])).stdout, good);
  slow.kill('SIGKILL');
  stranger.killAll('SIGKILL');
  await machine.untilIdle();
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
});

test('a max is kept by all builds of its rule together, from their first moment', { skip }, async (t) => {
  const { machine } = await configured(t, 'jobs = 8\n[[rule]]\nuser = "root"\nmax = 3\n');
  const script = `exec 7<>${machine.node}; while head -c 1 <&7 >/dev/null; do echo x; done`;
  const bare = machine.spawn('sh', ['-c', script]);
  // It is charged for the job that it runs without a token.
  await until('it has what it may', () => bare.output.stdout === 'x\nx\n');
  const run = machine.spawnRun(['echo', 'done']);
  await machine.untilStatus(({ builds }) => builds.some(({ state }) => state === 'starting'));
  assert.equal(bare.output.stdout, 'x\nx\n');
  assert.equal((await machine.status()).free, 5);
  bare.killAll('SIGKILL');
  assert.equal((await run.ended).stdout, 'done\n');
  await machine.untilIdle();
  machine.daemon.kill('SIGTERM');
  await machine.daemon.ended;
});

test("a rule of a user is the user's part beside other users", { skip }, async (t) => {
  const { machine } = await configured(t, 'jobs = 8\nmode = "0666"\n[[rule]]\nuser = "root"\nweight = 3\n');
  const root = machine.spawnRun(['sleep', '1000']);
  const other = machine.spawn('setpriv', [...NOBODY, 'sh', '-c', client(machine, 1)], { cwd: '/' });
  const { builds } = await machine.untilStatus((status) => status.builds.length === 2 && other.output.stdout !== '');
  assert.deepEqual(builds.map(({ uid, share, weight }) => [uid, share, weight]).sort(), [
    [0, 6, 1],
    [65534, 2, 1],
  ]);
  root.kill('SIGKILL');
  other.killAll('SIGKILL');
  await machine.untilIdle();
  machine.daemon.kill('SIGTERM');
  await machine.daemon.ended;
});

test('what begins below a stint with is one build, with what is lent, whatever session it is in', {
  skip,
}, async (t) => {
  const machine = await startMachine(t, 8);
  const both = `setsid sh -c '${client(machine, 1)}' & ${client(machine, 1)}`;
  const command = machine.start(['with', '--class', 'background', '--', 'sh', '-c', both]);
  await until('both have a token', () => command.output.stdout === '1\n1\n');
  const beside = machine.spawn('sh', ['-c', client(machine, 1)]);
  const { builds } = await machine.untilStatus((status) => status.builds.length === 2 && beside.output.stdout !== '');
  assert.deepEqual(
    builds.map(({ kind, class: of, rootPid, clients }) => [kind, of, rootPid, clients?.length]),
    [
      ['with', 'background', command.pid, 2],
      ['session', 'normal', beside.pid, 1],
    ],
  );
  command.kill('SIGKILL');
  await machine.untilStatus(
    (status) => status.with.length === 0 && status.builds.every((one) => one.class === 'normal'),
  );
  const apart = builds[0]?.clients?.map(({ pid }) => pid).filter((pid) => pid !== command.pid) ?? [];
  for (const pid of apart) process.kill(pid, 'SIGKILL');
  beside.killAll('SIGKILL');
  await machine.stop();
});

test('inside a build stint with speaks of that build, and of a stint run below it where it is in none', {
  skip,
}, async (t) => {
  const machine = await startMachine(t, 8);
  const env = { STINT };
  // A bare client, and in a hook of it a stint with.
  const bare = machine.spawn(
    'sh',
    ['-c', `exec 7<>${machine.node}; "$STINT" with --weight 0.5 -- sleep 1000; sleep 1000`],
    {
      env,
    },
  );
  const inside = await machine.untilStatus((status) => status.with.length === 1);
  assert.deepEqual(inside.with[0]?.build, inside.builds[0]?.id);
  assert.deepEqual([inside.builds[0]?.weight, inside.builds[0]?.kind], [0.5, 'session']);

  // Two levels outside of any build, and a run below both.
  const outer = machine.start(
    [
      'with',
      '--class',
      'background',
      '--',
      'sh',
      '-c',
      '"$STINT" with --weight 2 -- sh -c \'"$STINT" run sleep 1000; :\'; :',
    ],
    { env },
  );
  const nested = await machine.untilStatus((status) => status.builds.some((one) => one.kind === 'run'));
  const run = nested.builds.find((one) => one.kind === 'run');
  assert.deepEqual([run?.class, run?.weight], ['background', 2]);
  assert.equal(nested.with.length, 3);
  const inner = nested.with[2] as Status['with'][0];
  process.kill(inner.pid, 'SIGKILL');
  await machine.untilStatus((status) => status.builds.some((one) => one.kind === 'run' && one.weight === 1));
  for (const one of [bare, outer] as Started[]) one.killAll('SIGKILL');
  process.kill(run?.rootPid as number, 'SIGKILL');
  await machine.stop();
});

test('a stranger may lend weight and a lower class to his own builds, and nothing else', { skip }, async (t) => {
  const { machine } = await configured(
    t,
    'jobs = 8\nmode = "0666"\n[[rule]]\nuser = 65534\nlabel = "*"\nclass = "background"\n',
  );
  const as = (args: readonly string[]) =>
    machine.spawn('setpriv', [...NOBODY, STINT, ...args], { cwd: '/', env: { XDG_CACHE_HOME: '/nonexistent' } });
  for (const args of [
    ['with', '--slots', '2', '--', 'true'],
    ['with', '--class', 'interactive', '--', 'true'],
  ]) {
    const { code, stderr } = await as(args).ended;
    assert.equal(code, 125, stderr);
    assert.match(stderr, /user 65534 may not change the pool/);
  }
  const set = await as(['set', 'jobs=1']).ended;
  assert.equal(set.code, 1);
  assert.match(set.stderr, /^stint: user 65534 may not change the pool: that is for root and members of group \w+\n$/);
  assert.match((await as(['get', 'jobs']).ended).stdout, /^8\n$/);

  const own = as(['with', '--class', 'normal', '--weight', '3', '--', 'sh', '-c', client(machine, 1)]);
  await until('it has a token', () => own.output.stdout === '1\n');
  const { builds } = await machine.status();
  assert.deepEqual([builds[0]?.class, builds[0]?.weight], ['background', 3], 'nobody rises above a rule by himself');
  own.killAll('SIGKILL');
  await machine.untilIdle();
  machine.daemon.kill('SIGTERM');
  await machine.daemon.ended;
});

test('what is set for the machine is kept in the state folder that the configuration names', { skip }, async (t) => {
  const state = join(temporaryFolder(t), 'state');
  const { machine, file } = await configured(t, `jobs = 8\nstate = "${state}"\n`);
  assert.equal((await machine.stint(['set', 'jobs=5', 'share.user_max=4'])).code, 0);
  writeFileSync(file, `jobs = 7\nstate = "${state}"\n`);
  machine.daemon.kill('SIGHUP');
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
  const again = machine.start(['serve', '--mount', machine.mount, '--config', file]);
  await untilServes(again);
  assert.match(again.output.stdout, /^stint: 5 slots /);
  assert.match((await machine.stint(['get'])).stdout, /^share\.user_max = 4 +\(set\)$/m);
  assert.match((await machine.stint(['set', '--unset', 'jobs'])).stdout, /^jobs = 7 +\(file\)\n$/);
  again.kill('SIGTERM');
  assert.equal((await again.ended).code, 0);
});
