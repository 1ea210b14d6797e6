// Replies of a FUSE server, as bytes: see wire.ts for names and layouts. Pure.
import {
  FUSE_KERNEL_VERSION,
  FUSE_MIN_READ_BUFFER,
  FUSE_NOTIFY_POLL,
  FUSE_NOTIFY_RESEND,
  MAX_WRITE,
  OF_DEVICE,
  OUT_HEADER,
} from './wire.ts';

const TWO_32 = 2 ** 32;

/** struct fuse_attr, as far as it is not 0 here. */
export interface Attributes {
  ino: number;
  /** Type and permissions, as in struct stat. */
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  /** Bytes. */
  size: number;
  /** Of all three times, seconds. */
  time: number;
}

/** How long the kernel may keep attributes: they never change. Seconds. */
const ATTRIBUTES_VALID = 1_000_000_000;

/** Writes replies into a buffer. Each call returns the length of the whole message, which begins at 0. */
export class Reply {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #signed: Int32Array;

  constructor(size: number = 2 * FUSE_MIN_READ_BUFFER) {
    const memory = new ArrayBuffer(size);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#signed = new Int32Array(memory);
  }

  /** A reply without a body: success (0), or `errno` as a positive number. */
  status(uniqueLow: number, uniqueHigh: number, errno = 0): number {
    return this.#header(uniqueLow, uniqueHigh, 0, errno);
  }

  /** One byte of data. */
  byte(uniqueLow: number, uniqueHigh: number, value: number): number {
    this.bytes[OUT_HEADER] = value;
    return this.#header(uniqueLow, uniqueHigh, 1, 0);
  }

  data(uniqueLow: number, uniqueHigh: number, data: Uint8Array): number {
    this.bytes.set(data, OUT_HEADER);
    return this.#header(uniqueLow, uniqueHigh, data.length, 0);
  }

  /** struct fuse_write_out */
  written(uniqueLow: number, uniqueHigh: number, size: number): number {
    this.#words[4] = size;
    this.#words[5] = 0;
    return this.#header(uniqueLow, uniqueHigh, 8, 0);
  }

  /** struct fuse_poll_out */
  polled(uniqueLow: number, uniqueHigh: number, revents: number): number {
    this.#words[4] = revents;
    this.#words[5] = 0;
    return this.#header(uniqueLow, uniqueHigh, 8, 0);
  }

  /** struct fuse_open_out */
  opened(uniqueLow: number, uniqueHigh: number, fh: number, flags: number): number {
    this.#u64(4, fh);
    this.#words[6] = flags;
    this.#words[7] = 0;
    return this.#header(uniqueLow, uniqueHigh, 16, 0);
  }

  /** struct fuse_entry_out; `valid`: seconds that the kernel may keep the name. */
  entry(uniqueLow: number, uniqueHigh: number, { nodeid, attributes, valid }: Entry): number {
    this.#words.fill(0, 4, 4 + 32);
    this.#u64(4, nodeid);
    this.#u64(8, valid);
    this.#u64(10, ATTRIBUTES_VALID);
    this.#attributes(14, attributes);
    return this.#header(uniqueLow, uniqueHigh, 128, 0);
  }

  /** struct fuse_attr_out */
  attributes(uniqueLow: number, uniqueHigh: number, attributes: Attributes): number {
    this.#words.fill(0, 4, 4 + 26);
    this.#u64(4, ATTRIBUTES_VALID);
    this.#attributes(8, attributes);
    return this.#header(uniqueLow, uniqueHigh, 104, 0);
  }

  /** struct fuse_statfs_out of a file system without space. */
  statfs(uniqueLow: number, uniqueHigh: number): number {
    this.#words.fill(0, 4, 4 + 20);
    this.#words[14] = 4096; // bsize
    this.#words[15] = 255; // namelen
    this.#words[16] = 4096; // frsize
    return this.#header(uniqueLow, uniqueHigh, 80, 0);
  }

