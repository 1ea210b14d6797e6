// `stint conformance` on jobservers of others and of ours: what it finds, and that nothing is missing there afterwards. Its figures are
// not looked at: docs/conformance.md has some.
import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COLUMNS, columnOf, publish, published } from '../../bench/conformance.ts';
import { CHECKS } from '../../src/conformance/checks.ts';
import type { Report } from '../../src/conformance/kit.ts';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { bytesInPipe } from '../../src/kernel/fionread.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { Place } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 300_000;
const SLOTS = 3;
const page = readFileSync(join(import.meta.dirname, '../../docs/conformance.md'), 'utf8');

const argsFor = (path: string, slots = SLOTS) => ['conformance', '--path', path, '--slots', String(slots), '--quick'];

/** A FIFO with SLOTS tokens. */
function openFifo(place: Place): { path: string; fd: number } {
  const path = join(place.folder, 'fifo');
  makeFifo(path, 0o600);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  writeSync(fd, '+'.repeat(SLOTS));
  return { path, fd };
}

/** Takes one token out of a FIFO, after somebody else has taken and returned all of them. */
function steal(fd: number): () => void {
  let empty = false;
  const timer = setInterval(() => {
    const lying = bytesInPipe(fd);
    if (lying === 0) empty = true;
    else if (empty && readSync(fd, Buffer.alloc(1)) === 1) clearInterval(timer);
  }, 1);
  return () => clearInterval(timer);
}

/** Takes out of a FIFO, a while later, what is too much there. */
function removeLate(fd: number): () => void {
  let since: number | undefined;
  const timer = setInterval(() => {
    const surplus = bytesInPipe(fd) - SLOTS;
    if (surplus <= 0) return;
    since ??= performance.now();
    if (performance.now() - since < 300) return;
    readSync(fd, Buffer.alloc(surplus));
    since = undefined;
  }, 5);
  return () => clearInterval(timer);
}

/** Whether anybody is left of a process group. */
function hasProcesses(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

test('a FIFO out of which somebody takes a slot fails in one check, and ends with all slots in it', {
  timeout: PATIENCE,
}, async (t) => {
  const place = new Place(t);
  const { path, fd } = openFifo(place);
  const stop = steal(fd);
  const { code, stdout, stderr } = await place.stint([...argsFor(path), '--json'], { deadline: PATIENCE });
  stop();
  assert.equal(code, 1, stderr);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual([report.path, report.node, report.slots, report.conforms], [path, 'fifo', SLOTS, false]);
  const failed = report.checks.filter(({ required, passed }) => required && !passed);
  assert.equal(failed.length, 1, JSON.stringify(failed));
  assert.match(failed[0]?.found ?? '', /^(?:1 lost in the end|2 of 3 are there|only 2 slots could be taken|2)$/);
  const beyond = report.checks.filter(({ required }) => !required);
  assert.deepEqual(
    beyond.filter(({ passed }) => passed).map(({ id }) => id),
    ['restart', 'other-process'],
  );
  assert.equal(bytesInPipe(fd), SLOTS);
  closeSync(fd);
  for (const { value, ratio, fifo } of report.figures)
    for (const number of [value, ratio ?? 1, fifo ?? 1]) assert.ok(number >= 0);
  for (const list of [[report], report.checks, report.figures])
    for (const key of Object.keys(list[0] as object))
      assert.ok(page.includes(`\`${key}`), `${key} is in docs/conformance.md`);
});

test('a server has time to find what is too much', { timeout: PATIENCE }, async (t) => {
  const place = new Place(t);
  const { path, fd } = openFifo(place);
  const stop = removeLate(fd);
  const { stdout, stderr } = await place.stint([...argsFor(path), '--json'], { deadline: PATIENCE });
  stop();
  assert.notEqual(stdout, '', stderr);
  const { checks } = JSON.parse(stdout) as Report;
  assert.deepEqual(
    checks.filter(({ id }) => id === 'surplus').map(({ passed }) => passed),
    [true],
  );
  closeSync(fd);
});

test("stint's file node does all that is required, and all that a FIFO cannot", {
  timeout: PATIENCE,
  skip: noMachine() ?? false,
}, async (t) => {
  const machine = await startMachine(t, SLOTS + 1);
  const { code, stdout, stderr } = await machine.stint([...argsFor(machine.node), '--as', 'make'], {
    deadline: PATIENCE,
  });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /: a file, 3 slots\n/);
  const beyond = /beyond that\n([\s\S]*?)\n\n/.exec(stdout)?.[1]?.split('\n') ?? [];
  assert.deepEqual(
    beyond.map((line) => line.trim().split(' ', 1)[0]),
    ['no', 'yes', 'yes', 'yes', 'yes'],
    stdout,
  );
  assert.match(stdout, /\nall that is required holds\n$/);
  await machine.stop();
});

