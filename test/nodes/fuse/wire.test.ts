// The kernel's requests as stint reads them, held against the kernel's side of them, written down apart in kernel.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OF_DEVICE, Request } from '../../../src/nodes/fuse/wire.ts';
import { type Fields, fieldsOf, type Opcode, REQUESTS, request, type Struct, sizeOf } from './kernel.ts';

const HEADER = sizeOf('fuse_in_header');

const edges = [0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const u64 = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const u32 = fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));
const name = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 255,
});

/** Any values for all fields of `struct`. */
const valuesOf = (struct: Struct): fc.Arbitrary<Fields> =>
  fc.record(
    Object.fromEntries(
      fieldsOf(struct).map(({ name: field, size }) => [
        field,
        size === 8 ? u64 : u32.map((n) => n % 2 ** (8 * Math.min(size, 4))),
      ]),
    ),
  );

function received(bytes: Buffer): Request {
  const one = new Request();
  bytes.copy(one.bytes);
  assert.ok(one.received(bytes.length));
  return one;
}

/** Requests that are answered by their number alone: what follows the header may have any length. */
const UNREAD: Opcode[] = ['MKDIR', 'CREATE', 'LINK', 'RENAME', 'RENAME2', 'IOCTL', 'GETXATTR'];

const low = (value: unknown): number => Number((value as bigint) & 0xffff_ffffn);
const high = (value: unknown): number => Number((value as bigint) >> 32n);

/** Which getter of a request gives which field. */
const GETTERS: Partial<Record<Opcode, [getter: keyof Request, expected: (body: Fields) => unknown][]>> = {
  FORGET: [['nlookup', (body) => Number(body.nlookup)]],
  SETATTR: [['setsOwnerOrMode', (body) => (Number(body.valid) & 0b111) !== 0]],
  MKNOD: [['newMode', (body) => body.mode]],
  ACCESS: [['accessMask', (body) => body.mask]],
  OPEN: [['openFlags', (body) => body.flags]],
  READ: [
    ['fh', (body) => Number(body.fh)],
    ['size', (body) => body.size],
    ['offset', (body) => Number(body.offset)],
    ['lockOwnerLow', (body) => low(body.lock_owner)],
    ['lockOwnerHigh', (body) => high(body.lock_owner)],
    ['fileFlags', (body) => body.flags],
  ],
  READDIR: [
    ['offset', (body) => Number(body.offset)],
    ['size', (body) => body.size],
  ],
  WRITE: [
    ['fh', (body) => Number(body.fh)],
    ['size', (body) => body.size],
    ['lockOwnerLow', (body) => low(body.lock_owner)],
    ['lockOwnerHigh', (body) => high(body.lock_owner)],
    ['fileFlags', (body) => body.flags],
  ],
  RELEASE: [['fh', (body) => Number(body.fh)]],
  RELEASEDIR: [['fh', (body) => Number(body.fh)]],
  INTERRUPT: [['interrupted', (body) => unmarked(body.unique)]],
  POLL: [
    ['fh', (body) => Number(body.fh)],
    ['khLow', (body) => low(body.kh)],
    ['khHigh', (body) => high(body.kh)],
    ['pollFlags', (body) => body.flags],
  ],
  INIT: [
    ['major', (body) => body.major],
    ['minor', (body) => body.minor],
    ['initFlags', (body) => body.flags],
  ],
};

/** Without the bit that says that it is asked again. */
const unmarked = (unique: bigint | number = 0): number => Number(BigInt.asUintN(63, BigInt(unique)));

for (const opcode of Object.keys(REQUESTS) as Opcode[]) {
  const { code, struct } = REQUESTS[opcode];
  const body = struct === undefined ? fc.constant({}) : valuesOf(struct);
  const size = HEADER + (struct === undefined ? 0 : sizeOf(struct));

  test(`${opcode}: every field that is read is the one that the kernel wrote`, () => {
    fc.assert(
      fc.property(valuesOf('fuse_in_header'), body, (header, values) => {
        const one = received(request(opcode, header, values, Buffer.alloc(opcode === 'WRITE' ? 100 : 0)));
        for (const got of [one, one.copy()]) {
          const { opcode: op, uniqueLow, uniqueHigh, unique, nodeid, uid, gid, pid } = got;
          assert.deepEqual(
            { op, uniqueLow, uniqueHigh, unique, nodeid, uid, gid, pid },
            {
              op: code,
              uniqueLow: low(header.unique),
              uniqueHigh: high(header.unique),
              unique: unmarked(header.unique),
              nodeid: Number(header.nodeid),
              uid: header.uid,
              gid: header.gid,
              pid: header.pid,
            },
          );
          for (const [getter, expected] of GETTERS[opcode] ?? []) assert.equal(got[getter], expected(values), getter);
        }
      }),
    );
  });

  test(`${opcode}: cut off anywhere it is no request, and nothing throws`, () => {
    const whole = request(opcode, { unique: 2 });
    for (let length = 0; length < whole.length; length++) {
      const one = new Request();
      whole.copy(one.bytes, 0, 0, length);
      assert.equal(one.received(length), false, `${length} bytes that say they are ${whole.length}`);
      one.bytes.writeUInt32LE(length, 0);
      // From minor 36 on INIT is longer than it needs to be.
      const enough = opcode === 'INIT' ? HEADER + 16 : UNREAD.includes(opcode) ? HEADER : size;
      assert.equal(one.received(length), length >= enough, `${length} bytes that say so`);
    }
  });
}