  /** struct fuse_init_out, from minor 23 on 64 bytes. */
  init(uniqueLow: number, uniqueHigh: number, { minor, flags }: { minor: number; flags: number }): number {
    this.#words.fill(0, 4, 4 + 16);
    this.#words[4] = FUSE_KERNEL_VERSION;
    this.#words[5] = minor;
    this.#words[7] = flags;
    this.#words[8] = 12 | (9 << 16); // max_background, congestion_threshold: what the kernel has by itself
    this.#words[9] = MAX_WRITE;
    this.#words[10] = 1; // time_gran, nanoseconds
    return this.#header(uniqueLow, uniqueHigh, 64, 0);
  }

  /** FUSE_NOTIFY_POLL, which is no reply: whoever waits at the open file `kh` looks again. */
  notifyPoll(khLow: number, khHigh: number): number {
    this.#words[4] = khLow;
    this.#words[5] = khHigh & ~OF_DEVICE;
    const length = this.#header(0, khHigh & OF_DEVICE, 8, 0);
    this.#signed[1] = FUSE_NOTIFY_POLL;
    return length;
  }

  /** FUSE_NOTIFY_RESEND: what was read and not answered comes again. */
  notifyResend(connection: 0 | typeof OF_DEVICE): number {
    const length = this.#header(0, connection, 0, 0);
    this.#signed[1] = FUSE_NOTIFY_RESEND;
    return length;
  }

  /** struct cuse_init_out, and the properties of the device: texts that end with a NUL. */
  deviceInit(uniqueLow: number, uniqueHigh: number, { minor, name }: { minor: number; name: string }): number {
    this.#words.fill(0, 4, 4 + 18);
    this.#words[4] = FUSE_KERNEL_VERSION;
    this.#words[5] = minor;
    this.#words[8] = MAX_WRITE; // max_read
    this.#words[9] = MAX_WRITE;
    const size = this.bytes.write(`DEVNAME=${name}\0`, OUT_HEADER + 72, 'latin1');
    return this.#header(uniqueLow, uniqueHigh, 72 + size, 0);
  }

  /** Whether what was composed is for the character device; its number is then as the kernel knows it. */
  takeOfDevice(): boolean {
    const high = this.#words[3] as number;
    this.#words[3] = high & ~OF_DEVICE;
    return (high & OF_DEVICE) !== 0;
  }

  #header(uniqueLow: number, uniqueHigh: number, body: number, errno: number): number {
    const length = OUT_HEADER + body;
    this.#words[0] = length;
    this.#signed[1] = -errno;
    this.#words[2] = uniqueLow;
    this.#words[3] = uniqueHigh;
    return length;
  }

  #attributes(at: number, { ino, size, mode, nlink, uid, gid, time }: Attributes): void {
    this.#u64(at, ino);
    this.#u64(at + 2, size);
    for (const word of [6, 8, 10]) this.#u64(at + word, time);
    this.#words[at + 15] = mode;
    this.#words[at + 16] = nlink;
    this.#words[at + 17] = uid;
    this.#words[at + 18] = gid;
    this.#words[at + 20] = 4096; // blksize
  }

  #u64(at: number, value: number): void {
    this.#words[at] = value >>> 0;
    this.#words[at + 1] = Math.floor(value / TWO_32);
  }
}

export interface Entry {
  nodeid: number;
  attributes: Attributes;
  /** How long the kernel may keep the name, seconds. */
  valid: number;
}

export interface DirectoryEntry {
  ino: number;
  name: string;
  /** As in struct stat. */
  mode: number;
}

/** struct fuse_dirent, one after the other, beginning with entry number `from` and filling at most `size` bytes. */
export function directory(entries: readonly DirectoryEntry[], from: number, size: number): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  for (const [i, { ino, name, mode }] of entries.entries()) {
    if (i < from) continue;
    const part = Buffer.alloc((24 + name.length + 7) & ~7);
    if (length + part.length > size) break;
    part.writeBigUInt64LE(BigInt(ino), 0);
    part.writeBigUInt64LE(BigInt(i + 1), 8);
    part.writeUInt32LE(name.length, 16);
    part.writeUInt32LE(mode >> 12, 20);
    part.write(name, 24, 'latin1');
    parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts);
}
