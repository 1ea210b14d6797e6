// A FIFO stands in for a process that makes the reader of its memory wait: opening one hangs until somebody writes to it.
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, realpathSync, writeFileSync, writeSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { argumentsOf, environOf, heldOf } from '../../src/process/proc-memory.ts';
import { Place } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const MODULE = join(import.meta.dirname, '../../src/process/proc-memory.ts');

/** A folder that looks like /proc, in which the processes 1 to `count` have an environment, or such a file, that never comes. */
function hanging(t: TestContext, count: number, name: string = 'environ'): { root: string; letGo(): void } {
  const pids = Array.from({ length: count }, (_, n) => String(n + 1));
  const letGo = (): void => {
    for (const pid of pids) closeSync(openSync(join(root, pid, name), 'r+'));
  };
  t.after(letGo); // else this process would not end
  const root = temporaryFolder(t);
  for (const pid of pids) {
    mkdirSync(join(root, pid));
    makeFifo(join(root, pid, name), 0o600);
  }
  mkdirSync(join(root, '9'));
  writeFileSync(join(root, '9', 'environ'), 'A=1\0');
  return { root, letGo };
}

test('an environment is read as the process was given it', async (t) => {
  const env = { EMPTY: '', EQUALS: '=a=b', LINES: 'a\nb\n', UMLAUT: 'ä', LONG: 'x'.repeat(100_000) };
  const environment = await environOf(new Place(t).spawn('sleep', ['600'], { env }).pid);
  for (const [name, value] of Object.entries(env)) assert.equal(environment?.get(name), value, name);
  assert.equal(environment?.get('NOT_THERE'), undefined);
});

test('of a variable that is there twice the first counts, as for the process itself', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, '7'));
  writeFileSync(join(root, '7', 'environ'), 'A=1\0B\0=C=2\0A=3\0D=4');
  assert.deepEqual(
    [...((await environOf(7, root)) ?? [])],
    [
      ['A', '1'],
      ['D', '4'],
    ],
  );
});

test('arguments are read one by one, empty ones too', async (t) => {
  const args = ['-c', 'sleep 600 # $0', 'name', '', 'a b', ''];
  assert.deepEqual(await argumentsOf(new Place(t).spawn('sh', args).pid), ['sh', ...args]);
});

test('a process that is gone has neither', async (t) => {
  const started = new Place(t).spawn('true', []);
  await started.ended;
  assert.equal(await environOf(started.pid), undefined);
  assert.equal(await argumentsOf(started.pid), undefined);
});

test('many are read at once', async () => {
  const all = await Promise.all(Array.from({ length: 200 }, () => environOf(process.pid)));
  assert.ok(all.every((environment) => environment?.get('PATH') !== undefined));
});

test('an environment larger than anybody needs is cut', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, '7'));
  writeFileSync(join(root, '7', 'environ'), `A=1\0B=${'x'.repeat(3 << 20)}\0C=2\0`);
  const environment = await environOf(7, root);
  assert.equal(environment?.get('A'), '1');
  assert.equal(environment?.has('C'), false);
});

test('an environment that does not come is given up, and others are read beside it', async (t) => {
  const { root, letGo } = hanging(t, 1);
  const [none, some] = await Promise.all([environOf(1, root), environOf(9, root)]);
  assert.equal(none, undefined);
  assert.equal(some?.get('A'), '1');
  assert.equal((await environOf(9, root))?.get('A'), '1', 'also while it hangs');
  letGo();
});

test('however many hang, the threads of the pool are free for other work, and all is well when they are let go', async (t) => {
  const { root, letGo } = hanging(t, 8);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => environOf(n + 1, root)));
  assert.deepEqual(answers, Array(8).fill(undefined));
  await Promise.all(Array.from({ length: 16 }, () => access(root)));
  const order: string[] = [];
  const timer = setTimeout(() => order.push('time'), 0);
  assert.equal(await environOf(9, root), undefined, 'nobody waits behind those that hang');
  clearTimeout(timer);
  assert.deepEqual(order, [], 'it is said at once');
  letGo();
  await until('environments are read again', async () => (await environOf(9, root))?.get('A') === '1');
});

test('a user whose processes hang is alone in that', async (t) => {
  const { root } = hanging(t, 4);
  const mine = [1, 2, 3, 4].map((pid) => environOf(pid, root, 1000));
  const others = Array.from({ length: 20 }, (_, n) => environOf(9, root, 2000 + n));
  assert.deepEqual(await Promise.all(mine), Array(4).fill(undefined));
  for (const environment of await Promise.all(others)) assert.equal(environment?.get('A'), '1');
  assert.equal((await environOf(9, root, 2000))?.get('A'), '1', 'also while the first hangs');
  assert.equal(await environOf(9, root, 1000), undefined);
});

