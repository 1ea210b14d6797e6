// The kernel's side of FUSE, for tests: makes requests and reads replies, byte by byte, with the names of linux/fuse.h. It
// shares nothing with src/nodes/fuse/wire.ts, so that the two can be held against each other; wire.test.ts holds the
// structs here against the header itself.

/**
 * The structs of linux/fuse.h, protocol 7.31 and later, field by field as `name:type`. A name that begins with `_` is padding, or
 * newer than some headers are.
 */
export const STRUCTS = {
  fuse_in_header: 'len:u32 opcode:u32 unique:u64 nodeid:u64 uid:u32 gid:u32 pid:u32 _total_extlen:u16 _padding:u16',
  fuse_out_header: 'len:u32 error:i32 unique:u64',
  fuse_attr:
    'ino:u64 size:u64 blocks:u64 atime:u64 mtime:u64 ctime:u64 atimensec:u32 mtimensec:u32 ctimensec:u32 ' +
    'mode:u32 nlink:u32 uid:u32 gid:u32 rdev:u32 blksize:u32 _flags:u32',
  fuse_forget_in: 'nlookup:u64',
  fuse_forget_one: 'nodeid:u64 nlookup:u64',
  fuse_batch_forget_in: 'count:u32 dummy:u32',
  fuse_getattr_in: 'getattr_flags:u32 dummy:u32 fh:u64',
  fuse_setattr_in:
    'valid:u32 padding:u32 fh:u64 size:u64 lock_owner:u64 atime:u64 mtime:u64 ctime:u64 ' +
    'atimensec:u32 mtimensec:u32 ctimensec:u32 mode:u32 _unused4:u32 uid:u32 gid:u32 _unused5:u32',
  fuse_mknod_in: 'mode:u32 rdev:u32 umask:u32 padding:u32',
  fuse_mkdir_in: 'mode:u32 umask:u32',
  fuse_rename_in: 'newdir:u64',
  fuse_rename2_in: 'newdir:u64 flags:u32 padding:u32',
  fuse_link_in: 'oldnodeid:u64',
  fuse_open_in: 'flags:u32 _open_flags:u32',
  fuse_create_in: 'flags:u32 mode:u32 umask:u32 _open_flags:u32',
  fuse_read_in: 'fh:u64 offset:u64 size:u32 read_flags:u32 lock_owner:u64 flags:u32 padding:u32',
  fuse_write_in: 'fh:u64 offset:u64 size:u32 write_flags:u32 lock_owner:u64 flags:u32 padding:u32',
  fuse_release_in: 'fh:u64 flags:u32 release_flags:u32 lock_owner:u64',
  fuse_flush_in: 'fh:u64 unused:u32 padding:u32 lock_owner:u64',
  fuse_access_in: 'mask:u32 padding:u32',
  fuse_interrupt_in: 'unique:u64',
  fuse_ioctl_in: 'fh:u64 flags:u32 cmd:u32 arg:u64 in_size:u32 out_size:u32',
  fuse_poll_in: 'fh:u64 kh:u64 flags:u32 events:u32',
  fuse_init_in: 'major:u32 minor:u32 max_readahead:u32 flags:u32 _flags2:u32 _unused:44',
  fuse_getxattr_in: 'size:u32 padding:u32',
  fuse_entry_out:
    'nodeid:u64 generation:u64 entry_valid:u64 attr_valid:u64 entry_valid_nsec:u32 attr_valid_nsec:u32 attr:fuse_attr',
  fuse_attr_out: 'attr_valid:u64 attr_valid_nsec:u32 dummy:u32 attr:fuse_attr',
  fuse_open_out: 'fh:u64 open_flags:u32 _padding:u32',
  fuse_write_out: 'size:u32 padding:u32',
  fuse_poll_out: 'revents:u32 padding:u32',
  fuse_statfs_out:
    'st.blocks:u64 st.bfree:u64 st.bavail:u64 st.files:u64 st.ffree:u64 st.bsize:u32 st.namelen:u32 st.frsize:u32 ' +
    'st.padding:u32 st.spare:24',
  fuse_init_out:
    'major:u32 minor:u32 max_readahead:u32 flags:u32 max_background:u16 congestion_threshold:u16 max_write:u32 ' +
    'time_gran:u32 max_pages:u16 map_alignment:u16 _flags2:u32 _unused:28',
  cuse_init_in: 'major:u32 minor:u32 unused:u32 flags:u32',
  cuse_init_out:
    'major:u32 minor:u32 unused:u32 flags:u32 max_read:u32 max_write:u32 dev_major:u32 dev_minor:u32 spare:40',
  fuse_notify_poll_wakeup_out: 'kh:u64',
  fuse_dirent: 'ino:u64 off:u64 namelen:u32 type:u32',
} as const;

