// What stint writes to the kernel, taken apart as the kernel does it (kernel.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { directory, Reply } from '../../../src/nodes/fuse/reply.ts';
import { OF_DEVICE } from '../../../src/nodes/fuse/wire.ts';
import { answer, decode, dirents, type Fields, fieldsOf, type Struct, sizeOf } from './kernel.ts';

const u64 = fc.oneof(
  fc.constantFrom(1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n),
  fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
);
const u32 = fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));
/** A number that JavaScript has without loss. */
const whole = fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1), fc.maxSafeNat());

/** A number that a kernel has come to by counting. */
const counted = fc.oneof(fc.constantFrom(1n, 2n ** 32n, 2n ** 52n - 1n), fc.bigInt({ min: 1n, max: 2n ** 52n - 1n }));

const low = (value: bigint): number => Number(value & 0xffff_ffffn);
const high = (value: bigint): number => Number(value >> 32n);

/** What the kernel makes of the first `length` bytes of a reply. */
const sent = (reply: Reply, length: number) => answer(reply.bytes.subarray(0, length));

/** A reply whose buffer still has another message in it. */
function used(): Reply {
  const reply = new Reply();
  reply.bytes.fill(0xee);
  return reply;
}

/** The fields of `struct` in the reply that `write` made for `unique`; whatever `expected` does not name is 0. */
function check(struct: Struct, unique: bigint, written: { reply: Reply; length: number }, expected: Fields): void {
  const got = sent(written.reply, written.length);
  assert.equal(got.unique, unique);
  assert.equal(got.error, 0);
  assert.equal(got.body.length, sizeOf(struct));
  const zeros = Object.fromEntries(
    fieldsOf(struct)
      .filter(({ size }) => size <= 8)
      .map(({ name: field, size }) => [field, size === 8 ? 0n : 0]),
  );
  assert.deepEqual(decode(struct, got.body), { ...zeros, ...expected });
}

test('an error and a success without a body come to whom they are for', () => {
  fc.assert(
    fc.property(u64, fc.integer({ min: 0, max: 511 }), (unique, errno) => {
      const reply = used();
      const got = sent(reply, reply.status(low(unique), high(unique), errno));
      assert.deepEqual({ ...got, body: got.body.length }, { unique, error: 0 - errno, body: 0 });
    }),
  );
});

test('data comes as it is', () => {
  fc.assert(
    fc.property(u64, fc.uint8Array({ maxLength: 5000 }), (unique, data) => {
      const reply = used();
      assert.deepEqual(sent(reply, reply.data(low(unique), high(unique), data)).body, Buffer.from(data));
      const byte = data[0] ?? 0;
      assert.deepEqual(sent(reply, reply.byte(low(unique), high(unique), byte)).body, Buffer.of(byte));
    }),
  );
});

test('the answers to OPEN, WRITE and POLL have every field in its place', () => {
  fc.assert(
    fc.property(u64, whole, u32, (unique, fh, value) => {
      const reply = used();
      const to = [low(unique), high(unique)] as const;
      const opened = reply.opened(...to, fh, value);
      check('fuse_open_out', unique, { reply, length: opened }, { fh: BigInt(fh), open_flags: value });
      const written = reply.written(...to, value);
      check('fuse_write_out', unique, { reply, length: written }, { size: value });
      const polled = reply.polled(...to, value);
      check('fuse_poll_out', unique, { reply, length: polled }, { revents: value });
    }),
  );
});

const attributes = fc.record({ ino: whole, mode: u32, uid: u32, gid: u32, nlink: u32, size: whole, time: whole });

test('entries and attributes have every field in its place', () => {
  fc.assert(
    fc.property(u64, attributes, fc.record({ nodeid: whole, valid: whole }), (unique, attr, { nodeid, valid }) => {
      const reply = used();
      const time = BigInt(attr.time);
      const common = { mode: attr.mode, uid: attr.uid, gid: attr.gid, nlink: attr.nlink, blksize: 4096 };
      const numbers = { ino: BigInt(attr.ino), size: BigInt(attr.size), atime: time, mtime: time, ctime: time };
      const expected = Object.fromEntries(
        Object.entries({ ...common, ...numbers }).map(([field, value]) => [`attr.${field}`, value]),
      );
      const to = [low(unique), high(unique)] as const;
      const got = reply.attributes(...to, attr);
      check('fuse_attr_out', unique, { reply, length: got }, { ...expected, attr_valid: 1_000_000_000n });
      const entry = reply.entry(...to, { nodeid, attributes: attr, valid });
      check(
        'fuse_entry_out',
        unique,
        { reply, length: entry },
        { ...expected, nodeid: BigInt(nodeid), entry_valid: BigInt(valid), attr_valid: 1_000_000_000n },
      );
    }),
  );
});

