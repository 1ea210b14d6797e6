// What a user sees of builds of others in the machine's pool: that they are there and what they have, not where they run, nor the
// arguments of their commands. Each way in which a build is told of is asked, by its user, by root and by somebody else.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PastList, Status } from '../../src/api/schema.ts';
import { type Machine, NOBODY, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT, type Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
/** As long as a test may take. */
const LASTING = { deadline: 200_000 };
/** Part of the directories in which builds run; the last part of one is in its label. */
const SECRET = 'secret-place';
/** The user of the one build, of the other, and one who has none. */
const USERS = { ada: ['--reuid=65533', ...NOBODY.slice(1)], bob: NOBODY, eve: ['--reuid=65532', ...NOBODY.slice(1)] };

type Name = keyof typeof USERS | 'root';

async function open(t: TestContext): Promise<{ machine: Machine; as: As; folder: (of: Name, uid: number) => string }> {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, 'mode = "0666"\n');
  const machine = await startMachine(t, 4, { args: ['--config', file] });
  chmodSync(machine.folder, 0o755);
  const as: As = (name, args, cwd = '/') => {
    const env = { XDG_CACHE_HOME: '/nonexistent', XDG_RUNTIME_DIR: '/nonexistent', HOME: '/nonexistent' };
    const through = name === 'root' ? args : ['setpriv', ...USERS[name], ...args];
    return machine.spawn(through[0] as string, through.slice(1), { ...LASTING, cwd, env });
  };
  const folder = (of: Name, uid: number) => {
    const path = join(machine.folder, `${SECRET}-${of}`, 'public');
    mkdirSync(path, { recursive: true });
    chownSync(path, uid, uid);
    return path;
  };
  return { machine, as, folder };
}

type As = (name: Name, args: readonly string[], cwd?: string) => Started;

/** Whose directories are in a text. */
const placesIn = (text: string): string[] =>
  [...new Set([...text.matchAll(new RegExp(`${SECRET}-(\\w+)`, 'g'))].map(([, of]) => of as string))].sort();

test('where a build runs is told to its user and to root, by whatever way it is asked', { skip }, async (t) => {
  const { machine, as, folder } = await open(t);
  const watchers = new Map<Name, Started>();
  for (const name of ['ada', 'eve', 'root'] as const) {
    const watcher = as(name, ['curl', '-sNv', '--unix-socket', machine.socket, 'http://stint/events']);
    watchers.set(name, watcher);
  }
  await until('all listen', () => [...watchers.values()].every(({ output }) => output.stderr.includes('200 OK')));
  const get = async (name: Name, path: string): Promise<string> =>
    (await as(name, ['curl', '-s', '--unix-socket', machine.socket, `http://stint${path}`]).ended).stdout;
  await until('the sockets are open', async () => {
    const { builds } = JSON.parse(await get('root', '/status')) as Status;
    return builds.length === 0;
  });

  const own = as('ada', [STINT, 'run', 'sleep', '1000'], folder('ada', 65533));
  const lease = as('bob', [STINT, 'run', '--slots', '2', 'sleep', '1000'], folder('bob', 65534));
  const { builds } = await machine.untilStatus(
    (status) => status.builds.every(({ state }) => state === 'running') && status.builds.length === 2,
  );
  const [ada, bob] = ['sleep 1000', 'sleep 1000'].map(
    (_, n) => builds.find(({ uid }) => uid === [65533, 65534][n])?.id,
  );
  assert.ok(ada !== undefined && bob !== undefined);
  const ways = [
    '/status',
    '/builds',
    `/builds/${ada}`,
    `/builds/${bob}`,
    '/leases',
    `/leases/${bob}`,
    `/builds/${ada}/trace`,
  ];
  const told = async (name: Name) => placesIn((await Promise.all(ways.map((path) => get(name, path)))).join('\n'));
  assert.deepEqual(await told('root'), ['ada', 'bob']);
  assert.deepEqual(await told('ada'), ['ada']);
  assert.deepEqual(await told('bob'), ['bob']);
  assert.deepEqual(await told('eve'), []);
  for (const path of ways)
    assert.match(await get('eve', path), /"label":"sleep public"|"name":"sleep public: slots"/, 'labels are public');

  // What stint itself shows, and the file that is the same for everybody.
  assert.deepEqual(placesIn((await as('eve', [STINT, 'status', '--json']).ended).stdout), []);
  assert.deepEqual(placesIn((await as('ada', [STINT, 'status', '--json']).ended).stdout), ['ada']);
  for (const name of ['root', 'ada', 'eve'] as const) {
    const { stdout } = await as(name, ['cat', join(machine.mount, 'status')]).ended;
    assert.deepEqual(placesIn(stdout), [], `the file, read by ${name}`);
    assert.equal((JSON.parse(stdout) as Status).builds.length, 2);
  }

  own.killAll('SIGKILL');
  lease.killAll('SIGKILL');
  await machine.untilIdle();
  const past = ['/history', `/builds/${ada}/trace`, `/builds/${bob}/trace`];
  const was = async (name: Name) => placesIn((await Promise.all(past.map((path) => get(name, path)))).join('\n'));
  assert.deepEqual(await was('root'), ['ada', 'bob']);
  assert.deepEqual(await was('ada'), ['ada']);
  assert.deepEqual(await was('eve'), []);
  assert.equal((JSON.parse(await get('eve', '/history')) as PastList).builds.length, 2);

  const heard = (name: Name): string => watchers.get(name)?.output.stdout ?? '';
  await until('all was told', () =>
    [...watchers.keys()].every((name) => heard(name).split('event: ended').length === 3),
  );
  assert.deepEqual(placesIn(heard('root')), ['ada', 'bob']);
  assert.deepEqual(placesIn(heard('ada')), ['ada']);
  assert.deepEqual(placesIn(heard('eve')), []);
  for (const watcher of watchers.values()) watcher.killAll('SIGKILL');
  await machine.stop();
});