export type Struct = keyof typeof STRUCTS;

/** enum fuse_opcode, and which struct follows the header. Behind it come names, or data. */
export const REQUESTS = {
  LOOKUP: { code: 1, struct: undefined },
  FORGET: { code: 2, struct: 'fuse_forget_in' },
  GETATTR: { code: 3, struct: 'fuse_getattr_in' },
  SETATTR: { code: 4, struct: 'fuse_setattr_in' },
  READLINK: { code: 5, struct: undefined },
  SYMLINK: { code: 6, struct: undefined },
  MKNOD: { code: 8, struct: 'fuse_mknod_in' },
  MKDIR: { code: 9, struct: 'fuse_mkdir_in' },
  UNLINK: { code: 10, struct: undefined },
  RMDIR: { code: 11, struct: undefined },
  RENAME: { code: 12, struct: 'fuse_rename_in' },
  LINK: { code: 13, struct: 'fuse_link_in' },
  OPEN: { code: 14, struct: 'fuse_open_in' },
  READ: { code: 15, struct: 'fuse_read_in' },
  WRITE: { code: 16, struct: 'fuse_write_in' },
  STATFS: { code: 17, struct: undefined },
  RELEASE: { code: 18, struct: 'fuse_release_in' },
  GETXATTR: { code: 22, struct: 'fuse_getxattr_in' },
  FLUSH: { code: 25, struct: 'fuse_flush_in' },
  INIT: { code: 26, struct: 'fuse_init_in' },
  OPENDIR: { code: 27, struct: 'fuse_open_in' },
  READDIR: { code: 28, struct: 'fuse_read_in' },
  RELEASEDIR: { code: 29, struct: 'fuse_release_in' },
  ACCESS: { code: 34, struct: 'fuse_access_in' },
  CREATE: { code: 35, struct: 'fuse_create_in' },
  INTERRUPT: { code: 36, struct: 'fuse_interrupt_in' },
  DESTROY: { code: 38, struct: undefined },
  IOCTL: { code: 39, struct: 'fuse_ioctl_in' },
  POLL: { code: 40, struct: 'fuse_poll_in' },
  BATCH_FORGET: { code: 42, struct: 'fuse_batch_forget_in' },
  RENAME2: { code: 45, struct: 'fuse_rename2_in' },
} as const satisfies Record<string, { code: number; struct: Struct | undefined }>;

export type Opcode = keyof typeof REQUESTS;

/** Fields of 64 bits are bigint, all others number. What is not named is 0. */
export type Fields = Record<string, bigint | number>;

export interface Field {
  name: string;
  /** Bytes from the struct's beginning. */
  at: number;
  /** Bytes. */
  size: number;
  signed: boolean;
}

/** The fields of `struct`, with those of structs inside it as `attr.ino`. */
export function fieldsOf(struct: Struct): Field[] {
  let at = 0;
  return STRUCTS[struct].split(' ').flatMap((field) => {
    const [name, type] = field.split(':') as [string, string];
    if (type in STRUCTS) {
      const inner = fieldsOf(type as Struct).map((one) => ({ ...one, name: `${name}.${one.name}`, at: at + one.at }));
      at += sizeOf(type as Struct);
      return inner;
    }
    const size = /^\d/.test(type) ? Number(type) : Number(type.slice(1)) / 8;
    at += size;
    return [{ name, at: at - size, size, signed: type.startsWith('i') }];
  });
}