test('what is no jobserver, or has not as many slots, is refused with 3', async (t) => {
  const place = new Place(t);
  const { path, fd } = openFifo(place);
  const file = join(place.folder, 'file');
  writeFileSync(file, '');
  for (const [where, slots, why] of [
    [join(place.folder, 'nothing'), SLOTS, 'no such file or directory'],
    [place.folder, SLOTS, 'it is no FIFO, no device and no file'],
    [file, SLOTS, 'a read gives no byte'],
    ['/dev/null', SLOTS, 'a read gives no byte'],
    [path, SLOTS - 1, 'it has 3 free slots, not 2'],
  ] as const) {
    const { code, stdout, stderr } = await place.stint(argsFor(where, slots), { deadline: PATIENCE });
    assert.deepEqual([code, stdout], [3, ''], stderr);
    assert.equal(stderr.split('\n')[0], `stint: no jobserver with ${slots} free slots at ${where}: ${why}`);
  }
  closeSync(fd);
});

test('when it is interrupted it leaves no process and no file', async (t) => {
  const place = new Place(t);
  const { path, fd } = openFifo(place);
  const started = place.start(argsFor(path), { env: { TMPDIR: place.folder }, deadline: PATIENCE });
  await until('it is at work', () => bytesInPipe(fd) < SLOTS);
  started.kill('SIGINT');
  assert.equal((await started.ended).signal, 'SIGINT');
  await until('its clients are gone', () => !hasProcesses(started.pid));
  assert.deepEqual(readdirSync(place.folder), ['fifo']);
  closeSync(fd);
});

test('without a path, or with too few slots, it is not understood', async (t) => {
  const place = new Place(t);
  for (const args of [[], ['--path', '/x'], ['--slots', '4'], ['--path', '/x', '--slots', '1'], ['/x']]) {
    const { code } = await place.stint(['conformance', ...args]);
    assert.equal(code, 2, args.join(' '));
  }
});

test('docs/conformance.md has a column for each server, with a row for each check', () => {
  const columns = published(page);
  for (const name of Object.keys(COLUMNS)) {
    const rows = [...(columns.get(name)?.keys() ?? [])];
    const titles = CHECKS.map(({ title, required }) => (required ? title : `*${title}*`));
    assert.deepEqual(rows.slice(0, titles.length), titles, name);
    for (const [title, cell] of columns.get(name) ?? []) assert.notEqual(cell, '', `${name}: ${title}`);
  }
});

test('a column that is written takes the place of the one before, and leaves the others', () => {
  const empty = 'before <!-- written by `node bench/conformance.ts` -->\n<!-- /written --> after';
  const checks = [{ id: 'open', title: 'it opens', required: true, passed: true }];
  const report: Report = { path: '/x', node: 'fifo', slots: 4, conforms: true, checks, figures: [], clients: [] };
  const failing = { ...report, checks: [{ ...(checks[0] as (typeof checks)[0]), passed: false, found: 'EIO' }] };
  const first = publish(empty, new Map([['CUSE', columnOf(report)]]));
  const second = publish(first, new Map([['plain FIFO', columnOf(report)]]));
  const third = publish(second, new Map([['CUSE', columnOf(failing)]]));
  assert.match(third, /^before [\s\S]* after$/);
  assert.ok(third.includes('\n|  | plain FIFO | CUSE |\n| --- | --- | --- |\n| it opens | yes | no: EIO |\n'), third);
});
