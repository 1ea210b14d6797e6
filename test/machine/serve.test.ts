// `stint serve` for the whole machine: from a clean start to every kind of end. Whatever goes wrong, it says so in one line, and
// nothing stays mounted.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { abortMount, detachMount } from '../../src/kernel/mount.ts';
import { isMounted, Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { Place, STINT } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;

/** Runs `stint serve --mount DIR ARG…` in a mount namespace of its own after `prepare`, and returns how it ended. */
function inNamespace(place: Place, prepare: string, args: readonly string[] = []) {
  const serve = `exec "$STINT" serve --mount ${place.mount} ${args.join(' ')}`;
  return place.spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', `${prepare}\n${serve}`], {
    env: { STINT },
  }).ended;
}

test('the directory holds the node, the socket, the status and a README, and is gone with the daemon', {
  skip,
}, async (t) => {
  const machine = await startMachine(t, 3);
  const { stdout } = await machine.spawn('ls', ['-l', machine.mount]).ended;
  assert.match(stdout, /-r--r--r-- .* README\n/);
  assert.match(stdout, /srw-rw-rw- .* api\.sock\n/);
  assert.match(stdout, /prw-rw---- .* jobserver\n/, 'ls is nobody that is known to take a file');
  assert.match(stdout, /-r--r--r-- .* status\n/);
  const cat = await machine.spawn('cat', [join(machine.mount, 'status')]).ended;
  assert.deepEqual(JSON.parse(cat.stdout).capacity, 3, cat.stderr);
  const readme = await machine.spawn('cat', [join(machine.mount, 'README')]).ended;
  assert.match(readme.stdout, /--jobserver-auth=fifo:/);
  assert.equal(machine.daemon.output.stdout, `stint: 3 slots at ${machine.node}\n`);
  await machine.stop();
  assert.ok(!existsSync(machine.node));
});

test('a second daemon ends with 4, and the first does not notice', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const { code, stderr } = await machine.stint(['serve', '--mount', machine.mount]);
  assert.equal(code, 4);
  assert.match(stderr, /^stint: another daemon serves \S+\nhint: see it with: stint status\n$/);
  await machine.stop();
});

test('a link where the lock should be is not followed', { skip }, async (t) => {
  const place = new Place(t);
  const precious = join(place.folder, 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(precious, `${place.mount}.lock`);
  const { code, stderr } = await place.stint(['serve', '--mount', place.mount]);
  assert.equal(code, 1);
  assert.match(stderr, /^stint: cannot open \S+machine\.lock: too many symbolic links encountered\n/);
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
});

test('a link at the path of another jobserver leads builds to the node, and is gone with the daemon', {
  skip: skip || missing('make44'),
}, async (t) => {
  const place = new Place(t);
  const compat = join(place.folder, 'steve');
  const machine = await startMachine(t, 3, { args: ['--compat-path', compat] });
  assert.equal(readlinkSync(compat), machine.node);
  writeFileSync(join(place.folder, 'Makefile'), 'all: a b c\na b c:\n\t@echo $@; sleep 0.2\n');
  const MAKEFLAGS = ` -j3 --jobserver-auth=fifo:${compat}`;
  const make = machine.spawn(toolPath('make44'), [], { cwd: place.folder, env: { MAKEFLAGS } });
  await machine.untilStatus(({ builds }) => builds.some(({ held }) => held > 0));
  const { code, stdout, stderr } = await make.ended;
  assert.deepEqual([code, stdout.split('\n').sort().join(''), stderr], [0, 'abc', '']);
  const doctor = await machine.stint(['doctor'], { env: { MAKEFLAGS } });
  assert.doesNotMatch(doctor.stdout, /jobserver-/, 'it is known to be ours');
  process.kill(await machine.enginePid(), 'SIGKILL');
  await until('another engine serves', async () => (await machine.status()).daemon.restarts === 1);
  assert.equal(readlinkSync(compat), machine.node, 'it outlives an engine');
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
  assert.throws(() => readlinkSync(compat), { code: 'ENOENT' });
});

test('a link replaces nothing but what a daemon before has left', { skip }, async (t) => {
  const place = new Place(t);
  const compat = join(place.folder, 'steve');
  const serve = ['serve', '--mount', place.mount, '--compat-path', compat];
  const refused = async (): Promise<void> => {
    const { code, stdout, stderr } = await place.stint(serve);
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(
      stderr,
      `stint: cannot make ${compat}: file already exists\nhint: what stands there is not ours: stop the jobserver that it belongs to, or remove it\n`,
    );
    assert.equal(isMounted(place.mount), false);
  };
  writeFileSync(compat, 'of somebody else');
  await refused();
  assert.equal(readFileSync(compat, 'utf8'), 'of somebody else');
  unlinkSync(compat);
  symlinkSync('/dev/null', compat);
  await refused();
  assert.equal(readlinkSync(compat), '/dev/null');
  unlinkSync(compat);
  symlinkSync(join(place.mount, 'jobserver'), compat);
  const daemon = place.start(serve);
  await until('it serves', () => daemon.output.stdout.endsWith('\n'));
  unlinkSync(compat);
  writeFileSync(compat, 'of somebody else');
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
  assert.equal(readFileSync(compat, 'utf8'), 'of somebody else', 'it is not removed either');
});

test('a dead mount of a daemon that was killed is taken away', { skip }, async (t) => {
  const first = await startMachine(t, 2);
  first.daemon.kill('SIGKILL');
  await first.daemon.ended.catch(() => {});
  await until('the mount is dead', () => {
    try {
      statfsSync(first.mount);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOTCONN';
    }
  });
  const said = await first.stint(['status']);
  assert.equal(said.code, 3, 'it counts as none');
  const second = first.start(['serve', '--mount', first.mount, '--jobs', '5']);
  await until('it serves', () => second.output.stdout.endsWith('\n'));
  assert.equal((await first.status()).capacity, 5);
  second.kill('SIGTERM');
  assert.equal((await second.ended).code, 0);
  assert.equal(isMounted(first.mount), false, 'not one of them is left');
});

test('a mount point that somebody else uses is refused, and left as it was', { skip }, async (t) => {
  const place = new Place(t);
  mkdirSync(place.mount);
  const { code, stderr } = await inNamespace(place, `mount -t tmpfs none ${place.mount}`);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^stint: cannot mount \S+: a tmpfs file system is mounted there\nhint: name another directory: .*\n$/,
  );
});

