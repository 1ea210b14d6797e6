// Streams of messages that no kernel would send: of any opcode, with any numbers in them, cut off, gone on, altered in the middle,
// interrupted before, after and twice; callers that nobody knows, that die, and that hear no answer. Whatever comes, nothing
// throws, what can be understood is answered once, and the ledger has everything back when the callers have ended.
import assert from 'node:assert/strict';
import os from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ledger } from '../../../src/core/ledger.ts';
import type { Client } from '../../../src/core/types.ts';
import type { Thread } from '../../../src/nodes/caller.ts';
import { FileNode } from '../../../src/nodes/file.ts';
import { Channel } from '../../../src/nodes/fuse/channel.ts';
import { Directory } from '../../../src/nodes/fuse/directory.ts';
import { type Host, Session, type Shown } from '../../../src/nodes/fuse/session.ts';
import { OF_DEVICE, Request } from '../../../src/nodes/fuse/wire.ts';
import { rounds } from '../../helpers/rounds.ts';
import { answer, decode, encode, fieldsOf, REQUESTS, type Struct, sizeOf } from './kernel.ts';

const { ENOENT, EACCES } = os.constants.errno;
const PEOPLE = 5;
const OPCODES = Object.entries(REQUESTS).map(([name, { code }]) => ({ name, code }));
/** What the kernel waits for no answer to. */
const SILENT = new Set<number>([REQUESTS.FORGET.code, REQUESTS.BATCH_FORGET.code, REQUESTS.INTERRUPT.code]);
const NAMES = [
  'jobserver',
  'status',
  'api.sock',
  'README',
  '.own',
  'wake',
  'alarm',
  '16',
  '',
  'a\0b',
  '\xff'.repeat(255),
];

/** One thing that happens. What is picked by a number is picked among what there is. */
type Event =
  | { do: 'send'; opcode: number; who: number; numbers: number[]; name: string; change: Change }
  /** A request is sent again under its number. */
  | { do: 'again'; which: number }
  | { do: 'interrupt'; which: number }
  /** What was asked about callers is answered. */
  | { do: 'answer'; count: number }
  | { do: 'die'; who: number }
  | { do: 'pass'; ms: number }
  /** Whether answers about callers come late; whether the answers to the next requests find nobody. */
  | { do: 'late'; on: boolean }
  | { do: 'unheard'; count: number };

/** What is done to a message before it is sent. */
type Change = { cut: number } | { more: number } | { word: number; value: number } | undefined;

const often = ['READ', 'WRITE', 'POLL', 'OPEN', 'LOOKUP', 'RELEASE'].map((name) => REQUESTS[name as 'READ'].code);
const opcode = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...often) },
  { weight: 3, arbitrary: fc.constantFrom(...OPCODES.map(({ code }) => code)) },
  { weight: 1, arbitrary: fc.nat(2 ** 32 - 1) },
);
const number = fc.oneof({ weight: 4, arbitrary: fc.nat(6) }, { weight: 1, arbitrary: fc.nat(2 ** 32 - 1) });
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.record({ cut: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ more: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ word: fc.nat(30), value: fc.oneof(fc.nat(8), fc.nat(2 ** 32 - 1)) }) },
);
const sent: fc.Arbitrary<Event> = fc.record({
  do: fc.constant('send' as const),
  opcode,
  who: fc.nat(PEOPLE + 1),
  numbers: fc.array(number, { minLength: 6, maxLength: 6 }),
  name: fc.constantFrom(...NAMES),
  change,
});
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 40, arbitrary: sent },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('again' as const), which: fc.nat(20) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('interrupt' as const), which: fc.nat(40) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), who: fc.nat(PEOPLE) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 5, 20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('late' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unheard' as const), count: fc.nat(3) }) },
);

class Person {
  readonly client: Client;
  alive = true;

  constructor(client: Client) {
    this.client = client;
  }
}

/** A session, and a kernel that sends it anything. */
class Line {
  messages = 0;
  #now = 1000;
  readonly #ledger: Ledger;
  readonly #file: FileNode;
  readonly #session: Session;
  readonly #request = new Request();
  readonly #people = new Map<number, Person>();
  readonly #threads = new Map<number, Thread>();
  readonly #questions: (() => void)[] = [];
  /** How often each number was asked under, and answered; and what was sent, in order. */
  readonly #asked = new Map<bigint, number>();
  readonly #answered = new Map<bigint, number>();
  readonly #sent: Buffer[] = [];
  readonly #handles: bigint[] = [];
  #next = 2n;
  #late = false;
  #unheard = 0;
  #owed = 0;

