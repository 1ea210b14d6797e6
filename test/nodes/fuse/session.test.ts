// The directory that stint serves, message by message, with a kernel of the test's own. What is read and written at the node
// itself is in ../file.test.ts.
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { dirents, encode, type Opcode, REQUESTS } from './kernel.ts';
import { GROUP, INODE, MODE, OWN, Stage } from './stage.ts';

const { S_IFDIR, S_IFREG, S_IFIFO, S_IFMT } = constants;
const S_IFSOCK = 0o140000;

const init = (stage: Stage, major: number, minor: number, flags = 0) =>
  stage.send('INIT', { nodeid: 0 }, { major, minor, max_readahead: 65536, flags });

for (const [major, minor] of [
  [7, 30],
  [7, 9],
  [8, 0],
] as const) {
  test(`a kernel that speaks ${major}.${minor} is refused, and the engine is told`, () => {
    const stage = new Stage(1);
    assert.equal(stage.end(init(stage, major, minor)), 'EPROTO');
    assert.deepEqual(stage.told, [`too old ${minor}`]);
  });
}

const STREAM = 1 | 16;
for (const [offered, spoken, flags] of [
  [31, 31, STREAM],
  [34, 34, STREAM],
  [35, 35, STREAM | 32],
  [38, 38, STREAM | 32 | 64],
  [45, 45, STREAM | 32 | 64],
  [99, 45, STREAM | 32 | 64],
] as const) {
  test(`with a kernel of 7.${offered}, 7.${spoken} is spoken, and files are opened with what that has`, () => {
    const stage = new Stage(1);
    const unique = init(stage, 7, offered, 0xffff_ffff);
    const { major, minor, flags: accepted, max_write } = stage.body('fuse_init_out', unique);
    assert.deepEqual(
      { major, minor, accepted, max_write },
      { major: 7, minor: spoken, accepted: 1 << 18, max_write: 4096 },
    );
    assert.deepEqual(stage.told, [`ready ${spoken}`]);
    const opened = stage.send('OPEN', stage.as(stage.person()).header, { flags: 2 });
    assert.equal(stage.body('fuse_open_out', opened).open_flags, flags);
  });
}

test('nothing is accepted that the kernel did not offer', () => {
  const stage = new Stage(1);
  assert.equal(stage.body('fuse_init_out', init(stage, 7, 45, 0)).flags, 0);
});

test('each caller is shown what is for it, and the name is asked for again each time', () => {
  const stage = new Stage(1);
  const pipe = stage.directory.newPipe();
  stage.shown = (tid) => (tid === 10 ? { node: 'file' } : { node: 'pipe', id: pipe });
  const file = stage.body('fuse_entry_out', stage.lookup('jobserver', { pid: 10 }));
  const fifo = stage.body('fuse_entry_out', stage.lookup('jobserver', { pid: 11 }));
  const what = (entry: typeof file) => [entry.nodeid, entry['attr.mode'], entry['attr.gid'], entry.entry_valid];
  assert.deepEqual(what(file), [BigInt(INODE.node), S_IFREG | MODE, GROUP, 0n]);
  assert.deepEqual(what(fifo), [BigInt(pipe), S_IFIFO | MODE, GROUP, 0n]);
  stage.shown = () => ({ node: 'none', errno: 24 });
  assert.equal(stage.end(stage.lookup('jobserver', { pid: 12 })), 'EMFILE');
});

test('a look-up waits for its answer, and ends at once when it is interrupted meanwhile', () => {
  const stage = new Stage(1);
  stage.late = true;
  const [first, second] = [stage.lookup('jobserver'), stage.lookup('jobserver')];
  assert.equal(stage.session.parked, 2);
  stage.interrupt(first);
  assert.equal(stage.end(first), 'EINTR');
  assert.equal(stage.end(second), undefined);
  stage.lookUp();
  assert.equal(stage.end(second), 'ok');
  assert.equal(stage.session.parked, 0);
});

test('a thread that signals keep interrupting is answered all the same: it goes on waiting where it was', () => {
  const stage = new Stage(1);
  stage.late = true;
  const first = stage.lookup('jobserver');
  stage.interrupt(first);
  const again = stage.lookup('jobserver');
  assert.equal(stage.lookUp(), 1, 'it is not looked up a second time');
  assert.deepEqual([stage.end(first), stage.end(again)], ['EINTR', 'ok']);
});

