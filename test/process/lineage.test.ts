// Real processes, looked at while they are there; and folders that look like /proc, for what cannot be had on demand.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { type Lineage, lineageOf } from '../../src/process/lineage.ts';
import { Place, type SpawnOptions, type Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const asRoot = process.getuid?.() !== 0 && 'needs root';
const unshared = ['--pid', '--fork', '--mount-proc', '--kill-child'];
const noNamespaces = spawnSync('unshare', [...unshared, 'true']).status !== 0 && 'may not make pid namespaces';

/** A process that says the number of one of its descendants, and the lineage of that. */
async function descendant(
  place: Place,
  [file = '', ...args]: string[],
  options: SpawnOptions = {},
): Promise<{ top: Started; lineage: Lineage }> {
  const top = place.spawn(file, args, options);
  const pid = await until(
    'it says a number',
    () => Number(/^\d+(?=\n)/.exec(top.output.stdout)?.[0] ?? 0) || undefined,
  );
  return { top, lineage: await until('that is there', () => lineageOf(pid)) };
}

const pids = ({ ancestors }: Lineage): number[] => ancestors.map(({ pid }) => pid);

test('a process has its ancestors, nearest first, and its session', async (t) => {
  const place = new Place(t);
  const { top, lineage } = await descendant(place, ['sh', '-c', 'sh -c "sleep 600 & echo \\$!; wait"; :']);
  assert.equal(lineage.program, 'sleep');
  assert.deepEqual(
    lineage.ancestors.slice(0, 2).map(({ comm }) => comm),
    ['sh', 'sh'],
  );
  assert.deepEqual(pids(lineage).slice(1, 3), [top.pid, process.pid]);
  assert.ok(!pids(lineage).includes(1) && !pids(lineage).includes(0));
  assert.equal(lineage.session.pid, top.pid);
  assert.deepEqual(lineage.session, lineage.ancestors[1]);
});

test('a thread has the lineage of its process', { skip: missing('python3') }, async (t) => {
  const script =
    'import threading as t,sys; t.Thread(target=lambda: (print(t.get_native_id(), flush=True), sys.stdin.read())).start()';
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const { top, lineage } = await descendant(new Place(t), ['python3', '-c', script], { stdio: [...stdio] });
  assert.equal(lineage.pid, top.pid);
  assert.deepEqual(lineage, await lineageOf(top.pid));
});

test('a process in a session of its own leads it, and keeps its ancestors', async (t) => {
  const { top, lineage } = await descendant(new Place(t), ['sh', '-c', 'setsid sleep 600 & echo $!; wait']);
  const own = await until('it has its session', async () => {
    const now = await lineageOf(lineage.pid);
    return now?.program === 'sleep' && now;
  });
  assert.equal(own.session.pid, own.pid);
  assert.ok(pids(own).includes(top.pid));
});

test('a process that left its parents behind has not them but its session, even when nobody leads it any more', async (t) => {
  const place = new Place(t);
  const script = '(sh -c "sleep 600 & echo \\$!" </dev/null 2>/dev/null); read -r line';
  const { top, lineage } = await descendant(place, ['sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const orphan = await until('its parent is gone', async () => {
    const now = await lineageOf(lineage.pid);
    return now !== undefined && !pids(now).includes(top.pid) && now;
  });
  assert.equal(orphan.session.pid, top.pid);
  top.child.stdin?.end();
  await until('the leader is gone', async () => (await lineageOf(top.pid)) === undefined);
  const alone = await lineageOf(lineage.pid);
  assert.equal(alone?.session.pid, top.pid, 'the number is nobody else’s while the session lasts');
  assert.deepEqual(alone.ancestors, orphan.ancestors);
});

test('what becomes another program stays the same process', async (t) => {
  const place = new Place(t);
  const { pid, child } = place.spawn('sh', ['-c', 'read -r line; exec sleep 600'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const before = await lineageOf(pid);
  child.stdin?.end('go\n');
  const after = await until('it sleeps', async () => {
    const now = await lineageOf(pid);
    return now?.program === 'sleep' && now;
  });
  assert.deepEqual([after.pid, after.start, after.ancestors], [before?.pid, before?.start, before?.ancestors]);
});

for (const name of ['a (b) c', ') S 1 1 (', 'line\nend\x1b[31m']) {
  test(`a program called ${JSON.stringify(name)} has a lineage, and a name that can be shown`, async (t) => {
    const place = new Place(t);
    copyFileSync('/bin/sleep', join(place.folder, name));
    const { pid } = place.spawn(join(place.folder, name), ['600']);
    const lineage = await lineageOf(pid);
    const shown = name.replaceAll('\n', '?').replaceAll('\x1b', '?');
    assert.equal(lineage?.program, shown);
    assert.equal(lineage.label, `${shown} ${basename(place.folder)}`);
    assert.equal(lineage.ancestors[0]?.pid, process.pid);
  });
}

test('its environment and its folder say what it works on', async (t) => {
  const place = new Place(t);
  const folder = join(place.folder, 'portage/sys-devel/gcc-13.2.1_p20240210/work/build');
  mkdirSync(folder, { recursive: true });
  const lineage = (options: SpawnOptions): Promise<Lineage> =>
    until('it is there', () => lineageOf(place.spawn('sleep', ['600'], options).pid));
  const plain = await lineage({ env: { CATEGORY: 'toys', PF: 'x' } });
  assert.equal(plain.label, `sleep ${basename(place.folder)}`);
  assert.deepEqual(
    [plain.cwd, plain.build, plain.makeflags, plain.scope?.kind],
    [place.folder, undefined, false, undefined],
  );
  assert.equal((await lineage({ cwd: folder })).label, 'sys-devel/gcc-13.2.1_p20240210');
  assert.equal((await lineage({ env: { CATEGORY: 'app-misc', PF: 'jq-1.7.1-r1' } })).label, 'app-misc/jq-1.7.1-r1');
  assert.equal((await lineage({ cwd: '/' })).label, 'sleep');
  const job = await lineage({
    env: { CI_JOB_ID: '5', CI_PROJECT_PATH: 'ada/engine', STINT_BUILD: '7', MAKEFLAGS: '' },
  });
  assert.deepEqual([job.label, job.build, job.makeflags, job.scope?.kind], ['ada/engine sleep', '7', true, 'ci']);
});

test('a process of another user is that user’s', { skip: asRoot }, async (t) => {
  const place = new Place(t);
  const args = ['--reuid', '65534', '--regid', '65533', '--clear-groups', 'sleep', '600'];
  const { pid } = place.spawn('setpriv', args, { cwd: '/' });
  const lineage = await until('it is the other’s', async () => {
    const now = await lineageOf(pid);
    return now?.uid === 65534 && now.program === 'sleep' && now;
  });
  assert.deepEqual([lineage.uid, lineage.gid], [65534, 65533]);
});

test('a process in a pid namespace has the ancestors it has for us', { skip: asRoot || noNamespaces }, async (t) => {
  const place = new Place(t);
  const top = place.spawn('unshare', [...unshared, 'sh', '-c', 'sh -c "sleep 601; :"; :']);
  const found = await until('it sleeps', async () => {
    for (const name of readdirSync('/proc').filter((entry) => Number(entry) > top.pid)) {
      const lineage = await lineageOf(Number(name));
      if (lineage?.program === 'sleep' && pids(lineage).includes(top.pid)) return lineage;
    }
    return undefined;
  });
  assert.equal(pids(found).indexOf(top.pid), 2);
  assert.equal(found.session.pid, top.pid);
});

test('a process that is dead and not buried has what is left of it', async (t) => {
  const { lineage } = await descendant(new Place(t), ['sh', '-c', 'sh -c : & echo $!; exec sleep 600']);
  const dead = await until('it is dead', async () => {
    const now = await lineageOf(lineage.pid);
    return now?.cwd === '' && now;
  });
  assert.equal(dead.program, dead.comm);
  assert.equal(dead.label, dead.comm);
});

test('processes that vanish while they are looked at are undefined or whole, and nothing is thrown', async (t) => {
  const place = new Place(t);
  const { pid, ended, output } = place.spawn('sh', [
    '-c',
    'for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c "echo \\$\\$"); done',
  ]);
  let left = false;
  void ended.then(() => (left = true));
  let looked = 0;
  while (!left) {
    const seen = output.stdout.trimEnd().split('\n').map(Number);
    for (const at of [pid, ...seen.slice(-2), (seen.at(-1) ?? pid) + 1, (seen.at(-1) ?? pid) + 2]) {
      const lineage = await lineageOf(at);
      looked++;
      if (lineage !== undefined) assert.ok(lineage.start > 0 && lineage.program !== '', JSON.stringify(lineage));
    }
    await new Promise(setImmediate);
  }
  assert.ok(looked > 0);
  assert.equal(await lineageOf(pid), undefined);
});

interface Fake {
  ppid: number;
  session?: number;
}

/** A folder that looks like /proc, with these processes in it. Each hides its files but two. */
function fake(t: TestContext, processes: Record<number, Fake>): string {
  const root = temporaryFolder(t);
  for (const [pid, { ppid, session = pid }] of Object.entries(processes)) {
    mkdirSync(join(root, pid));
    const rest = Array(15).fill('0').join(' ');
    writeFileSync(join(root, pid, 'stat'), `${pid} (make) S ${ppid} ${pid} ${session} ${rest} ${pid}00 0 0\n`);
    const ids = `Tgid:\t${pid}\nPid:\t${pid}\nPPid:\t${ppid}\nUid:\t5\t5\t5\t5\nGid:\t6\t6\t6\t6\n`;
    writeFileSync(join(root, pid, 'status'), `Name:\tmake\n${ids}NSsid:\t${session}\n`);
  }
  return root;
}

test('of a process that hides all but its numbers the rest is left out', async (t) => {
  const root = fake(t, { 7: { ppid: 6 } });
  const { session, ...lineage } = (await lineageOf(7, root)) as Lineage;
  assert.equal(session.pid, 7);
  assert.deepEqual(lineage, {
    pid: 7,
    start: 700,
    comm: 'make',
    uid: 5,
    gid: 6,
    groups: [],
    cgroup: '',
    program: 'make',
    ancestors: [],
    cwd: '',
    label: 'make',
    makeflags: true,
  });
  rmSync(join(root, '7/status'));
  assert.equal(await lineageOf(7, root), undefined);
});

test('a process whose session is led from another pid namespace stands for itself', async (t) => {
  assert.equal((await lineageOf(7, fake(t, { 7: { ppid: 1, session: 0 } })))?.session.pid, 7);
});

test('a chain of parents that never ends is cut', async (t) => {
  const circle = await lineageOf(7, fake(t, { 7: { ppid: 8 }, 8: { ppid: 7 } }));
  const chain = fake(t, Object.fromEntries(Array.from({ length: 400 }, (_, n) => [n + 2, { ppid: n + 1 }])));
  const long = await lineageOf(399, chain);
  for (const cut of [circle, long]) assert.ok((cut?.ancestors.length as number) <= 256);
  assert.deepEqual(
    pids(long as Lineage).slice(0, 100),
    Array.from({ length: 100 }, (_, n) => 398 - n),
  );
  assert.deepEqual(pids((await lineageOf(5, chain)) as Lineage), [4, 3, 2]);
});

test('a long name is cut, and one of a scope can be shown', async (t) => {
  const root = fake(t, { 7: { ppid: 1 } });
  symlinkSync(`/bin/${'x'.repeat(200)}`, join(root, '7/exe'));
  writeFileSync(join(root, '7/cgroup'), '0::/x.slice/a\u202eb.service\n');
  const lineage = await lineageOf(7, root);
  assert.equal(lineage?.program.length, 120);
  assert.equal(lineage.scope?.name, 'a?b');
  assert.equal(lineage.label.length, 120);
});

test('a process whose memory never comes has a lineage all the same, in the end', async (t) => {
  const folders: string[] = [];
  t.after(() => folders.forEach((path) => void closeSync(openSync(path, 'r+')))); // else this process would not end
  const root = fake(t, { 7: { ppid: 1 } });
  symlinkSync('/usr/bin/python3', join(root, '7/exe'));
  for (const name of ['environ', 'cmdline']) {
    makeFifo(join(root, '7', name), 0o600);
    folders.push(join(root, '7', name));
  }
  const lineage = await lineageOf(7, root);
  assert.deepEqual([lineage?.program, lineage?.build, lineage?.makeflags], ['make', undefined, true]);
});