test('a kernel without FUSE is told, with what to do', { skip }, async (t) => {
  const place = new Place(t);
  const { code, stderr } = await inNamespace(place, 'mount -t tmpfs none /dev');
  assert.equal(code, 1);
  assert.match(stderr, /^stint: cannot open \/dev\/fuse: no such file or directory\nhint: .*modprobe fuse.*\n$/);
  assert.equal(isMounted(place.mount), false);
});

test('somebody who may not mount is told, with what to do', { skip }, async (t) => {
  const place = new Place(t);
  const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const env = { XDG_CACHE_HOME: '/nonexistent', HOME: '/nonexistent' };
  const denied = await place.spawn('setpriv', [...user, STINT, 'serve', '--mount', place.mount], { env, cwd: '/' })
    .ended;
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /^stint: cannot open \S+: permission denied\nhint: .*stint serve --user\n$/);
  const unable = ['--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'];
  const bounded = await place.spawn('setpriv', [...unable, STINT, 'serve', '--mount', place.mount]).ended;
  assert.equal(bounded.code, 1);
  assert.match(bounded.stderr, /^stint: cannot mount \S+: operation not permitted\nhint: .*CAP_SYS_ADMIN.*\n$/);
  assert.equal(isMounted(place.mount), false);
});

test('a directory that cannot be made is told', { skip }, async (t) => {
  const place = new Place(t);
  const { code, stderr } = await place.stint(['serve', '--mount', join(place.folder, 'no', 'where')]);
  assert.equal(code, 1);
  assert.match(stderr, /^stint: cannot (?:open|make the directory) \S+: no such file or directory\nhint: .*\n$/);
});

test('a node whose mode and group the configuration sets', { skip }, async (t) => {
  const config = configuration(t, 'mode = "0666"\ngroup = 4\n');
  const machine = await startMachine(t, 2, { args: ['--config', config] });
  const { stdout } = await machine.spawn('stat', ['-c', '%a %u %g', machine.node]).ended;
  assert.equal(stdout, '666 0 4\n');
  await machine.stop();
});

test('SIGHUP takes over the configuration; one that is wrong leaves everything as it was', { skip }, async (t) => {
  const config = configuration(t, 'jobs = 2\n');
  const machine = new Machine(t, undefined, { args: ['--config', config] });
  await until('it serves', () => machine.daemon.output.stdout.endsWith('\n'));
  assert.equal((await machine.status()).capacity, 2);
  writeFileSync(config, 'jobs = 7\n');
  machine.daemon.kill('SIGHUP');
  await machine.untilStatus(({ capacity }) => capacity === 7);
  writeFileSync(config, 'jobs = 0\n');
  machine.daemon.kill('SIGHUP');
  await until('it complains', () => /jobs is 0/.test(machine.daemon.output.stderr));
  assert.match(machine.daemon.output.stderr, /^stint: keeping the configuration as it was: \S+:1: jobs is 0; .*\n$/);
  assert.equal((await machine.status()).capacity, 7);
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
});

