// The builds of the past outlive the daemon; a bad file costs them, and nothing else.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { History, type PastBuild } from '../../src/observe/history.ts';
import { Timeline } from '../../src/observe/timeline.ts';
import { seeded } from '../helpers/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const DAY = 86_400_000;

const build = (id: number, more: Partial<PastBuild> = {}): PastBuild => ({
  id,
  label: `make ${id}`,
  cwd: '/x',
  user: 'ada',
  uid: 1000,
  kind: 'run',
  since: 1_000_000 + id,
  ended: 2_000_000 + id,
  slotSeconds: 1.5,
  waitedSeconds: 0.25,
  peak: 3,
  granted: 12,
  ...more,
});

test('what was written is there for the next one, newest first, with its timeline', (t) => {
  const path = join(temporaryFolder(t), 'deep/er/history.db');
  const notes: string[] = [];
  const first = new History({ path, note: (line) => notes.push(line) });
  const timeline = new Timeline(5);
  timeline.add({ time: 7, pid: 41, held: 1, waited: 2 });
  first.add(build(1, { peakMemory: 77 }), timeline);
  first.add(build(2), undefined);
  first.close();
  const second = new History({ path, note: (line) => notes.push(line) });
  second.add(build(1, { label: 'again' }), undefined);
  assert.deepEqual(second.list({ limit: 10 }), [build(1, { label: 'again' }), build(2), build(1, { peakMemory: 77 })]);
  assert.deepEqual(second.list({ limit: 1 }), [build(1, { label: 'again' })]);
  assert.deepEqual(
    second.list({ limit: 10, label: 'make' }).map(({ id }) => id),
    [2, 1],
  );
  assert.deepEqual(second.list({ limit: 10, user: 'bob' }), []);
  assert.deepEqual(
    second.list({ limit: 10, after: 2_000_002 }).map(({ id }) => id),
    [2],
  );
  // Of builds with the same number the newest is meant.
  assert.deepEqual(second.find(1), { build: build(1, { label: 'again' }), timeline: undefined });
  assert.equal(second.find(3), undefined);
  second.add(build(1, { label: 'later', ended: 3_000_000 }), undefined);
  assert.equal(second.find(1, 3_000_000)?.build.label, 'later');
  assert.equal(second.find(1, 2_000_001)?.build.label, 'again');
  assert.equal(second.find(2, 2_000_001), undefined);
  second.close();
  const third = new History({ path, note: (line) => notes.push(line) });
  assert.equal(third.find(2)?.build.label, 'make 2');
  third.close();
  assert.deepEqual(notes, []);
});

test('a file of a stint that did not know how builds ended is read, and goes on', (t) => {
  const path = join(temporaryFolder(t), 'history.db');
  const old = new DatabaseSync(path);
  old.exec(`
    CREATE TABLE builds (
      n INTEGER PRIMARY KEY,
      id INTEGER NOT NULL, label TEXT NOT NULL, cwd TEXT NOT NULL, user TEXT NOT NULL, uid INTEGER NOT NULL,
      kind TEXT NOT NULL, since REAL NOT NULL, ended REAL NOT NULL,
      slotSeconds REAL NOT NULL, waitedSeconds REAL NOT NULL, peak INTEGER NOT NULL, granted INTEGER NOT NULL, peakMemory INTEGER
    ) STRICT;
    CREATE INDEX builds_ended ON builds (ended);
    CREATE TABLE timelines (n INTEGER PRIMARY KEY, packed BLOB NOT NULL) STRICT;
    PRAGMA user_version = 1;
    INSERT INTO builds VALUES (1, 1, 'make 1', '/x', 'ada', 1000, 'run', 1000001, 2000001, 1.5, 0.25, 3, 12, NULL);`);
  old.close();
  const history = new History({ path, note: assert.fail });
  assert.deepEqual(history.list({ limit: 9 }), [build(1)]);
  history.add(build(2, { exit: 2 }), undefined);
  history.add(build(3, { exit: 'KILL' }), undefined);
  history.add(build(4, { exit: 0 }), undefined);
  history.close();
  const next = new History({ path, note: assert.fail });
  assert.deepEqual(
    next.list({ limit: 9 }).map(({ exit }) => exit),
    [0, 'KILL', 2, undefined],
  );
  next.close();
});

