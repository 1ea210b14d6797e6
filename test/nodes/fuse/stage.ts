// A session with its file node and ledger, and around it a fake kernel and a fake engine: everything in one process, with a clock
// that stands still until a test moves it.
import assert from 'node:assert/strict';
import os from 'node:os';
import { Ledger } from '../../../src/core/ledger.ts';
import type { Build, Client } from '../../../src/core/types.ts';
import type { Thread } from '../../../src/nodes/caller.ts';
import { FileNode } from '../../../src/nodes/file.ts';
import { Channel } from '../../../src/nodes/fuse/channel.ts';
import { Directory } from '../../../src/nodes/fuse/directory.ts';
import { type Host, Session, type Shown } from '../../../src/nodes/fuse/session.ts';
import { Request } from '../../../src/nodes/fuse/wire.ts';
import {
  type Answer,
  answer,
  decode,
  type Fields,
  type Opcode,
  REQUESTS,
  request,
  type Struct,
  sizeOf,
} from './kernel.ts';

const { EACCES, ENOENT } = os.constants.errno;
const errnoNames = new Map<number, string>();
for (const [name, number] of Object.entries(os.constants.errno))
  if (!errnoNames.has(number)) errnoNames.set(number, name);

/** Node ids: fixed in the session, and what clients see as inode numbers. */
export const INODE = { root: 1, node: 2, socket: 3, status: 4, readme: 5, own: 6, firstPipe: 16 } as const;

const POLLIN = 1;
export const O_NONBLOCK = 0o4000;
/** What a session of a stage is mounted with. */
export const MODE = 0o660;
export const GROUP = 250;
/** The thread that counts as the daemon's own. */
export const OWN = 1;

/** A process, by default of one thread. */
export interface Person {
  alive: boolean;
  client: Client;
  readonly build: Build;
  readonly tids: number[];
  /** What stands for its table of open files. */
  readonly owner: bigint;
}

export class Stage {
  /** Milliseconds. */
  now = 1000;
  readonly ledger: Ledger;
  readonly file: FileNode;
  readonly directory = new Directory({ mode: MODE, gid: GROUP });
  readonly session: Session;
  /** What was answered, by the unique of the request. */
  readonly answers = new Map<bigint, Answer>();
  /** Poll handles that were rung, in order. */
  readonly rung: bigint[] = [];
  /** Requests whose callers are gone: whoever answers gets ENOENT. */
  readonly unheard = new Set<bigint>();
  /** How often a slot was looked for that lies unused elsewhere, and what is done then. */
  recalls = 0;
  onRecall = (): void => {};
  /** Whether the engine's look-ups wait for `lookUp`. */
  late = false;
  readonly #questions: (() => void)[] = [];
  /** What a caller of LOOKUP is shown. */
  shown: (tid: number) => Shown = () => ({ node: 'file' });
  statusText = '{}';
  readonly told: string[] = [];
  /** Writes whose answer is put off. */
  readonly owed = new Set<number>();
  /** Whether no answer can be put off any more. */
  owesNoMore = false;
  readonly people = new Map<number, Person>();
  /** Threads the engine knows. */
  readonly threads = new Map<number, Thread>();
  /** The number of the next request. */
  next = 2n;
  readonly #asked = new Set<bigint>();
  readonly #request = new Request();
  #nextTid = 1000;
  #busy = false;

