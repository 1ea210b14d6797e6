// The messages between the kernel and a FUSE server, as bytes: names and layouts are those of the kernel's linux/fuse.h,
// protocol 7.31 to 7.45, native byte order (little-endian on every machine that Node runs on). Pure: it knows no descriptor.
//
// Numbers of 64 bits that only travel back (unique, kh, lock_owner) are kept as two halves, low and high: a hot path must
// not make BigInts. Node ids and file handles are ours and stay below 2^32.

export const FUSE_KERNEL_VERSION = 7;
/** The oldest minor version that is spoken: Linux 5.4. */
export const FUSE_OLDEST_MINOR = 31;
/** The newest minor version that is known here; the kernel follows ours where it is lower. */
export const FUSE_NEWEST_MINOR = 45;

/** enum fuse_opcode */
export const OP = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  BATCH_FORGET: 42,
  RENAME2: 45,
} as const;
/** The opcode of the one message that only a character device sends, first of all. */
export const CUSE_INIT = 4096;

/** Flags of fuse_init_in and fuse_init_out. */
export const FUSE_PARALLEL_DIROPS = 1 << 18;
/** There are more flags, in a word of their own; and one of those. */
const FUSE_INIT_EXT = 1 << 30;
const FUSE_HAS_RESEND = 1 << 7;

/** Flags of fuse_open_out. */
export const FOPEN_DIRECT_IO = 1 << 0;
export const FOPEN_STREAM = 1 << 4;
/** From minor 35 on: the kernel does not tell, nor wait for us, when a descriptor is closed. */
export const FOPEN_NOFLUSH = 1 << 5;
/** From minor 38 on: writes need not wait for each other, as long as they stay within the size of the file. */
export const FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6;

/** Flag of fuse_read_in: a process reads, whose `lock_owner` is told. Without it the kernel fills its memory. */
export const FUSE_READ_LOCKOWNER = 1 << 1;

/** Flag of fuse_poll_in: tell when it becomes ready. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1;
export const FUSE_NOTIFY_POLL = 1;
/** What was read and not answered is to be read again. */
export const FUSE_NOTIFY_RESEND = 7;
/** In the upper half of a unique: it is read again. */
const FUSE_UNIQUE_RESEND = 1 << 31;
/**
 * In the upper half of a number that the kernel has given (unique, kh): it is one of the character device's connection. The bit is
 * ours: numbers of the two connections would be the same, and the kernel counts no further than 2^52 in the life of a machine.
 */
export const OF_DEVICE = 1 << 20;

/** FATTR_MODE, FATTR_UID, FATTR_GID of fuse_setattr_in. */
const FATTR_OWNER_OR_MODE = 1 | 2 | 4;

/** The smallest buffer that the kernel reads into is willing to use, bytes (FUSE_MIN_READ_BUFFER). */
export const FUSE_MIN_READ_BUFFER = 8192;
/** The largest write in one request, bytes; the kernel takes no less. */
export const MAX_WRITE = 4096;

/** sizeof(struct fuse_in_header) */
export const IN_HEADER = 40;
/** sizeof(struct fuse_out_header) */
export const OUT_HEADER = 16;
const TWO_32 = 2 ** 32;

/** sizeof the fixed part that follows the header, by opcode; a request that is shorter is broken. */
const BODY_SIZE: Readonly<Record<number, number>> = {
  [OP.FORGET]: 8,
  [OP.GETATTR]: 16,
  [OP.SETATTR]: 88,
  [OP.MKNOD]: 16,
  [OP.OPEN]: 8,
  [OP.READ]: 40,
  [OP.WRITE]: 40,
  [OP.RELEASE]: 24,
  [OP.FLUSH]: 24,
  [OP.INIT]: 16,
  [OP.OPENDIR]: 8,
  [OP.READDIR]: 40,
  [OP.RELEASEDIR]: 24,
  [OP.ACCESS]: 8,
  [OP.INTERRUPT]: 8,
  [OP.POLL]: 24,
  [OP.BATCH_FORGET]: 8,
  [CUSE_INIT]: 16,
};

/** One request in a buffer. The getters read the buffer: they are valid until the next request is received into it. */
export class Request {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  #length = 0;

  /** A request in a buffer of its own that can hold `size` bytes. */
  constructor(size: number = FUSE_MIN_READ_BUFFER) {
    const memory = new ArrayBuffer(size);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
  }