test('the answer to INIT gives the version that is spoken, and no more than the kernel has by itself', () => {
  fc.assert(
    fc.property(u64, u32, u32, (unique, minor, flags) => {
      const reply = used();
      const length = reply.init(low(unique), high(unique), { minor, flags });
      const limits = { max_background: 12, congestion_threshold: 9, max_write: 4096, time_gran: 1 };
      check('fuse_init_out', unique, { reply, length }, { major: 7, minor, flags, ...limits });
    }),
  );
});

test('the answer to STATFS says that there is no space', () => {
  const reply = used();
  const length = reply.statfs(7, 8);
  check(
    'fuse_statfs_out',
    (8n << 32n) | 7n,
    { reply, length },
    { 'st.bsize': 4096, 'st.namelen': 255, 'st.frsize': 4096 },
  );
});

test('a poller is rung by its handle, in a message that answers nothing', () => {
  fc.assert(
    fc.property(counted, (kh) => {
      const reply = used();
      const got = sent(reply, reply.notifyPoll(low(kh), high(kh)));
      assert.deepEqual({ unique: got.unique, code: got.error }, { unique: 0n, code: 1 });
      assert.deepEqual(decode('fuse_notify_poll_wakeup_out', got.body), { kh });
    }),
  );
});

test('what is for the device says so, and goes to it under the number that the kernel knows', () => {
  fc.assert(
    fc.property(counted, fc.boolean(), (number, device) => {
      const marked = high(number) | (device ? OF_DEVICE : 0);
      const reply = used();
      for (const compose of [
        () => reply.byte(low(number), marked, 0x2b),
        () => reply.status(low(number), marked, 11),
        () => reply.polled(low(number), marked, 5),
      ]) {
        const length = compose();
        assert.equal(reply.takeOfDevice(), device);
        assert.equal(reply.takeOfDevice(), false, 'it is taken out');
        assert.equal(sent(reply, length).unique, number);
      }
      const rung = reply.notifyPoll(low(number), marked);
      assert.equal(reply.takeOfDevice(), device);
      const { unique, body } = sent(reply, rung);
      assert.deepEqual([unique, decode('fuse_notify_poll_wakeup_out', body).kh], [0n, number]);
      const again = reply.notifyResend(device ? OF_DEVICE : 0);
      assert.equal(reply.takeOfDevice(), device);
      assert.deepEqual(sent(reply, again), { unique: 0n, error: 7, body: Buffer.alloc(0) });
    }),
  );
});

test('a device is introduced by its name', () => {
  const reply = used();
  const got = sent(reply, reply.deviceInit(2, 0, { minor: 38, name: 'stint' }));
  const zeros = { unused: 0, flags: 0, dev_major: 0, dev_minor: 0 };
  const expected = { ...zeros, major: 7, minor: 38, max_read: 4096, max_write: 4096 };
  assert.deepEqual(decode('cuse_init_out', got.body), expected);
  assert.equal(got.body.toString('latin1', sizeOf('cuse_init_out')), 'DEVNAME=stint\0');
});

const fileName = fc
  .string({
    unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 255,
  })
  .filter((given) => !given.includes('/'));
const kinds = fc.constantFrom(0, 0o010000, 0o040000, 0o100000, 0o140000);
const entriesOf = fc.array(fc.record({ ino: whole, name: fileName, mode: kinds }), { maxLength: 12 });

test('a directory that is read on from where the last answer ended comes whole and in order', () => {
  fc.assert(
    fc.property(entriesOf, fc.integer({ min: 280, max: 4096 }), (entries, size) => {
      const found = [];
      for (let from = 0; ; ) {
        const bytes = directory(entries, from, size);
        assert.ok(bytes.length <= size);
        const got = dirents(bytes);
        if (got.length === 0) break;
        found.push(...got);
        from = Number(got.at(-1)?.off);
      }
      assert.deepEqual(
        found.map(({ ino, name: given, type }) => ({ ino: Number(ino), name: given, mode: type << 12 })),
        entries.map((entry) => ({ ...entry })),
      );
    }),
  );
});

test('a directory answer has no entry that does not fit, and none when there is no room or nothing left', () => {
  fc.assert(
    fc.property(entriesOf, fc.nat(20), fc.nat(1000), (entries, from, size) => {
      const got = dirents(directory(entries, from, size));
      const rest = entries.slice(from);
      assert.deepEqual(
        got.map(({ name: given }) => given),
        rest.slice(0, got.length).map(({ name: given }) => given),
      );
      const next = rest[got.length];
      const used = directory(entries, from, size).length;
      if (next !== undefined) assert.ok(used + Math.ceil((24 + next.name.length) / 8) * 8 > size);
    }),
  );
});