/** Bytes. */
export function sizeOf(struct: Struct): number {
  const { at, size } = fieldsOf(struct).at(-1) as Field;
  return at + size;
}

export function encode(struct: Struct, values: Fields): Buffer {
  const bytes = Buffer.alloc(sizeOf(struct));
  const fields = new Map(fieldsOf(struct).map((field) => [field.name, field]));
  for (const [name, value] of Object.entries(values)) {
    const field = fields.get(name);
    if (field === undefined) throw new Error(`struct ${struct} has no field ${name}`);
    if (field.size === 8) bytes.writeBigUInt64LE(BigInt(value), field.at);
    else if (field.size <= 4) bytes.writeUIntLE(Number(value), field.at, field.size);
  }
  return bytes;
}

/** @throws Error when `bytes` are fewer than the struct has */
export function decode(struct: Struct, bytes: Buffer): Fields {
  if (bytes.length < sizeOf(struct)) throw new Error(`struct ${struct} in ${bytes.length} bytes`);
  return Object.fromEntries(
    fieldsOf(struct)
      .filter(({ size }) => size <= 8)
      .map(({ name, at, size, signed }) => {
        if (size === 8) return [name, bytes.readBigUInt64LE(at)];
        return [name, signed ? bytes.readIntLE(at, size) : bytes.readUIntLE(at, size)];
      }),
  );
}

/** One whole request: `header` lacks len and opcode, which are found here; `tail` is what follows the struct. */
export function request(opcode: Opcode, header: Fields, body: Fields = {}, tail: Buffer | string = ''): Buffer {
  const { code, struct } = REQUESTS[opcode];
  const parts = [struct === undefined ? Buffer.alloc(0) : encode(struct, body), Buffer.from(tail)];
  const len = sizeOf('fuse_in_header') + parts.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([encode('fuse_in_header', { ...header, len, opcode: code }), ...parts]);
}

export interface Answer {
  /** 0n: a notification, and `error` is its code. */
  unique: bigint;
  /** 0, or a negative errno. */
  error: number;
  body: Buffer;
}

/** Takes a reply apart, as the kernel does. @throws Error for what the kernel refuses with EINVAL */
export function answer(bytes: Buffer): Answer {
  const { len, error, unique } = decode('fuse_out_header', bytes) as { len: number; error: number; unique: bigint };
  const body = bytes.subarray(sizeOf('fuse_out_header'));
  if (len !== bytes.length) throw new Error(`a reply of ${bytes.length} bytes says that it has ${len}`);
  if (unique !== 0n && (error > 0 || error <= -512)) throw new Error(`a reply with the error ${error}`);
  if (unique !== 0n && error !== 0 && body.length > 0) throw new Error('an error with something behind it');
  return { unique, error, body };
}

export interface Dirent {
  ino: bigint;
  off: bigint;
  type: number;
  name: string;
}

/** The entries in the answer to a READDIR. @throws Error where the kernel would give EIO */
export function dirents(bytes: Buffer): Dirent[] {
  const found: Dirent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const entry = decode('fuse_dirent', bytes.subarray(at)) as {
      ino: bigint;
      off: bigint;
      namelen: number;
      type: number;
    };
    const nameAt = at + sizeOf('fuse_dirent');
    const next = at + Math.ceil((sizeOf('fuse_dirent') + entry.namelen) / 8) * 8;
    const name = bytes.toString('latin1', nameAt, nameAt + entry.namelen);
    if (entry.namelen === 0 || next > bytes.length || /[/\0]/.test(name)) throw new Error(`a bad entry at ${at}`);
    found.push({ ino: entry.ino, off: entry.off, type: entry.type, name });
    at = next;
  }
  return found;
}
