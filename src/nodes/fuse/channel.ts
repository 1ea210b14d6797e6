// The line to the kernel: receives requests and writes replies, one whole message in each call. It knows no meaning.
import { readBytes, writeBytes } from '../../kernel/io.ts';
import { type Attributes, type Entry, Reply, type Request } from './wire.ts';

/** Writes one message; returns its length, or the negative errno. Tests put a kernel of their own here. */
export type Write = (bytes: Buffer, length: number) => number;

export class Channel {
  readonly #reply = new Reply();
  readonly #write: Write;

  constructor(write: Write) {
    this.#write = write;
  }

  /** Success without a body (0), or an errno. */
  error(uniqueLow: number, uniqueHigh: number, errno: number): void {
    this.#send(this.#reply.status(uniqueLow, uniqueHigh, errno));
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

  notifyPoll(khLow: number, khHigh: number): void {
    this.#send(this.#reply.notifyPoll(khLow, khHigh));
  }

  /** ENOENT: the caller was interrupted or killed meanwhile. */
  #send(length: number): boolean {
    return this.#write(this.#reply.bytes, length) === length;
  }
}

/** The channel of the open FUSE device `fd`. */
export const deviceChannel = (fd: number): Channel => new Channel((bytes, length) => writeBytes(fd, bytes, length));

/** Receives the next request from the FUSE device `fd`: its length, or the negative errno. */
export const receive = (fd: number, request: Request): number => readBytes(fd, request.bytes, request.bytes.length);