test('what a device has sent is told from what the mount has, by every number that the kernel has given', () => {
  const counted = fc.bigInt({ min: 0n, max: 2n ** 52n - 1n });
  const sent = fc.constantFrom<Opcode>('OPEN', 'READ', 'WRITE', 'POLL', 'INTERRUPT', 'RELEASE');
  fc.assert(
    fc.property(sent, counted, counted, (opcode, unique, other) => {
      const body = opcode === 'POLL' ? { kh: other } : opcode === 'INTERRUPT' ? { unique: other } : {};
      const one = received(request(opcode, { unique, nodeid: 0 }, body));
      const plain = { unique: one.unique, kh: one.khHigh, interrupted: one.interrupted };
      one.markOfDevice(2);
      assert.equal(one.nodeid, 2);
      assert.equal(one.unique, plain.unique + 2 ** 52);
      assert.equal(one.uniqueHigh & OF_DEVICE, OF_DEVICE);
      if (opcode === 'POLL') assert.equal(one.khHigh, plain.kh + OF_DEVICE);
      if (opcode === 'INTERRUPT') assert.equal(one.interrupted, plain.interrupted + 2 ** 52);
    }),
  );
});

test('LOOKUP and MKNOD: the name is read whole, whatever bytes it has', () => {
  const rest = Buffer.alloc(300, 0x41); // what an earlier request left behind
  fc.assert(
    fc.property(name, (given) => {
      const tail = Buffer.concat([Buffer.from(given, 'latin1'), Buffer.from([0])]);
      for (const [opcode, getter] of [
        ['LOOKUP', 'name'],
        ['MKNOD', 'newName'],
      ] as const) {
        const bytes = request(opcode, {}, {}, tail);
        const one = new Request();
        Buffer.concat([bytes, rest]).copy(one.bytes);
        assert.ok(one.received(bytes.length));
        assert.equal(one[getter], given);
        assert.equal(one.copy()[getter], given);
      }
    }),
  );
});

test('a name without an end ends with the request', () => {
  const one = new Request();
  Buffer.concat([request('LOOKUP', {}, {}, 'status'), Buffer.from('-quo\0')]).copy(one.bytes);
  assert.ok(one.received(HEADER + 6));
  assert.equal(one.name, 'status');
});

test('BATCH_FORGET: every node is read, and no more than there are', () => {
  const forgets = fc.array(fc.record({ nodeid: u64, nlookup: u64 }), { maxLength: 20 });
  fc.assert(
    fc.property(forgets, u32, (given, more) => {
      const tail = Buffer.alloc(16 * given.length);
      for (const [i, { nodeid, nlookup }] of given.entries()) {
        tail.writeBigUInt64LE(nodeid, 16 * i);
        tail.writeBigUInt64LE(nlookup, 16 * i + 8);
      }
      const expected = given.map(({ nodeid, nlookup }) => ({ nodeid: Number(nodeid), nlookup: Number(nlookup) }));
      for (const count of [given.length, given.length + (more % 1000)]) {
        assert.deepEqual([...received(request('BATCH_FORGET', {}, { count }, tail)).forgets()], expected);
      }
    }),
  );
});

test('bytes that are no request never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, truthful) => {
      const one = new Request();
      one.bytes.set(bytes);
      if (truthful && bytes.length >= 8) {
        one.bytes.writeUInt32LE(bytes.length, 0);
        one.bytes.writeUInt32LE((bytes[4] as number) % 64, 4);
      }
      if (one.received(bytes.length))
        assert.equal(typeof one.name + typeof one.newName + [...one.forgets()].length, 'stringstring0');
    }),
    { examples: [] },
  );
  for (const errno of [-1, -11, -19, 0]) assert.equal(new Request().received(errno), false);
});