  /** A copy that stays. */
  copy(): Request {
    const copy = new Request((this.#length + 3) & ~3);
    this.bytes.copy(copy.bytes, 0, 0, this.#length);
    copy.#length = this.#length;
    return copy;
  }

  /** `length` bytes were received; false when they are no request that can be understood. */
  received(length: number): boolean {
    this.#length = length;
    if (length < IN_HEADER || this.#word(0) !== length) return false;
    return length >= IN_HEADER + (BODY_SIZE[this.opcode] ?? 0);
  }

  /** It was received from the character device, where there is only the node `nodeid`: from now on its numbers say so. */
  markOfDevice(nodeid: number): void {
    const words = this.#words;
    words[3] = this.#word(3) | OF_DEVICE;
    words[4] = nodeid;
    words[5] = 0;
    if (this.opcode === OP.POLL) words[13] = this.#word(13) | OF_DEVICE;
    if (this.opcode === OP.INTERRUPT) words[11] = this.#word(11) | OF_DEVICE;
  }

  // struct fuse_in_header: len, opcode, unique, nodeid, uid, gid, pid, total_extlen
  get opcode(): number {
    return this.#word(1);
  }
  get uniqueLow(): number {
    return this.#word(2);
  }
  get uniqueHigh(): number {
    return this.#word(3);
  }
  /**
   * `unique` as one number: exact, since the kernel counts it up by two and never comes to 2^53. Without the bit by which it marks
   * what it asks again.
   */
  get unique(): number {
    return (this.#word(3) & ~FUSE_UNIQUE_RESEND) * TWO_32 + this.#word(2);
  }
  /** It was asked before, and whoever read it then is gone. */
  get resent(): boolean {
    return (this.#word(3) & FUSE_UNIQUE_RESEND) !== 0;
  }
  get nodeid(): number {
    return this.#word(5) * TWO_32 + this.#word(4);
  }
  /** The caller's fsuid, in the user namespace of the mount. */
  get uid(): number {
    return this.#word(6);
  }
  get gid(): number {
    return this.#word(7);
  }
  /** The caller's thread id, in the pid namespace of the mounter; 0 when it lives outside. */
  get pid(): number {
    return this.#word(8);
  }

  // What most bodies begin with: a file handle, or two flags.
  get fh(): number {
    return this.#word(11) * TWO_32 + this.#word(10);
  }
  /** LOOKUP: the name. */
  get name(): string {
    return this.#text(IN_HEADER);
  }
  // struct fuse_mknod_in: mode, rdev, umask, padding; then the name
  get newMode(): number {
    return this.#word(10);
  }
  get newName(): string {
    return this.#text(IN_HEADER + 16);
  }
  /** SETATTR: whether it is about more than size and times. */
  get setsOwnerOrMode(): boolean {
    return (this.#word(10) & FATTR_OWNER_OR_MODE) !== 0;
  }
  /** ACCESS: the mode of access(2). */
  get accessMask(): number {
    return this.#word(10);
  }
  /** OPEN: the flags of open(2). */
  get openFlags(): number {
    return this.#word(10);
  }
  // struct fuse_read_in: fh, offset, size, read_flags, lock_owner, flags; struct fuse_write_in likewise
  get offset(): number {
    return this.#word(13) * TWO_32 + this.#word(12);
  }
  get size(): number {
    return this.#word(14);
  }
  get readFlags(): number {
    return this.#word(15);
  }
  get lockOwnerLow(): number {
    return this.#word(16);
  }
  get lockOwnerHigh(): number {
    return this.#word(17);
  }
  /** READ, WRITE: the flags that the open file has at this moment. */
  get fileFlags(): number {
    return this.#word(18);
  }
  // struct fuse_poll_in: fh, kh, flags, events
  get khLow(): number {
    return this.#word(12);
  }
  get khHigh(): number {
    return this.#word(13);
  }
  get pollFlags(): number {
    return this.#word(14);
  }
  /** INTERRUPT: `unique` of the request it is about. */
  get interrupted(): number {
    return (this.interruptedHigh & ~FUSE_UNIQUE_RESEND) * TWO_32 + this.interruptedLow;
  }
  /** As they are to be answered. */
  get interruptedLow(): number {
    return this.#word(10);
  }
  get interruptedHigh(): number {
    return this.#word(11);
  }
  // struct fuse_init_in: major, minor, max_readahead, flags, (flags2); struct cuse_init_in: major, minor, unused, flags
  get major(): number {
    return this.#word(10);
  }
  get minor(): number {
    return this.#word(11);
  }
  get initFlags(): number {
    return this.#word(13);
  }
  /** INIT: whether the kernel asks again on request what was not answered: Linux 6.9. */
  get offersResend(): boolean {
    return (this.initFlags & FUSE_INIT_EXT) !== 0 && this.#length >= 60 && (this.#word(14) & FUSE_HAS_RESEND) !== 0;
  }
  /** FORGET: how many of the kernel's references to the node are given back. */
  get nlookup(): number {
    return this.fh;
  }
  /** BATCH_FORGET: the same for many nodes. */
  *forgets(): Generator<{ nodeid: number; nlookup: number }> {
    const count = Math.min(this.#word(10), Math.floor((this.#length - IN_HEADER - 8) / 16));
    for (let i = 0; i < count; i++) {
      const at = 12 + 4 * i;
      yield {
        nodeid: this.#word(at + 1) * TWO_32 + this.#word(at),
        nlookup: this.#word(at + 3) * TWO_32 + this.#word(at + 2),
      };
    }
  }

  #text(from: number): string {
    const end = this.bytes.indexOf(0, from);
    return this.bytes.toString('latin1', from, end === -1 || end > this.#length ? this.#length : end);
  }

  #word(at: number): number {
    return this.#words[at] as number;
  }
}
