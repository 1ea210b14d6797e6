import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFifo, openReadEnd, openWriteEnd, pathOf } from '../../src/kernel/fifo.ts';
import { IN_ACCESS, IN_CLOSE, IN_MODIFY, IN_OPEN, IN_Q_OVERFLOW, Inotify } from '../../src/kernel/inotify.ts';
import { readBytes, writeBytes } from '../../src/kernel/io.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const ALL = IN_ACCESS | IN_MODIFY | IN_OPEN | IN_CLOSE;
const TOKEN = Buffer.from('+');

interface Watched {
  inotify: Inotify;
  path: string;
  readEnd: number;
  writeEnd: number;
  /** Everything that has happened at the FIFO since the last call. */
  seen(): number;
}

/** A FIFO with both ends open, watched for `mask`. */
function watched(t: TestContext, mask: number): Watched {
  const inotify = new Inotify();
  t.after(() => inotify.close());
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  const readEnd = openReadEnd(path);
  const writeEnd = openWriteEnd(path);
  t.after(() => [readEnd, writeEnd].forEach(closeSync));
  const watch = inotify.watch(path, mask);
  const seen = () => {
    let all = 0;
    inotify.read((of, what) => {
      assert.equal(of, watch);
      all |= what;
    });
    return all;
  };
  return { inotify, path, readEnd, writeEnd, seen };
}

test('a byte put into a FIFO, a byte taken, an opening and a closing are told apart', (t) => {
  const { path, readEnd, writeEnd, seen } = watched(t, ALL);
  assert.equal(seen(), 0);
  writeBytes(writeEnd, TOKEN, 1);
  assert.equal(seen(), IN_MODIFY);
  readBytes(readEnd, Buffer.alloc(1), 1);
  assert.equal(seen(), IN_ACCESS);
  const other = openReadEnd(path);
  assert.equal(seen(), IN_OPEN);
  closeSync(other);
  assert.equal(seen() & ~IN_CLOSE, 0);
  assert.equal(seen(), 0);
});

test('a read that finds nothing is not told', (t) => {
  const { readEnd, seen } = watched(t, ALL);
  readBytes(readEnd, Buffer.alloc(1), 1);
  assert.equal(seen(), 0);
});

test('watching again changes the mask, also by a path through the descriptor', (t) => {
  const { inotify, writeEnd, readEnd, seen } = watched(t, ALL);
  inotify.watch(pathOf(writeEnd), IN_ACCESS);
  seen();
  writeBytes(writeEnd, TOKEN, 1);
  assert.equal(seen(), 0);
  readBytes(readEnd, Buffer.alloc(1), 1);
  assert.equal(seen(), IN_ACCESS);
});

test('more events than fit into one read are all told', (t) => {
  const { readEnd, writeEnd, inotify } = watched(t, IN_ACCESS | IN_MODIFY);
  for (let i = 0; i < 500; i++) {
    writeBytes(writeEnd, TOKEN, 1);
    readBytes(readEnd, Buffer.alloc(1), 1);
  }
  let events = 0;
  inotify.read(() => events++);
  assert.equal(events, 1000);
});

test('when the kernel has lost events it says so', (t) => {
  const { readEnd, writeEnd, inotify } = watched(t, IN_ACCESS | IN_MODIFY);
  const most = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  for (let i = 0; i < most / 2 + 10; i++) {
    writeBytes(writeEnd, TOKEN, 1);
    readBytes(readEnd, Buffer.alloc(1), 1);
  }
  let last: [watch: number, mask: number] = [0, 0];
  inotify.read((...event) => {
    last = event;
  });
  assert.deepEqual(last, [-1, IN_Q_OVERFLOW]);
});

test('a watch that was given up tells nothing more', (t) => {
  const inotify = new Inotify();
  t.after(() => inotify.close());
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  inotify.unwatch(inotify.watch(path, ALL));
  closeSync(openReadEnd(path));
  let what = 0;
  inotify.read((_, mask) => {
    what |= mask;
  });
  assert.equal(what & ALL, 0, 'only that the watch is gone');
});

test('errors of inotify have the names of their errno', (t) => {
  const inotify = new Inotify();
  t.after(() => inotify.close());
  assert.throws(() => inotify.watch('/no/such/path', ALL), { code: 'ENOENT', syscall: 'inotify_add_watch' });
  assert.throws(() => inotify.watch('/dev/null', 0), { code: 'EINVAL' });
});