/** Writes builds, one after the other, and says the number of each that is written. */
const WRITER = `
import { History } from ${JSON.stringify(new URL('../../src/observe/history.ts', import.meta.url).href)};
import { Timeline } from ${JSON.stringify(new URL('../../src/observe/timeline.ts', import.meta.url).href)};
import { writeSync } from 'node:fs';
const [path, first, build] = process.argv.slice(1);
const history = new History({ path, note: (line) => writeSync(2, line) });
for (let id = Number(first); ; id++) {
  history.add({ ...JSON.parse(build), id }, new Timeline(0));
  history.flush();
  writeSync(1, id + '\\n');
}`;

test('a daemon that is killed while it writes loses nothing that was written', async (t) => {
  const path = join(temporaryFolder(t), 'history.db');
  const seed = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
  t.diagnostic(`STINT_SEED=${seed}`);
  const random = seeded(seed);
  let written = 0;
  for (let round = 0; round < 6; round++) {
    const args = ['--input-type=module', '-e', WRITER, path, String(written + 1), JSON.stringify(build(0))];
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    let complaints = '';
    writer.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
    writer.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    const ended = once(writer, 'close');
    await until('it writes', () => told !== '' || writer.exitCode !== null, 60_000);
    await pause(random(60));
    writer.kill('SIGKILL');
    await ended;
    assert.equal(complaints.replace(/^\(node:.*\n|.*ExperimentalWarning.*\n|^\(Use .*\n/gm, ''), '');
    const last = Number(told.trim().split('\n').at(-1));
    const history = new History({ path, note: assert.fail });
    const ids = history.list({ limit: 100_000 }).map(({ id }) => id);
    history.close();
    written = ids[0] as number;
    assert.ok(written === last || written === last + 1, `${written} is there, ${last} was told`);
    assert.deepEqual(ids, Array.from({ length: written }, (_, n) => written - n).slice(0, 10_000));
  }
});

test('it has a bound in builds, in timelines and in age', (t) => {
  const path = join(temporaryFolder(t), 'history.db');
  const history = new History({ path, note: assert.fail, maxBuilds: 5, maxTimelines: 2, maxDays: 10 });
  const now = 100 * DAY;
  history.add(build(1, { ended: now - 11 * DAY }), new Timeline(0));
  for (let id = 2; id <= 9; id++) {
    history.add(build(id, { ended: now + id }), new Timeline(0));
    history.flush();
  }
  assert.deepEqual(
    history.list({ limit: 100 }).map(({ id }) => id),
    [9, 8, 7, 6, 5],
  );
  assert.ok(history.find(8)?.timeline);
  assert.equal(history.find(7)?.timeline, undefined);
  history.close();
});

for (const [what, bytes] of [
  ['no database', 'x'.repeat(5000)],
  ['a text', 'hello\n'],
] as const) {
  test(`a file that is ${what} is put aside, and noted once`, (t) => {
    const path = join(temporaryFolder(t), 'history.db');
    writeFileSync(path, bytes);
    const notes: string[] = [];
    const history = new History({ path, note: (line) => notes.push(line) });
    history.add(build(1), undefined);
    assert.deepEqual(history.list({ limit: 9 }), [build(1)]);
    history.close();
    assert.equal(readFileSync(`${path}.bad`, 'utf8'), bytes);
    assert.deepEqual(notes, [`what ${path} holds is not a history of builds: it was put aside as ${path}.bad`]);
  });
}

test('where nothing can be written the past is empty, and that is noted once', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const path = join(folder, 'file/history.db');
  const notes: string[] = [];
  const history = new History({ path, note: (line) => notes.push(line) });
  history.add(build(1), undefined);
  assert.deepEqual([history.list({ limit: 9 }), history.find(1)], [[], undefined]);
  history.close();
  assert.equal(notes.length, 1);
  assert.match(notes[0] as string, /cannot write .*history\.db: /);
});

test('nobody else can read it', (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const path = join(folder, 'state/history.db');
  const history = new History({ path, note: assert.fail });
  history.add(build(1), undefined);
  history.close();
  assert.ok(existsSync(path));
  assert.equal(statMode(join(folder, 'state')), 0o700);
});

const statMode = (path: string): number => statSync(path).mode & 0o777;
