// What the daemon of the machine can do, and the permissions of all that daemons make: as docs/security.md says it.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAPABILITY } from '../../src/kernel/privileges.ts';
import { type Machine, NOBODY, noMachine, startMachine } from '../helpers/machine.ts';
import { Place, STINT } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');

const MASK = Object.values(CAPABILITY).reduce((mask, number) => mask | (1n << BigInt(number)), 0n);

/** What every thread of a process may do, and whether it can gain more. */
function rightsOf(pid: number): Set<string> {
  const threads = readdirSync(`/proc/${pid}/task`);
  return new Set(
    threads.map((tid) => {
      const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1');
      const field = (name: string) => new RegExp(`^${name}:\t(.*)$`, 'm').exec(status)?.[1] ?? '';
      const [permitted, bound] = ['CapPrm', 'CapBnd'].map((name) => BigInt(`0x${field(name)}`) & ~MASK);
      return `${permitted} ${bound} ${field('NoNewPrivs')}`;
    }),
  );
}

/** Rows of the table of files: path and mode. */
const FILES = [...DOCUMENT.matchAll(/^\| `([~/][^`]*)` \|[^|]*\| (0\d{3})\b[^|]*\|/gm)].map(
  ([, path, mode]) => [path as string, Number.parseInt(mode as string, 8)] as const,
);

/** That all files of the table are there whose paths begin with `from`, here with `to`, as the table says. */
async function asWritten(place: Place, from: string, to: string): Promise<void> {
  const written = FILES.filter(([path]) => path.startsWith(from));
  assert.ok(written.length > 0);
  for (const [path, mode] of written) {
    const here = `${to}${path.slice(from.length)}`;
    const found = here.endsWith('*') ? onlyOne(here) : here;
    // Who looks at the node is known to the pool as long as it lives.
    const { stdout } = await place.spawn('stat', ['-c', '%a %u', found]).ended;
    assert.equal(stdout, `${mode.toString(8)} ${process.getuid?.()}\n`, found);
  }
}

function onlyOne(pattern: string): string {
  const [folder, name] = [join(pattern, '..'), pattern.slice(pattern.lastIndexOf('/') + 1, -1)];
  const found = readdirSync(folder).filter((one) => one.startsWith(name));
  assert.equal(found.length, 1, pattern);
  return join(folder, found[0] as string);
}

/** That nothing in `folder` is missing in the table, where it stands below `of`. What SQLite adds to a name is no other file. */
function allOf(folder: string, of: string): void {
  const named = FILES.map(([path]) => path).filter((path) => path.startsWith(`${of}/`));
  const found = readdirSync(folder).map((name) => `${of}/${name}`);
  const more = found.filter((path) => !named.some((one) => path.startsWith(one.replace(/\*$/, ''))));
  assert.deepEqual(more, []);
}

async function work(machine: Machine): Promise<void> {
  const run = machine.spawn('setpriv', [...NOBODY, STINT, 'run', '--timeout', '1', '--', 'sleep', '1000'], {
    cwd: '/',
  });
  assert.equal((await run.ended).signal, 'SIGTERM');
  const client = machine.spawn('setpriv', [...NOBODY, 'sh', '-c', `exec 3<>${machine.node}; exec sleep 1000`], {
    cwd: '/',
    env: { CI_JOB_ID: '7', CI_JOB_NAME: 'of-nobody' },
  });
  await machine.untilStatus(({ builds }) => builds.some(({ label }) => label.startsWith('of-nobody ')));
  client.killAll('SIGKILL');
  await machine.untilIdle();
}

test('the engine process has no right that it does not need, before an upgrade and after, and does all its work with those', {
  skip,
}, async (t) => {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, 'mode = "0666"\n');
  const machine = await startMachine(t, 2, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  const { pids } = await machine.status();
  assert.deepEqual(rightsOf(pids.engine), new Set(['0 0 1']));
  await work(machine);
  machine.daemon.kill('SIGUSR2');
  await until('another engine serves', async () => (await machine.status()).pids.engine !== pids.engine);
  const after = await machine.status();
  for (const pid of [after.pids.engine, after.pids.keeper]) assert.deepEqual(rightsOf(pid), new Set(['0 0 1']));
  await work(machine);
  await machine.stop();
});

test('what the daemon of the machine makes has the modes that are written down', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const state = join(machine.folder, 'state');
  assert.equal((await machine.stint(['set', 'share.client_max=2'])).code, 0);
  await machine.run(['sleep', '1.2']); // so that it was looked at
  await until('all is written', () => ['history.db', 'memory.json'].every((name) => existsSync(join(state, name))));
  await asWritten(machine, '/run/stint', machine.mount);
  await asWritten(machine, '/var/lib/stint', state);
  allOf(machine.mount, '/run/stint');
  allOf(state, '/var/lib/stint');
  await machine.stop();
});

test("what a user's daemon makes has the modes that are written down", async (t) => {
  const place = new Place(t);
  const env = { XDG_STATE_HOME: join(place.folder, 'elsewhere') };
  const run = place.spawnRun(['--', 'make', '-f', '-'], { input: 'all:\n\t@sleep 1000\n', env }); // asks make's version
  await place.untilStatus(({ builds }) => builds[0]?.state === 'running');
  await until('make runs', () => existsSync(join(place.dir, 'tools.json')));
  await asWritten(place, '~', place.dir);
  allOf(place.dir, '~');
  run.killAll('SIGKILL');
  await place.untilIdle();
});
