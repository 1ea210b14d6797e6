// The kernel's side of a FUSE connection: requests that wait to be read, those that were read and wait for an answer, and
// INTERRUPTs, which go before all others. See request_wait_answer in the kernel's fs/fuse/dev.c.
import assert from 'node:assert/strict';
import os from 'node:os';
import { type Answer, answer, decode, type Fields, type Opcode, request } from '../../nodes/fuse/kernel.ts';

const { ENOENT } = os.constants.errno;

/** What a request is about. */
export interface Asking {
  header: Fields;
  body?: Fields;
  tail?: string;
  /** Called with the answer. */
  answered: (answer: Answer) => void;
}

export class Pending {
  readonly unique: bigint;
  readonly bytes: Buffer;
  readonly answered: (answer: Answer) => void;
  /** The server has read it. */
  sent = false;
  /** A signal came before that. */
  interrupted = false;

  constructor(unique: bigint, bytes: Buffer, answered: (answer: Answer) => void) {
    this.unique = unique;
    this.bytes = bytes;
    this.answered = answered;
  }
}

export class Device {
  readonly #waiting: Pending[] = [];
  readonly #interrupts: Buffer[] = [];
  readonly #sent = new Map<bigint, Pending>();
  readonly #forsaken = new Set<bigint>();
  #next = 2n;
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
    if (!pending.sent) pending.interrupted = true;
    else if (this.#sent.has(pending.unique))
      for (let i = 0; i < times; i++) this.#interrupts.push(interruptOf(pending));
  }

  /** One that nobody read yet is not wanted any more; false when it was read. */
  drop(pending: Pending): boolean {
    const at = this.#waiting.indexOf(pending);
    if (at !== -1) this.#waiting.splice(at, 1);
    return at !== -1;
  }

  receive(buffer: Uint8Array): number {
    const interrupt = this.#interrupts.shift();
    if (interrupt !== undefined) return copied(interrupt, buffer);
    const pending = this.#waiting.shift() as Pending;
    pending.sent = true;
    this.#sent.set(pending.unique, pending);
    if (pending.interrupted) this.interrupt(pending);
    return copied(pending.bytes, buffer);
  }

  reply(bytes: Buffer): number {
    const got = answer(Buffer.from(bytes));
    if (got.unique === 0n) {
      assert.equal(got.error, 1, 'the only notification is that of a poller');
      this.onRing(decode('fuse_notify_poll_wakeup_out', got.body).kh as bigint);
      return bytes.length;
    }
    if (this.#forsaken.delete(got.unique)) return -ENOENT;
    const pending = this.#sent.get(got.unique);
    if (pending === undefined) throw new Error(`${got.unique} is answered though nobody waits for that`);
    this.#sent.delete(got.unique);
    pending.answered(got);
    return bytes.length;
  }

  /** Whoever waits for the answer is gone: it will find nobody. */
  forsake(pending: Pending): true {
    if (this.#sent.delete(pending.unique)) this.#forsaken.add(pending.unique);
    return true;
  }
}

const copied = (bytes: Buffer, to: Uint8Array): number => bytes.copy(to);

const interruptOf = ({ unique }: Pending): Buffer => request('INTERRUPT', { unique: unique | 1n }, { unique });