  constructor(capacity: number) {
    this.#ledger = new Ledger(capacity, (waiter) => assert.ok(this.#file.grant(waiter)), { audit: true });
    const channel = new Channel((bytes, length) => this.#written(bytes.subarray(0, length)));
    this.#file = new FileNode(this.#ledger, channel, { recall: () => {}, now: () => this.#now });
    const directory = new Directory({ mode: 0o666, gid: 0 });
    const pipe = directory.newPipe();
    const shown: Shown[] = [{ node: 'file' }, { node: 'pipe', id: pipe }, { node: 'none', errno: EACCES }];
    this.#session = new Session({ channel, file: this.#file, host: this.#host(shown), directory });
    const builds = [this.#ledger.openBuild(), this.#ledger.openBuild()];
    for (let who = 0; who < PEOPLE; who++) {
      const build = builds[who % 2] as (typeof builds)[0];
      if (who < 2) this.#ledger.charge(this.#ledger.openClient(build, 'implicit')); // so that there is something to lend
      this.#people.set(who, new Person(this.#ledger.openClient(build, 'exact')));
    }
  }

  play(event: Event): void {
    switch (event.do) {
      case 'send':
        this.#deliver(altered(this.#message(event), event.change));
        break;
      case 'again':
        if (this.#sent.length > 0) this.#deliver(this.#sent[event.which % this.#sent.length] as Buffer);
        break;
      case 'interrupt':
        this.#deliver(
          message(
            REQUESTS.INTERRUPT.code,
            { unique: BigInt(event.which) | 1n },
            encode('fuse_interrupt_in', { unique: BigInt(event.which) * 2n }),
          ),
        );
        break;
      case 'answer':
        for (const question of this.#questions.splice(0, event.count)) question();
        break;
      case 'die':
        this.#die(event.who);
        break;
      case 'pass':
        this.#now += event.ms;
        break;
      case 'late':
        this.#late = event.on;
        break;
      case 'unheard':
        this.#unheard = event.count;
    }
    this.#settle();
  }

  /** Everybody ends: what is owed is answered, and what was taken is back. */
  end(): void {
    this.#unheard = 0;
    for (let question = this.#questions.shift(); question !== undefined; question = this.#questions.shift()) question();
    for (const who of this.#people.keys()) this.#die(who);
    this.#settle();
    for (const build of this.#ledger.builds) this.#ledger.closeBuild(build);
    const { free, capacity, waiting } = this.#ledger;
    assert.deepEqual([free, waiting, this.#session.parked], [capacity, 0, 0]);
    assert.equal(this.#file.nextLook(), Number.POSITIVE_INFINITY);
    for (const [unique, asked] of this.#asked) {
      const answers = this.#answered.get(unique) ?? 0;
      if (asked === 1) assert.equal(answers, 1, `${unique} is answered once`);
      else
        assert.ok(
          answers > 0 && answers <= asked,
          `${unique} is answered ${answers} times and was asked ${asked} times`,
        );
    }
  }

  #message({ opcode, who, numbers, name }: Extract<Event, { do: 'send' }>): Buffer {
    const [n = 0, fh = 0, size = 0, flags = 0, node = 0, other = 0] = numbers;
    const unique = this.#next;
    this.#next += 2n;
    const handle = this.#handles[fh] ?? BigInt(fh);
    const values: Record<string, number | bigint> = {
      fh: handle,
      kh: handle,
      size,
      read_flags: other % 4 === 3 ? other : 2,
      // Whether a read blocks, and whether a poll is to be told.
      flags: flags % 2 === 0 ? 0o4002 : flags,
      lock_owner: BigInt(other),
      count: n,
      offset: BigInt(n),
      unique: BigInt(2 * n),
      mask: n,
      valid: n,
      major: n === 0 ? 7 : n,
      minor: n < 7 ? 31 + n : n,
      mode: n % 2 === 0 ? 0o140666 : n,
    };
    const struct: Struct | undefined = Object.values(REQUESTS).find(({ code }) => code === opcode)?.struct;
    const names = struct === undefined ? [] : fieldsOf(struct).map((field) => field.name);
    const body =
      struct &&
      encode(struct, Object.fromEntries(names.flatMap((key) => (key in values ? [[key, values[key] as number]] : []))));
    const nodeid = opcode === REQUESTS.LOOKUP.code ? [1, 1, 1, 6, 2][node % 5] : [2, 2, 2, 1, 4, 5, 6, 16][node % 8];
    const header = { unique, nodeid: nodeid as number, pid: who, uid: 1000, gid: 100 };
    return message(opcode, header, Buffer.concat([body ?? Buffer.alloc(0), Buffer.from(`${name}\0`, 'latin1')]));
  }

  #deliver(bytes: Buffer): void {
    this.messages++;
    bytes.copy(this.#request.bytes);
    if (!this.#request.received(bytes.length)) return;
    const { opcode } = this.#request;
    const unique = bytes.readBigUInt64LE(8);
    if (!SILENT.has(opcode)) {
      this.#asked.set(unique, (this.#asked.get(unique) ?? 0) + 1);
      this.#sent.push(Buffer.from(bytes));
    }
    this.#session.handle(this.#request);
    this.#request.bytes.fill(0xee); // the next request comes into the same buffer
  }

  #written(bytes: Buffer): number {
    const { unique, error, body } = answer(bytes);
    if (unique === 0n) {
      assert.equal(error, 1, 'the only notification is that of a poller');
      decode('fuse_notify_poll_wakeup_out', body);
      return bytes.length;
    }
    assert.ok(this.#asked.has(unique), `${unique} was asked`);
    this.#answered.set(unique, (this.#answered.get(unique) ?? 0) + 1);
    if (this.#unheard > 0) {
      this.#unheard--;
      return -ENOENT;
    }
    if (body.length === sizeOf('fuse_open_out')) this.#handles.push(decode('fuse_open_out', body).fh as bigint);
    return bytes.length;
  }

  #die(who: number): void {
    const person = this.#people.get(who);
    if (person === undefined) return;
    this.#people.delete(who);
    person.alive = false;
    this.#threads.delete(who);
    this.#file.gone(person.client);
  }

  #settle(): void {
    while (this.#file.nextLook() <= this.#now) this.#file.settle();
    this.#ledger.audit();
    assert.ok(this.#ledger.free <= this.#ledger.capacity, 'nobody makes the pool larger');
  }

  #host(shown: readonly Shown[]): Host {
    const ask = (question: () => void) => {
      if (this.#late) this.#questions.push(question);
      else question();
    };
    return {
      show: ({ tid }, reply) => ask(() => reply(shown[tid % 3] as Shown)),
      thread: (tid) => this.#threads.get(tid),
      identify: ({ tid }, reply) => ask(() => reply(this.#identify(tid))),
      opened: () => {},
      bound: () => {},
      owe: () => this.#owe(),
      own: (tid) => tid === PEOPLE,
      status: (reply) => ask(() => reply('{}')),
      ready: () => {},
      tooOld: () => {},
      owner: (uid) => uid,
    };
  }

  /** Not more than a few answers can be put off. */
  #owe(): (() => void) | undefined {
    if (this.#owed === 2) return undefined;
    this.#owed++;
    return () => this.#owed--;
  }

  #identify(tid: number): Thread | number {
    const caller = this.#people.get(tid);
    if (caller === undefined) return EACCES;
    const thread = this.#threads.get(tid) ?? { tid, caller, ownerLow: 0, ownerHigh: 0 };
    this.#threads.set(tid, thread);
    return thread;
  }
}

function message(opcode: number, header: Record<string, number | bigint>, rest: Buffer): Buffer {
  const len = sizeOf('fuse_in_header') + rest.length;
  return Buffer.concat([encode('fuse_in_header', { ...header, len, opcode }), rest]);
}

/** Cut off, gone on, or with another word in it. The length it says is mostly the one that it has. */
function altered(bytes: Buffer, change: Change): Buffer {
  if (change === undefined) return bytes;
  if ('word' in change) {
    const at = (4 * change.word) % (bytes.length & ~3);
    // The kernel counts polls from 1: it never comes to the bit by which the device's are told apart.
    const counted = at === 52 && bytes.readUInt32LE(4) === REQUESTS.POLL.code;
    bytes.writeUInt32LE((counted ? change.value & ~OF_DEVICE : change.value) >>> 0, at);
    if (bytes.readBigUInt64LE(8) === 0n) bytes.writeUInt32LE(1, 8); // the number of what is no request
    return bytes;
  }
  const result =
    'cut' in change
      ? bytes.subarray(0, Math.max(0, bytes.length - change.cut))
      : Buffer.concat([bytes, Buffer.alloc(change.more, 0x41)]);
  if (result.length >= 4) result.writeUInt32LE(result.length, 0);
  return result;
}

test('whatever messages come, each is answered once and every slot comes back', (t) => {
  let messages = 0;
  const property = fc.property(
    fc.integer({ min: 1, max: 4 }),
    fc.array(event, { size: '+1', maxLength: 120 }),
    (capacity, events) => {
      const line = new Line(capacity);
      for (const one of events) line.play(one);
      line.end();
      messages += line.messages;
    },
  );
  fc.assert(property, rounds(t, 1000));
  t.diagnostic(`${messages} messages`);
});