test('a read that was given up leaves nothing behind: no rejection, no timer, no process that does not end', async (t) => {
  const place = new Place(t);
  const folder = join(place.folder, '1');
  mkdirSync(folder);
  makeFifo(join(folder, 'environ'), 0o600);
  const script = `
    import { closeSync, openSync } from 'node:fs';
    import { environOf } from ${JSON.stringify(MODULE)};
    process.on('unhandledRejection', () => process.exit(9));
    console.log(await environOf(1, ${JSON.stringify(place.folder)}), process.getActiveResourcesInfo().join());
    const fd = openSync(${JSON.stringify(join(folder, 'environ'))}, 'r+');
    process.on('exit', () => console.log('ends by itself'));
    closeSync(fd);`;
  const file = join(place.folder, 'script.mjs');
  writeFileSync(file, script);
  const { code, stdout, stderr } = await place.spawn(process.execPath, [file]).ended;
  assert.deepEqual(
    { code, stdout, stderr },
    { code: 0, stdout: 'undefined FSReqCallback\nends by itself\n', stderr: '' },
  );
});

test('what comes too late is not mixed up with what is asked next', async (t) => {
  const { root } = hanging(t, 1);
  assert.equal(await environOf(1, root), undefined);
  const asked = environOf(1, root);
  const fd = openSync(join(root, '1', 'environ'), 'r+');
  writeSync(fd, 'LATE=1\0');
  const next = await environOf(9, root);
  closeSync(fd);
  await asked;
  assert.deepEqual([...(next ?? [])], [['A', '1']]);
});

test('a process has a stat, a program and a folder, and none of them when it is gone', async (t) => {
  const place = new Place(t);
  const { pid, ended, kill } = place.spawn('sleep', ['600']);
  const { stat, exe, cwd } = await until('it sleeps', async () => {
    const held = await heldOf(pid);
    return held.stat?.comm === 'sleep' && held;
  });
  assert.deepEqual([stat?.pid, stat?.ppid, stat?.session, stat?.terminal], [pid, process.pid, pid, 0]);
  assert.deepEqual([exe, cwd], [realpathSync('/bin/sleep'), place.folder]);
  kill('SIGKILL');
  await ended;
  assert.deepEqual(await heldOf(pid), { stat: undefined, exe: undefined, cwd: undefined });
});

test('a process that is in exec for ever keeps its stat from us, and nothing else goes wrong', async (t) => {
  const { root } = hanging(t, 1, 'stat');
  assert.deepEqual(await heldOf(1, root), { stat: undefined, exe: undefined, cwd: undefined });
  assert.equal((await environOf(9, root))?.get('A'), '1');
});

test('who makes us wait is alone in that', async (t) => {
  const { root, letGo } = hanging(t, 4);
  const [ada, bob] = [1000, 1001];
  const adas = [1, 2, 3, 4, 9].map((pid) => environOf(pid, root, ada));
  assert.equal((await environOf(9, root, bob))?.get('A'), '1');
  assert.deepEqual(await Promise.all(adas), Array(5).fill(undefined), 'they wait for the first, and no longer');
  for (let n = 0; n < 10; n++) {
    assert.equal((await environOf(9, root, bob))?.get('A'), '1', 'also while it hangs');
    assert.equal(await environOf(9, root, ada), undefined);
  }
  letGo();
  await until('hers are read again', async () => (await environOf(9, root, ada))?.get('A') === '1');
});

test('a user who asks often does not go before others', async (t) => {
  const { root } = hanging(t, 0);
  const [ada, bob] = [1000, 1001];
  let adas = 0;
  const all = Array.from({ length: 500 }, () => environOf(9, root, ada).then(() => adas++));
  await environOf(9, root, bob);
  assert.ok(adas < 250, `${adas} of hers went first`);
  await Promise.all(all);
});

test('of more variables and arguments than anybody needs only the first are looked at', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, '7'));
  const many = Array.from({ length: 200_000 }, (_, n) => n.toString(36));
  writeFileSync(join(root, '7', 'environ'), many.map((name) => `${name}=\0`).join(''));
  writeFileSync(join(root, '7', 'cmdline'), '\0'.repeat(500_000));
  const size = (await environOf(7, root))?.size as number;
  assert.ok(size >= 1000 && size <= 10_000, String(size));
  assert.ok(((await argumentsOf(7, root))?.length as number) <= 1000);
});