test('other names are found by all, unknown ones by nobody, and nothing lies below a file', () => {
  const stage = new Stage(1);
  for (const [name, inode] of [
    ['status', INODE.status],
    ['README', INODE.readme],
  ] as const) {
    const { nodeid, 'attr.mode': mode } = stage.body('fuse_entry_out', stage.lookup(name));
    assert.deepEqual([nodeid, mode], [BigInt(inode), S_IFREG | 0o444]);
  }
  for (const name of ['', 'x', 'api.sock', 'jobserver2', '.own', '16', '..']) {
    assert.equal(stage.end(stage.lookup(name)), 'ENOENT', name);
  }
  assert.equal(stage.end(stage.lookup('jobserver', { nodeid: INODE.node })), 'ENOENT');
});

test('asking for the name that wakes the engine wakes it, and finds nothing', () => {
  const stage = new Stage(1);
  assert.equal(stage.end(stage.lookup('wake', { nodeid: INODE.own })), 'ENOENT');
  assert.equal(stage.session.woken, true);
});

test('the daemon finds its pipes in a folder of its own as long as they exist; nobody else does', () => {
  const stage = new Stage(1);
  const own = { pid: OWN, nodeid: INODE.own };
  assert.equal(stage.body('fuse_entry_out', stage.lookup('.own', { pid: OWN })).nodeid, BigInt(INODE.own));
  assert.equal(stage.end(stage.lookup('.own', { pid: 99 })), 'ENOENT');
  const [pipe, other] = [stage.directory.newPipe(), stage.directory.newPipe()];
  assert.notEqual(pipe, other);
  assert.equal(stage.body('fuse_entry_out', stage.lookup(String(pipe), own)).nodeid, BigInt(pipe));
  assert.equal(stage.end(stage.lookup(String(pipe), { ...own, pid: 99 })), 'ENOENT');
  assert.equal(stage.end(stage.lookup(String(pipe), { pid: OWN })), 'ENOENT', 'not beside the node');
  for (const name of ['', 'x', `${pipe}x`, '2', '99999999999999999999', 'jobserver', 'status']) {
    assert.equal(stage.end(stage.lookup(name, own)), 'ENOENT', name);
  }
  stage.directory.dropPipe(pipe);
  assert.equal(stage.end(stage.lookup(String(pipe), own)), 'ENOENT');
  assert.ok(stage.directory.newPipe() > other, 'no number is used again');
});

test('an open waits until it is known who calls, and is refused when that cannot be told', () => {
  const stage = new Stage(1);
  stage.late = true;
  const { header } = stage.as(stage.person());
  const [known, unknown] = [stage.send('OPEN', header), stage.send('OPEN', { ...header, pid: 0 })];
  assert.deepEqual([stage.end(known), stage.end(unknown)], [undefined, undefined]);
  stage.lookUp();
  assert.deepEqual([stage.end(known), stage.end(unknown)], ['ok', 'EACCES']);
  assert.equal(stage.file.opens, 1);
  assert.deepEqual(stage.told, ['opened']);
});

test('an open that is given up meanwhile, or whose answer nobody hears, leaves nothing open', () => {
  const stage = new Stage(1);
  stage.late = true;
  const { header } = stage.as(stage.person());
  const given = stage.send('OPEN', header);
  stage.interrupt(given);
  stage.unheard.add(stage.next);
  stage.send('OPEN', header);
  stage.lookUp();
  assert.equal(stage.end(given), 'EINTR');
  assert.equal(stage.file.opens, 0);
  assert.deepEqual(stage.told, ['opened'], 'it is told before the answer, and that one was not heard');
});

test('what is no file cannot be opened as one', () => {
  const stage = new Stage(1);
  for (const nodeid of [INODE.root, INODE.socket, INODE.firstPipe, 99]) {
    assert.equal(stage.end(stage.send('OPEN', { nodeid })), 'EACCES');
  }
});

