// The kernel's side of a FUSE connection: requests that wait to be read, those that were read and wait for an answer, and
// INTERRUPTs, which go before all others unless they are told to come late. See request_wait_answer and fuse_resend in the kernel's
// fs/fuse/dev.c.
import assert from 'node:assert/strict';
import os from 'node:os';
import { type Answer, answer, decode, type Fields, type Opcode, request } from '../../nodes/fuse/kernel.ts';

const { ENOENT } = os.constants.errno;
/** The only notifications: that of a poller, and the wish to read again what was not answered. */
const NOTIFY_POLL = 1;
const NOTIFY_RESEND = 7;
/** In the number of a request that is read again. */
const RESENT = 1n << 63n;
/** Where a request has its number, and whose it is. */
const UNIQUE_AT = 8;
const PID_AT = 32;

/** What a request is about. */
export interface Asking {
  header: Fields;
  body?: Fields;
  tail?: string;
  /** Called with the answer. */
  answered: (answer: Answer) => void;
}

export class Pending {
  unique: bigint;
  readonly bytes: Buffer;
  readonly answered: (answer: Answer) => void;
  /** The server has read it. */
  sent = false;
  /** A signal came. */
  interrupted = false;

  constructor(unique: bigint, bytes: Buffer, answered: (answer: Answer) => void) {
    this.unique = unique;
    this.bytes = bytes;
    this.answered = answered;
  }

  /** It is read again under another number. */
  again(): void {
    this.sent = false;
    this.unique |= RESENT;
    this.bytes.writeBigUInt64LE(this.unique, UNIQUE_AT);
  }
}

export class Device {
  #waiting: Pending[] = [];
  readonly #interrupts: Pending[] = [];
  readonly #sent = new Map<bigint, Pending>();
  readonly #forsaken = new Set<bigint>();
  #next = 2n;
  /** INTERRUPTs come after all that waits: in their order, or the last one first. */
  late: 'no' | 'in order' | 'last first' = 'no';
  /** Answers to what nobody has asked are no mistake: the server tries numbers. */
  guesses = false;
  /** Called with the handle of an open file whose pollers are to look again. */
  onRing: (handle: bigint) => void = () => {};

  /** Nothing waits to be read. */
  get empty(): boolean {
    return this.#waiting.length === 0 && this.#interrupts.length === 0;
  }

  /** Requests that were read and not answered. */
  get unanswered(): number {
    return this.#sent.size;
  }

  ask(opcode: Opcode, { header, body = {}, tail = '', answered }: Asking): Pending {
    const unique = this.#next;
    this.#next += 2n;
    const pending = new Pending(unique, request(opcode, { ...header, unique }, body, tail), answered);
    this.#waiting.push(pending);
    return pending;
  }

  /** A signal came to whoever waits for the answer, `times` in a row. */
  interrupt(pending: Pending, times = 1): void {
    pending.interrupted = true;
    if (this.#sent.has(pending.unique)) for (let i = 0; i < times; i++) this.#interrupts.push(pending);
  }

  /** One that nobody read yet is not wanted any more; false when it was read. */
  drop(pending: Pending): boolean {
    const at = this.#waiting.indexOf(pending);
    if (at !== -1) this.#waiting.splice(at, 1);
    return at !== -1;
  }

  receive(buffer: Uint8Array): number {
    const interrupt = this.#waiting.length === 0 || this.late === 'no' ? this.#nextInterrupt() : undefined;
    if (interrupt !== undefined) return copied(interruptOf(interrupt), buffer);
    const pending = this.#waiting.shift() as Pending;
    pending.sent = true;
    this.#sent.set(pending.unique, pending);
    if (pending.interrupted) this.interrupt(pending);
    return copied(pending.bytes, buffer);
  }

  reply(bytes: Buffer): number {
    const got = answer(Buffer.from(bytes));
    if (got.unique === 0n) {
      this.#notified(got);
      return bytes.length;
    }
    if (this.#forsaken.delete(got.unique)) return -ENOENT;
    const pending = this.#sent.get(got.unique);
    if (pending === undefined) {
      if (this.guesses) return -ENOENT;
      throw new Error(`${got.unique} is answered though nobody waits for that`);
    }
    this.#sent.delete(got.unique);
    pending.answered(got);
    return bytes.length;
  }

  /** Whoever waits for the answer is gone: it will find nobody. */
  forsake(pending: Pending): true {
    if (this.#sent.delete(pending.unique)) this.#forsaken.add(pending.unique);
    return true;
  }

  /** The process `pid`, a server, was killed: what it waits for itself is asked by nobody whom the next one knows. */
  orphan(pid: number): void {
    const isHis = ({ bytes }: Pending) => bytes.readUInt32LE(PID_AT) === pid;
    this.#waiting = this.#waiting.filter((pending) => !isHis(pending));
    for (const pending of this.#sent.values()) {
      if (!isHis(pending)) continue;
      pending.bytes.writeUInt32LE(NOBODY, PID_AT);
      this.interrupt(pending);
    }
  }

  #notified({ error, body }: Answer): void {
    if (error === NOTIFY_RESEND) {
      this.#resend();
      return;
    }
    assert.equal(error, NOTIFY_POLL, 'a notification that is known');
    this.onRing(decode('fuse_notify_poll_wakeup_out', body).kh as bigint);
  }

  /** What was read and not answered is read again before all else, in the order of a hash. */
  #resend(): void {
    const again = [...this.#sent.values()].sort((a, b) => hash(a) - hash(b));
    this.#sent.clear();
    this.#forsaken.clear();
    for (const pending of again) pending.again();
    this.#waiting.unshift(...again);
  }

  #nextInterrupt(): Pending | undefined {
    return this.late === 'last first' ? this.#interrupts.pop() : this.#interrupts.shift();
  }
}

/** No thread has this number. */
const NOBODY = 2;

const copied = (bytes: Buffer, to: Uint8Array): number => bytes.copy(to);

const hash = ({ unique }: Pending): number => Number((unique * 0x9e3779b1n) & 0xffn);

const interruptOf = ({ unique }: Pending): Buffer => request('INTERRUPT', { unique: unique | 1n }, { unique });