  constructor(capacity: number) {
    this.ledger = new Ledger(capacity, (waiter) => assert.ok(this.file.grant(waiter)), { audit: true });
    const channel = new Channel((bytes, length) => this.#written(Buffer.from(bytes.subarray(0, length))));
    this.file = new FileNode(this.ledger, channel, {
      recall: () => {
        this.recalls++;
        this.onRecall();
      },
      now: () => this.now,
    });
    const { directory } = this;
    this.session = new Session({ channel, file: this.file, host: this.#host(), directory });
  }

  person(build: Build = this.ledger.openBuild(), threads = 1): Person {
    const tids = Array.from({ length: threads }, () => this.#nextTid++);
    const client = this.ledger.openClient(build, 'exact');
    const person = { alive: true, client, build, tids, owner: 0x1_0000_0007n * BigInt(tids[0] as number) };
    for (const tid of tids) this.people.set(tid, person);
    return person;
  }

  /** The process ends, as its pidfd tells. Whatever it waits for, the kernel has dropped. */
  die(person: Person): void {
    person.alive = false;
    for (const tid of person.tids) {
      this.people.delete(tid);
      this.threads.delete(tid);
    }
    this.file.gone(person.client);
    this.engine();
  }

  /** Sends one request, and returns its unique. */
  send(opcode: Opcode, header: Fields = {}, body: Fields = {}, tail: Buffer | string = ''): bigint {
    const unique = this.next;
    this.next += 2n;
    this.#asked.add(unique);
    this.deliver(request(opcode, { nodeid: INODE.root, ...header, unique }, body, tail));
    return unique;
  }

  /** The same with anything behind the header, filled up with zeros where that is too short. */
  sendRaw(opcode: Opcode, header: Fields, rest: Buffer): bigint {
    const { struct } = REQUESTS[opcode];
    const whole = Buffer.alloc(Math.max(rest.length, struct === undefined ? 0 : sizeOf(struct)));
    rest.copy(whole);
    const unique = this.next;
    this.next += 2n;
    this.#asked.add(unique);
    const bytes = request('LOOKUP', { ...header, unique }, {}, whole);
    bytes.writeUInt32LE(REQUESTS[opcode].code, 4);
    this.deliver(bytes);
    return unique;
  }

  deliver(bytes: Buffer): void {
    bytes.copy(this.#request.bytes);
    assert.ok(this.#request.received(bytes.length));
    this.session.handle(this.#request);
    this.#request.bytes.fill(0xee); // the next request comes into the same buffer
    this.engine();
  }

  /** What the engine does in its passes: no more than it is asked for. */
  engine(): void {
    while (!this.#busy && this.file.nextLook() <= this.now) this.file.settle();
    this.ledger.audit();
  }

  /** All that `act` sends comes in one pass of the engine. */
  together(act: () => void): void {
    this.#busy = true;
    act();
    this.#busy = false;
    this.engine();
  }

  /** Time goes on. */
  pass(ms: number): void {
    this.now += ms;
    this.engine();
  }

  /** The engine gets the answers to what it has asked. */
  lookUp(): number {
    const questions = this.#questions.splice(0);
    for (const question of questions) question();
    this.engine();
    return questions.length;
  }

  /** How a request ended: `ok`, the name of the error, or undefined when it was not answered yet. */
  end(unique: bigint): string | undefined {
    const got = this.answers.get(unique);
    if (got === undefined) return undefined;
    return got.error === 0 ? 'ok' : errnoNames.get(-got.error);
  }

  // What processes do.

  as({ tids, owner }: Person, nodeid: number = INODE.node): { header: Fields; owner: bigint } {
    return { header: { nodeid, pid: tids[0] as number, uid: 1000, gid: 100 }, owner };
  }

  /** Opens the node; its file handle. */
  open(person: Person): bigint {
    const unique = this.send('OPEN', this.as(person).header, { flags: 2 });
    assert.equal(this.end(unique), 'ok');
    return this.body('fuse_open_out', unique).fh as bigint;
  }

  read(person: Person, fh: bigint, { flags = 2, size = 1, thread = 0 } = {}): bigint {
    const { header, owner } = this.as(person);
    const pid = person.tids[thread] as number;
    return this.send('READ', { ...header, pid }, { fh, size, flags, read_flags: 2, lock_owner: owner });
  }

  /** A read that does not block. */
  tryRead(person: Person, fh: bigint): string | undefined {
    return this.end(this.read(person, fh, { flags: 2 | O_NONBLOCK }));
  }

  write(person: Person, fh: bigint, count = 1): bigint {
    const { header, owner } = this.as(person);
    return this.send('WRITE', header, { fh, size: count, flags: 2, lock_owner: owner }, Buffer.alloc(count, 0x2b));
  }

  poll(person: Person, fh: bigint, { notify = true, thread = 0 } = {}): bigint {
    const pid = person.tids[thread] as number;
    const body = { fh, kh: handleOf(fh), flags: notify ? 1 : 0, events: 5 };
    return this.send('POLL', { ...this.as(person).header, pid }, body);
  }

  /** Whether a POLL said that there is something to read. */
  readable(unique: bigint): boolean {
    return (Number(this.body('fuse_poll_out', unique).revents) & POLLIN) !== 0;
  }

  interrupt(unique: bigint): void {
    this.deliver(request('INTERRUPT', { unique: unique | 1n }, { unique }));
  }

  release(fh: bigint): bigint {
    return this.send('RELEASE', { nodeid: INODE.node }, { fh });
  }

  lookup(name: string, header: Fields = {}): bigint {
    return this.send('LOOKUP', header, {}, `${name}\0`);
  }

  body(struct: Struct, unique: bigint): Fields {
    return decode(struct, (this.answers.get(unique) as Answer).body);
  }

  #written(bytes: Buffer): number {
    const got = answer(bytes);
    if (got.unique === 0n) {
      assert.equal(got.error, 1, 'the only notification is that of a poller');
      this.rung.push(decode('fuse_notify_poll_wakeup_out', got.body).kh as bigint);
      return bytes.length;
    }
    assert.ok(this.#asked.has(got.unique), `${got.unique} was asked`);
    if (this.unheard.has(got.unique)) return -ENOENT;
    assert.ok(!this.answers.has(got.unique), `${got.unique} is answered once`);
    this.answers.set(got.unique, got);
    return bytes.length;
  }

  #host(): Host {
    const ask = (question: () => void) => {
      if (this.late) this.#questions.push(question);
      else question();
    };
    return {
      show: ({ tid }, reply) => ask(() => reply(this.shown(tid))),
      thread: (tid) => this.threads.get(tid),
      identify: ({ tid }, reply) => ask(() => reply(this.#identify(tid))),
      opened: () => this.told.push('opened'),
      owe: ({ unique }) => {
        if (this.owesNoMore) return undefined;
        this.owed.add(unique);
        return () => this.owed.delete(unique);
      },
      own: (tid) => tid === OWN,
      status: (reply) => ask(() => reply(this.statusText)),
      ready: ({ minor }) => this.told.push(`ready ${minor}`),
      bound: () => this.told.push('bound'),
      owner: (uid) => uid,
      tooOld: (minor) => this.told.push(`too old ${minor}`),
    };
  }

  #identify(tid: number): Thread | number {
    const person = this.people.get(tid);
    if (person === undefined) return EACCES;
    const known = this.threads.get(tid);
    if (known?.caller === person) return known;
    const thread = { tid, caller: person, ownerLow: 0, ownerHigh: 0 };
    this.threads.set(tid, thread);
    return thread;
  }
}

/** What the kernel knows an open file by, when it is polled. */
export const handleOf = (fh: bigint): bigint => (fh << 33n) | 5n;

/** A process that has the node open. */
export function opener(stage: Stage, person = stage.person()): { person: Person; fh: bigint } {
  return { person, fh: stage.open(person) };
}

/** Takes every slot there is, for somebody who has nothing else to do with the test. */
export function takeAll(stage: Stage): { person: Person; fh: bigint } {
  const { person, fh } = opener(stage);
  while (stage.tryRead(person, fh) === 'ok');
  return { person, fh };
}