test('texts are not opened to write, and access says so; who has found the node may use it', () => {
  const stage = new Stage(1);
  const pipe = stage.directory.newPipe();
  const may = (nodeid: number, mask: number) => stage.end(stage.send('ACCESS', { nodeid }, { mask }));
  for (const nodeid of [INODE.status, INODE.readme]) {
    for (const flags of [1, 2]) assert.equal(stage.end(stage.send('OPEN', { nodeid }, { flags })), 'EACCES');
    assert.deepEqual(
      [0, 4, 2, 1].map((mask) => may(nodeid, mask)),
      ['ok', 'ok', 'EACCES', 'EACCES'],
    );
  }
  for (const nodeid of [INODE.node, pipe]) {
    assert.deepEqual(
      [6, 1].map((mask) => may(nodeid, mask)),
      ['ok', 'EACCES'],
    );
  }
  assert.deepEqual(
    [5, 2].map((mask) => may(INODE.root, mask)),
    ['ok', 'EACCES'],
  );
});

test('status is what it was at the open, and is read in parts', () => {
  const stage = new Stage(1);
  stage.statusText = 'x'.repeat(5000);
  const opened = stage.send('OPEN', { nodeid: INODE.status });
  const { fh = 0n, open_flags } = stage.body('fuse_open_out', opened);
  assert.equal(open_flags, 1, 'never from the cache');
  stage.statusText = 'later';
  const read = (offset: number, size: number) =>
    stage.answers
      .get(stage.send('READ', { nodeid: INODE.status }, { fh, offset, size, read_flags: 2 }))
      ?.body.toString();
  assert.equal(read(0, 3), 'xxx');
  assert.equal(read(4998, 4096), 'xx');
  assert.equal(read(5000, 4096), '');
  assert.equal(read(2 ** 40, 4096), '');
  assert.equal(stage.end(stage.send('RELEASE', { nodeid: INODE.status }, { fh })), 'ok');
  assert.equal(stage.end(stage.send('READ', { nodeid: INODE.status }, { fh, size: 10, read_flags: 2 })), 'EIO');
});

test('README says how to use the node', () => {
  const stage = new Stage(1);
  const opened = stage.send('OPEN', { nodeid: INODE.readme });
  const { fh = 0n } = stage.body('fuse_open_out', opened);
  const read = stage.send('READ', { nodeid: INODE.readme }, { fh, size: 4096, read_flags: 2 });
  const text = stage.answers.get(read)?.body.toString() ?? '';
  assert.match(text, /--jobserver-auth=fifo:/);
  const { 'attr.size': size } = stage.body('fuse_attr_out', stage.send('GETATTR', { nodeid: INODE.readme }));
  assert.equal(Number(size), text.length);
});

test('every entry has its attributes, and what never was has none', () => {
  const stage = new Stage(1);
  const pipe = stage.directory.newPipe();
  const kinds = new Map<number, number>([
    [INODE.root, S_IFDIR],
    [INODE.node, S_IFREG],
    [INODE.status, S_IFREG],
    [INODE.readme, S_IFREG],
    [pipe, S_IFIFO],
  ]);
  for (const [nodeid, kind] of kinds) {
    const { 'attr.mode': mode, 'attr.ino': ino } = stage.body('fuse_attr_out', stage.send('GETATTR', { nodeid }));
    assert.deepEqual([Number(mode) & S_IFMT, ino], [kind, BigInt(nodeid)]);
  }
  for (const nodeid of [0, 7, 15, pipe + 1, 2 ** 40])
    assert.equal(stage.end(stage.send('GETATTR', { nodeid })), 'ENOENT');
});

test('a node can be cut to nothing and touched, but nobody changes its owner or permissions', () => {
  const stage = new Stage(1);
  const setattr = (valid: number) =>
    stage.end(stage.send('SETATTR', { nodeid: INODE.node, pid: OWN }, { valid, mode: 0o777 }));
  const [MODE_, UID, GID, SIZE, ATIME, MTIME] = [1, 2, 4, 8, 16, 32];
  for (const valid of [SIZE, ATIME | MTIME, 0, 64 | SIZE]) assert.equal(setattr(valid), 'ok');
  for (const valid of [MODE_, UID, GID, MODE_ | SIZE]) assert.equal(setattr(valid), 'EPERM');
});

const list = (stage: Stage, offset = 0, size = 4096) => {
  const unique = stage.send('READDIR', { nodeid: INODE.root }, { offset, size });
  return dirents(stage.answers.get(unique)?.body as Buffer);
};

