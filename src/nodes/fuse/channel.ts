// The line to the kernel: writes replies, one whole message in each call. It knows no meaning.
import { writer } from '../../kernel/io.ts';
import { type Attributes, type Entry, Reply } from './reply.ts';
import type { OF_DEVICE } from './wire.ts';

/** Writes one message; returns its length, or the negative errno. Tests put a kernel of their own here. */
export type Write = (bytes: Buffer, length: number) => number;

export class Channel {
  readonly #reply: Reply;
  readonly #write: Write;

  /** @param reply what messages are composed in */
  constructor(write: Write, reply: Reply = new Reply()) {
    this.#write = write;
    this.#reply = reply;
  }

  /** Success without a body (0), or an errno; false when nobody waits for it any more. */
  error(uniqueLow: number, uniqueHigh: number, errno: number): boolean {
    return this.#send(this.#reply.status(uniqueLow, uniqueHigh, errno));
  }

  /** One byte of data; false when nobody waits for it any more. */
  byte(uniqueLow: number, uniqueHigh: number, value: number): boolean {
    return this.#send(this.#reply.byte(uniqueLow, uniqueHigh, value));
  }

  data(uniqueLow: number, uniqueHigh: number, data: Uint8Array): void {
    this.#send(this.#reply.data(uniqueLow, uniqueHigh, data));
  }

  written(uniqueLow: number, uniqueHigh: number, size: number): void {
    this.#send(this.#reply.written(uniqueLow, uniqueHigh, size));
  }

  polled(uniqueLow: number, uniqueHigh: number, events: number): void {
    this.#send(this.#reply.polled(uniqueLow, uniqueHigh, events));
  }

  opened(uniqueLow: number, uniqueHigh: number, { fh, flags }: { fh: number; flags: number }): boolean {
    return this.#send(this.#reply.opened(uniqueLow, uniqueHigh, fh, flags));
  }

  entry(uniqueLow: number, uniqueHigh: number, entry: Entry): boolean {
    return this.#send(this.#reply.entry(uniqueLow, uniqueHigh, entry));
  }

  attributes(uniqueLow: number, uniqueHigh: number, attributes: Attributes): void {
    this.#send(this.#reply.attributes(uniqueLow, uniqueHigh, attributes));
  }

  statfs(uniqueLow: number, uniqueHigh: number): void {
    this.#send(this.#reply.statfs(uniqueLow, uniqueHigh));
  }

  init(uniqueLow: number, uniqueHigh: number, accepted: { minor: number; flags: number }): void {
    this.#send(this.#reply.init(uniqueLow, uniqueHigh, accepted));
  }

  /** The answer to the one message that a character device begins with. */
  introduced(uniqueLow: number, uniqueHigh: number, device: { minor: number; name: string }): boolean {
    return this.#send(this.#reply.deviceInit(uniqueLow, uniqueHigh, device));
  }

  notifyPoll(khLow: number, khHigh: number): void {
    this.#send(this.#reply.notifyPoll(khLow, khHigh));
  }

  /** False where the kernel cannot do that: before Linux 6.9. `connection`: the mount's (0), or that of the character device. */
  notifyResend(connection: 0 | typeof OF_DEVICE = 0): boolean {
    return this.#send(this.#reply.notifyResend(connection));
  }

  /** ENOENT: the caller was interrupted or killed meanwhile. */
  #send(length: number): boolean {
    return this.#write(this.#reply.bytes, length) === length;
  }
}

/** The channel of the open FUSE device `fd`, and of the character device that is served together with it by `cuse`, if there is one. */
export function deviceChannel(fd: number, cuse?: number): Channel {
  const reply = new Reply();
  const write = writer(fd, reply.bytes);
  if (cuse === undefined) return new Channel((_, length) => write(length), reply);
  const writeToDevice = writer(cuse, reply.bytes);
  return new Channel((_, length) => (reply.takeOfDevice() ? writeToDevice : write)(length), reply);
}
