import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgroupOf, parseStat, relativesOf, type Stat, statusOf } from '../../src/process/proc.ts';
import { heldOf } from '../../src/process/proc-memory.ts';
import { Place } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

/** What is the same for this process and its children. */
const OWN = { uid: process.geteuid?.(), gid: process.getegid?.(), groups: ownGroups() };
const READERS = [statusOf, relativesOf, cgroupOf];

/** Node's own list has the effective group in it, too. */
function ownGroups(): number[] {
  const [, list = ''] = /^Groups:\t([\d ]*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(' ').filter(Boolean).map(Number);
}

const statOf = async (pid: number): Promise<Stat | undefined> => (await heldOf(pid)).stat;

/** A folder that looks like /proc, with these files for process 7. */
function fake(t: TestContext, files: Record<string, string>): string {
  const root = temporaryFolder(t);
  mkdirSync(join(root, '7'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, '7', name), text);
  return root;
}

test('a thread is told to belong to its process, whoever asks', { skip: missing('python3') }, async (t) => {
  const place = new Place(t);
  const script =
    'import threading as t,sys; t.Thread(target=lambda: (print(t.get_native_id(), flush=True), sys.stdin.read())).start()';
  const { pid, output } = place.spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const tid = Number(await until('the thread says its number', () => /^\d+(?=\n)/.exec(output.stdout)?.[0]));
  assert.notEqual(tid, pid);
  assert.deepEqual(statusOf(tid), { tgid: pid, ...OWN });
  assert.deepEqual(statusOf(pid), statusOf(tid));
});

test('a process has a parent, a group, a session, and a start that no later process has before it', async (t) => {
  const place = new Place(t);
  const [first, second] = [
    await statOf(place.spawn('sleep', ['600']).pid),
    await statOf(place.spawn('sleep', ['600']).pid),
  ];
  assert.ok(first && second);
  assert.equal(first.ppid, process.pid);
  assert.deepEqual([first.group, first.session], [first.pid, first.pid]);
  assert.ok(first.start <= second.start);
  assert.ok(first.start >= ((await statOf(process.pid))?.start as number));
});

for (const name of ['a b', '(a', 'a) R 1 2', ')', '((', 'a)\nb) S', 'é) (', '15 bytes (long)']) {
  test(`a program called ${JSON.stringify(name)} is read as well as any`, async (t) => {
    const place = new Place(t);
    copyFileSync('/bin/sleep', join(place.folder, name));
    const { pid } = place.spawn(join(place.folder, name), ['600']);
    const { stat, exe } = await heldOf(pid);
    assert.equal(stat?.comm, name);
    assert.equal(stat.ppid, process.pid);
    assert.equal(stat.session, pid);
    assert.equal(statusOf(pid)?.tgid, pid);
    assert.equal(exe, join(place.folder, name));
    assert.deepEqual(relativesOf(pid), { pid, start: 0, comm: name, ppid: process.pid, session: pid });
  });
}

const SPOOFS = [
  '\rTgid:\t1\r',
  '\rUid:\t7\t7\r',
  '\u2028PPid:\t1\r',
  '\rNSsid:\t1',
  '\\n\\',
  '\nTgid:\t1\n',
  '\rName:\tx\r',
];

for (const name of SPOOFS) {
  test(`a program called ${JSON.stringify(name)} is nobody else`, async (t) => {
    const place = new Place(t);
    copyFileSync('/bin/sleep', join(place.folder, name));
    const { pid } = place.spawn(join(place.folder, name), ['600']);
    await until('it has its name', () => relativesOf(pid)?.comm === name);
    assert.deepEqual(statusOf(pid), { tgid: pid, ...OWN });
    assert.deepEqual(relativesOf(pid), { pid, start: 0, comm: name, ppid: process.pid, session: pid });
  });
}

test('an executable and a directory that were removed keep their names', async (t) => {
  const place = new Place(t);
  const [file, folder] = [join(place.folder, 'program'), join(place.folder, 'folder')];
  copyFileSync('/bin/sleep', file);
  mkdirSync(folder);
  const { pid } = place.spawn(file, ['600'], { cwd: folder });
  rmSync(file);
  rmdirSync(folder);
  const { exe, cwd } = await heldOf(pid);
  assert.deepEqual([exe, cwd], [file, folder]);
});

test('a process that is gone is undefined', async (t) => {
  const started = new Place(t).spawn('true', []);
  await started.ended;
  for (const read of READERS) assert.equal(read(started.pid), undefined, read.name);
});

test('what is no number of a process is undefined', () => {
  for (const pid of [0, -1, 0.5, Number.NaN, 2 ** 31]) {
    for (const read of READERS) assert.equal(read(pid), undefined, `${read.name} ${pid}`);
  }
});

test('files that make no sense are undefined', (t) => {
  for (const text of ['', '\n', '7', '7 (a', '7 (a)', '7 (a) S 1 2', 'x'.repeat(70_000)]) {
    const root = fake(t, { status: text, cgroup: text });
    assert.equal(parseStat(text, 7), undefined, text);
    assert.equal(relativesOf(7, root), undefined, text);
    assert.equal(statusOf(7, root), undefined, text);
    assert.equal(cgroupOf(7, root), undefined, text);
  }
});

test('a name in status cannot pass for the numbers that follow', (t) => {
  const status =
    'Name:\tx\\nTgid:\\t1\nState:\tS\nTgid:\t7\nPid:\t8\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n';
  assert.deepEqual(statusOf(8, fakeThread(t, status)), { tgid: 7, uid: 1001, gid: 6, groups: [9, 10] });
});

function fakeThread(t: TestContext, status: string): string {
  const root = fake(t, { status });
  symlinkSync('7', join(root, '8'));
  return root;
}

const CGROUPS: [what: string, lines: string[], path: string | undefined][] = [
  ['version 2', ['0::/user.slice/user-1000.slice/session-2.scope'], '/user.slice/user-1000.slice/session-2.scope'],
  ['the root of version 2', ['0::/'], '/'],
  ['a cgroup that was removed', ['0::/build.scope (deleted)'], '/build.scope'],
  ['both, with the process in version 2', ['1:name=systemd:/a', '0::/b'], '/b'],
  ['both, with version 2 unused', ['4:memory:/memory/longer', '1:name=systemd:/a.service', '0::/'], '/a.service'],
  ['version 1 alone', ['2:cpu,cpuacct:/docker/x', '1:name=systemd:/a.service'], '/a.service'],
  ['version 1 without systemd', ['3:memory:/lxc/long/name', '2:cpu,cpuacct:/lxc/x', '0::/'], '/lxc/long/name'],
  ['a path with a carriage return', ['0::/a\r/b.scope'], '/a\r/b.scope'],
  ['a path with colons', ['0::/a:b::c.scope'], '/a:b::c.scope'],
  ['a place outside our namespace', ['0::/../../x.service'], '/../../x.service'],
  ['a kernel without cgroups', [], undefined],
];

for (const [what, lines, path] of CGROUPS) {
  test(`the cgroup of ${what}`, (t) => {
    assert.equal(cgroupOf(7, fake(t, { cgroup: lines.map((line) => `${line}\n`).join('') })), path);
  });
}