test('the directory lists what is in it, and goes on where the reader stopped', () => {
  const stage = new Stage(1);
  assert.equal(stage.end(stage.send('OPENDIR')), 'ok');
  const all = list(stage);
  assert.deepEqual(
    all.map(({ name }) => name),
    ['.', '..', 'jobserver', 'status', 'README'],
  );
  const parts = [];
  for (let part = list(stage, 0, 70); part.length > 0; part = list(stage, Number(part.at(-1)?.off), 70))
    parts.push(...part);
  assert.deepEqual(parts, all);
  assert.equal(stage.end(stage.send('RELEASEDIR')), 'ok');
});

const mknod = (stage: Stage, pid: number, name = 'api.sock', mode = S_IFSOCK | 0o777) =>
  stage.end(stage.send('MKNOD', { pid }, { mode }, `${name}\0`));

test('the daemon makes its socket; strangers and other kinds are refused', () => {
  const stage = new Stage(1);
  assert.equal(mknod(stage, 99), 'EPERM');
  assert.equal(mknod(stage, OWN, 'other'), 'EPERM');
  assert.equal(mknod(stage, OWN, 'api.sock', S_IFREG | 0o666), 'EPERM');
  assert.equal(mknod(stage, OWN), 'ok');
  assert.equal(mknod(stage, OWN), 'EPERM', 'it is there already');
  assert.equal(stage.body('fuse_entry_out', stage.lookup('api.sock')).nodeid, BigInt(INODE.socket));
  assert.deepEqual(list(stage).map(({ name, type }) => [name, type])[3], ['api.sock', 12]);
});

const FIXED: [string, Opcode[]][] = [
  ['ok', ['FLUSH', 'RELEASEDIR', 'DESTROY', 'STATFS', 'OPENDIR', 'RELEASE']],
  ['EPERM', ['CREATE', 'MKDIR', 'SYMLINK', 'LINK', 'RENAME', 'RENAME2', 'UNLINK', 'RMDIR', 'WRITE']],
  ['ENOTTY', ['IOCTL']],
  ['ENOSYS', ['GETXATTR', 'READLINK', 'POLL']],
];
for (const [end, opcodes] of FIXED) {
  test(`${opcodes.join(', ')} in the directory: ${end}`, () => {
    const stage = new Stage(1);
    for (const opcode of opcodes) assert.equal(stage.end(stage.send(opcode)), end, opcode);
  });
}

test('forgetting needs no answer', () => {
  const stage = new Stage(1);
  const forget = stage.send('FORGET', { nodeid: INODE.node }, { nlookup: 3 });
  const batch = stage.send('BATCH_FORGET', {}, { count: 1 }, encode('fuse_forget_one', { nodeid: 2, nlookup: 1 }));
  assert.deepEqual([stage.end(forget), stage.end(batch)], [undefined, undefined]);
});

test('whatever the kernel may ask, it is answered once, and nothing throws', () => {
  const silent: Opcode[] = ['FORGET', 'BATCH_FORGET', 'INTERRUPT'];
  const word = fc.oneof(fc.nat(20), fc.nat(0xffff_ffff));
  const any = fc.record({
    opcode: fc.constantFrom(...(Object.keys(REQUESTS) as Opcode[])),
    nodeid: fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 16), fc.maxSafeNat()),
    pid: fc.oneof(fc.constantFrom(0, OWN, 1000), fc.nat(0xffff_ffff)),
    body: fc.array(word, { maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(any), (requests) => {
      const stage = new Stage(2);
      stage.person();
      for (const { opcode, nodeid, pid, body } of requests) {
        const unique = stage.sendRaw(opcode, { nodeid, pid }, Buffer.from(Uint32Array.from(body).buffer));
        const end = stage.end(unique);
        if (silent.includes(opcode)) assert.equal(end, undefined);
        else if (end === undefined) assert.equal(opcode, 'READ', 'only a read may wait');
      }
    }),
  );
});

test('a write whose answer cannot be put off is to be tried again, and nothing of it stays', () => {
  const stage = new Stage(1);
  const fh = stage.open(stage.person());
  stage.late = true;
  stage.owesNoMore = true;
  const write = stage.write(stage.person(), fh);
  assert.equal(stage.end(write), 'EINTR');
  assert.equal(stage.session.parked, 0);
  stage.interrupt(write);
});