test('the page shows what may be shown to who has started it', { skip }, async (t) => {
  const { machine, as, folder } = await open(t);
  const build = as('ada', [STINT, 'run', 'sleep', '1000'], folder('ada', 65533));
  await machine.untilStatus((status) => status.builds[0]?.state === 'running');
  for (const [name, places] of [
    ['ada', ['ada']],
    ['eve', []],
  ] as const) {
    const web = as(name, [STINT, 'web']);
    const url = await until('it prints its address', () => /^http:\S+\n/.exec(web.output.stdout)?.[0].trim());
    const { origin, searchParams, port } = new URL(url);
    const secret = (await fetch(url, { redirect: 'manual' })).headers.get('set-cookie')?.split(';')[0];
    assert.ok(secret !== undefined && searchParams.has('token') && port !== '');
    const status = await (await fetch(`${origin}/api/status`, { headers: { cookie: secret } })).text();
    assert.match(status, /"label":"sleep public"/);
    assert.deepEqual(placesIn(status), places);
    web.killAll('SIGTERM');
    await web.ended;
  }
  build.killAll('SIGKILL');
  await machine.stop();
});

test("of another user's stint with only the command is told, not its arguments", { skip }, async (t) => {
  const { machine, as } = await open(t);
  const lent = as('ada', [STINT, 'with', '--class', 'background', 'sleep', '1000']);
  await machine.untilStatus((status) => status.with.length === 1);
  const label = async (name: Name, path: string): Promise<string | undefined> => {
    const { stdout } = await as(name, ['curl', '-s', '--unix-socket', machine.socket, `http://stint${path}`]).ended;
    return (JSON.parse(stdout) as Status).with[0]?.label;
  };
  assert.equal(await label('ada', '/status'), 'sleep 1000');
  assert.equal(await label('root', '/status'), 'sleep 1000');
  assert.equal(await label('eve', '/status'), 'sleep');
  const picture = as('eve', ['curl', '-sN', '--unix-socket', machine.socket, 'http://stint/live']);
  await until('there is a picture', () => picture.output.stdout.includes('"with":[{'));
  assert.match(picture.output.stdout, /"label":"sleep",/);
  picture.killAll('SIGKILL');
  lent.killAll('SIGKILL');
  await machine.untilStatus((status) => status.with.length === 0);
  await machine.stop();
});
