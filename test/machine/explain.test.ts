// Single builds and processes of the machine's pool: who may change a build and to what, and what is said of a process.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ProcessStatus } from '../../src/api/schema.ts';
import { noTerminal, play } from '../helpers/full-screen.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { type Result, STINT, type Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
/** As long as a test may take. */
const LASTING = { deadline: 200_000 };
const NOBODY = ['--reuid', '65534', '--regid', '65533', '--clear-groups'];

async function open(t: TestContext, jobs: number): Promise<Machine> {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, 'mode = "0666"\n[[client]]\nprogram = "bash"\nnode = "file"\nimplicit = true\n');
  const machine = await startMachine(t, jobs, { args: ['--config', file] });
  chmodSync(machine.folder, 0o755);
  return machine;
}

const asNobody = (machine: Machine, args: readonly string[]): Started =>
  machine.spawn('setpriv', [...NOBODY, ...args], {
    cwd: '/',
    env: { XDG_CACHE_HOME: '/nonexistent', HOME: '/nonexistent' },
  });

/** One call by curl, as user 65534: the status and the body. */
async function call(machine: Machine, method: string, path: string, body: string): Promise<[number, string]> {
  const { stdout }: Result = await asNobody(machine, [
    ...['curl', '-s', '-X', method, '-w', '\n%{http_code}', '--unix-socket', machine.socket, '-d', body],
    `http://stint${path}`,
  ]).ended;
  const [answer = '', , status] = stdout.split('\n');
  return [Number(status), answer];
}

test('a user changes builds of its own, lowers their class and raises them no further; root may do anything', {
  skip,
}, async (t) => {
  const machine = await open(t, 4);
  const own = asNobody(machine, [STINT, 'run', '--label', 'own', 'sleep', '1000']);
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const other = machine.spawnRun(['--label', 'other', 'sleep', '1000'], LASTING);
  await machine.untilStatus(({ builds }) => builds[1]?.state === 'running');
  const [first, second] = (await machine.status()).builds;
  const mine = `/builds/${first?.id}`;
  const standing = async () => {
    const [build] = (await machine.status()).builds;
    return [build?.class, build?.weight];
  };
  assert.equal((await call(machine, 'PATCH', mine, '{"class":"background","weight":3}'))[0], 200);
  assert.deepEqual(await standing(), ['background', 3]);
  assert.equal((await call(machine, 'PATCH', mine, '{"class":"normal"}'))[0], 200);
  assert.deepEqual(await standing(), ['normal', 3]);
  assert.match((await call(machine, 'PATCH', mine, '{"class":"interactive"}')).join(' '), /^403 .*class interactive: /);

  const root = (body: string) =>
    machine.spawn('curl', ['-s', '-X', 'PATCH', '--unix-socket', machine.socket, '-d', body, `http://stint${mine}`])
      .ended;
  await root('{"class":"interactive"}');
  assert.deepEqual(await standing(), ['interactive', 3]);
  await root('{"class":"background"}');
  await call(machine, 'PATCH', mine, '{"class":"normal"}');
  assert.deepEqual(await standing(), ['background', 3], 'what root lowered its user does not raise');

  for (const [method, path] of [
    ['PATCH', `/builds/${second?.id}`],
    ['POST', `/builds/${second?.id}/reclaim`],
  ] as const)
    assert.match((await call(machine, method, path, '{"weight":2}')).join(' '), /^403 .*belongs to user root/);
  assert.equal((await call(machine, 'PATCH', '/builds/999', '{"weight":2}'))[0], 404);
  assert.deepEqual(await call(machine, 'POST', `${mine}/reclaim`, ''), [200, '{"slots":0}']);
  own.killAll('SIGKILL');
  other.killAll('SIGKILL');
  await machine.stop();
});

test('a client that waits, the job of a client, and a process in no build', { skip }, async (t) => {
  const machine = await open(t, 2);
  const holder = machine.spawnRun(['--label', 'holder', 'sleep', '1000'], LASTING);
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  // Charged for its own job, it has all there is; what it reads it waits for.
  const script = `exec 7<>${machine.node}; sleep 1000 & echo $!; read x <&7`;
  const waiting = machine.spawn('bash', ['-c', script], LASTING);
  await machine.untilStatus(({ waiting }) => waiting === 1);
  const found = JSON.parse((await machine.stint(['explain', '--json', String(waiting.pid)])).stdout) as ProcessStatus;
  const { client, waits, root, build } = found;
  // The other build has a pipe, and is taken to want more.
  assert.match(waits?.reason ?? '', /^it has 1 slot, and its share is 1; (?:1st|2nd) in the queue$/);
  assert.deepEqual([client?.waiting, waits?.slots, root], [1, 1, false]);
  const said = (await machine.stint(['explain', String(waiting.pid)])).stdout;
  assert.match(said, /^It has the jobserver open and holds 0 slots/m);
  assert.match(said, /^It has waited \d+s for a slot: it has 1 slot, and its share is 1; \w+ in the queue\.$/m);
  assert.match(said, /^When it gets it cannot be told: no slot came back in the last minute\.$/m);
  assert.match(said, /^Who else has slots: \d+ \(holder\) has 1 of its share of /m);

  const job = waiting.output.stdout.trim();
  const below = (await machine.stint(['explain', job])).stdout;
  assert.match(below, new RegExp(`is in build ${build}: `));
  assert.match(below, new RegExp(`it is a job of \\w+ \\(pid ${waiting.pid}\\)`));

  const stranger = machine.spawn('sleep', ['1000'], LASTING);
  const outside = (await machine.stint(['explain', String(stranger.pid)])).stdout;
  assert.match(outside, /is in no build: it draws nothing from the pool\.$/m);
  assert.ok(outside.includes(`MAKEFLAGS=' -j2 --jobserver-auth=fifo:${machine.node}'`), outside);
  assert.match(outside, /^It would then be in a build of its (?:session|scope): /m);
  for (const one of [holder, waiting, stranger]) one.killAll('SIGKILL');
  await machine.stop();
});

test('stint top shows the processes of a build, and what each has', { skip: skip || noTerminal }, async (t) => {
  const machine = await open(t, 4);
  const script = `exec 7<>${machine.node}; read -n 1 x <&7; echo taken; sleep 1000`;
  const client = machine.spawn('bash', ['-c', script], { deadline: 120_000 });
  await until('it has a token', () => client.output.stdout === 'taken\n');
  await machine.untilStatus(({ builds }) => builds.length === 1);
  const seen = await play(
    machine,
    [STINT, 'top'],
    [
      { see: "the machine's pool +1 build [\\s\\S]*█ 1 held {2}▓ 1 implicit {2}· 2 free" },
      { type: '\r' },
      { see: `${client.pid} bash +file +holds 1, 1 without a token` },
      { type: 'q' },
    ],
  );
  assert.deepEqual([seen.code, seen.restored], [0, true]);
  client.killAll('SIGKILL');
  await machine.stop();
});

test("of other users' processes only what the status shows is told", { skip }, async (t) => {
  const machine = await open(t, 2);
  const run = machine.spawnRun(['sleep', '1000'], LASTING);
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const secret = machine.spawn('sleep', ['1000'], LASTING);
  await until('it is there', () => secret.pid > 0);
  assert.equal((await call(machine, 'GET', `/processes/${run.pid}`, ''))[0], 200);
  const [status, answer] = await call(machine, 'GET', `/processes/${secret.pid}`, '');
  assert.deepEqual([status, answer], [403, `{"error":"process ${secret.pid} belongs to user root"}`]);
  run.killAll('SIGKILL');
  secret.kill('SIGKILL');
  await machine.stop();
});