test('SIGHUP says what it cannot change while it serves', { skip }, async (t) => {
  const config = configuration(t, 'jobs = 2\nmode = "0660"\n');
  const machine = new Machine(t, undefined, { args: ['--config', config] });
  await until('it serves', () => machine.daemon.output.stdout.endsWith('\n'));
  writeFileSync(config, 'jobs = 3\nmode = "0666"\napi_group = 4\n');
  machine.daemon.kill('SIGHUP');
  await machine.untilStatus(({ capacity }) => capacity === 3);
  const said = (name: string) => `stint: ${name} is another now: that counts when the daemon is started again\n`;
  await until('it says both', () => machine.daemon.output.stderr === said('mode') + said('api_group'));
  machine.daemon.kill('SIGTERM');
  assert.equal((await machine.daemon.ended).code, 0);
});

test('a service manager is told when it is ready and when it stops', {
  skip: skip || missing('python3'),
}, async (t) => {
  const place = new Place(t);
  const address = join(place.folder, 'notify');
  const listener = place.spawn('python3', ['-c', LISTENER, address], { deadline: 60_000 });
  await until('somebody listens', () => existsSync(address));
  const daemon = place.start(['serve', '--mount', place.mount, '--jobs', '2'], { env: { NOTIFY_SOCKET: address } });
  t.after(() => unmount(place.mount));
  await until('it is ready', () => /READY=1/.test(listener.output.stdout));
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
  await until('it stops', () => /STOPPING=1/.test(listener.output.stdout));
  listener.kill('SIGTERM');
});

test('SIGTERM waits for builds that run, and shows new ones no node; a second one ends it at once', {
  skip,
}, async (t) => {
  const machine = await startMachine(t, 2);
  const build = machine.spawnRun(['--', 'sleep', '1000']);
  await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
  machine.daemon.kill('SIGTERM');
  const isShown = async (to: Machine) => (await to.spawn('test', ['-e', to.node]).ended).code === 0;
  await until('new ones are refused', async () => !(await isShown(machine)));
  build.killAll('SIGKILL');
  assert.equal((await machine.daemon.ended).code, 0, 'the last build has ended');
  assert.equal(isMounted(machine.mount), false);

  const hurried = await startMachine(t, 2);
  const other = hurried.spawnRun(['--', 'sleep', '1000']);
  await hurried.untilStatus(({ builds }) => builds[0]?.state === 'running');
  hurried.daemon.kill('SIGTERM');
  await until('it waits', async () => !(await isShown(hurried)));
  hurried.daemon.kill('SIGTERM');
  assert.equal((await hurried.daemon.ended).code, 0);
  assert.equal(isMounted(hurried.mount), false);
  other.killAll('SIGKILL');
});

/** A client that goes on when it is told to, by what its arguments say. */
const CLIENT = `
import os, subprocess, sys
node = os.open(sys.argv[1], os.O_RDWR)
print('begun', flush=True)
sys.stdin.readline()
sys.exit(subprocess.run(sys.argv[2:]).returncode)
`;

test('what runs inside of builds goes on while the daemon waits for them to end', {
  skip: skip || missing('python3'),
}, async (t) => {
  const machine = await startMachine(t, 3);
  const nested = '"$STINT" run -- echo ran && "$STINT" with --class background -- echo lent && "$STINT" run -- make -s';
  writeFileSync(join(machine.folder, 'Makefile'), 'all:\n\t@echo made\n');
  const script = ['sh', '-c', nested];
  const options = { stdio: 'pipe', deadline: 120_000, env: { STINT } } as const;
  const within = machine.spawnRun(['--', 'sh', '-c', `echo begun; read line; ${nested}`], options);
  const bare = machine.spawn('/usr/bin/python3', ['-c', CLIENT, machine.node, ...script], options);
  const both = [within, bare];
  for (const { output } of both) await until('it has begun', () => output.stdout === 'begun\n');
  const full = machine.spawnRun(['--slots', '3', '--', 'true'], { deadline: 120_000 });
  await machine.untilStatus(({ builds }) => builds.length === 3);
  machine.daemon.kill('SIGTERM');
  const others = [full, machine.start(['with', '--class', 'background', '--', 'true'], { deadline: 120_000 })];
  for (const { ended } of others)
    assert.match((await ended).stderr, /^stint: the machine's daemon has left; using the pool of this user\n/);
  for (const { child, ended, output } of both) {
    child.stdin?.write('\n');
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr, output.stdout], [0, '', 'begun\nran\nlent\nmade\n']);
  }
  assert.equal((await machine.daemon.ended).code, 0);
});

test('a mount that is taken away from outside ends the daemon with an error', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  abortMount(machine.mount);
  const { code, stderr } = await machine.daemon.ended;
  assert.notEqual(code, 0);
  assert.match(stderr, /^stint: the mount at \S+ was taken away\n/);
  assert.equal(isMounted(machine.mount), false);
});

/** Prints every datagram that comes in at the socket it makes. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)
`;

function configuration(t: TestContext, text: string): string {
  const { folder } = new Place(t);
  const path = join(folder, 'stint.toml');
  writeFileSync(path, text);
  return path;
}

function unmount(path: string): void {
  while (isMounted(path)) {
    abortMount(path);
    detachMount(path);
  }
}
