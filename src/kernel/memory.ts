// Memory that outlives the process that made it, as long as somebody holds its descriptor: memfd_create(2), mmap(2).
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { bytesAt, check, libc } from './libc.ts';

const memfdCreate = libc.func('int memfd_create(const char *name, unsigned int flags)');
const mmap = libc.func('void *mmap(void *at, size_t length, int prot, int flags, int fd, intptr_t offset)');

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** An unlinked file in memory, `name` is what /proc shows; `size`: bytes, which take no memory before they are written. @throws SystemError */
export function openMemory(name: string, size: number): number {
  const fd = check('memfd_create', memfdCreate(name, MFD_CLOEXEC));
  ftruncateSync(fd, size);
  return fd;
}

/** The same with a text in it. @throws SystemError, or Node's error: ENOSPC, ENOMEM */
export function keepText(name: string, text: string): number {
  const bytes = Buffer.from(text);
  const fd = openMemory(name, 0);
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
  return fd;
}

/** The text that lies there, wherever the descriptor stands. */
export function textIn(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  for (let done = 0; done < bytes.length; ) done += readSync(fd, bytes, done, bytes.length - done, done);
  return bytes.toString();
}

/** The first `size` bytes of a file, shared with everybody who has it mapped; they stay mapped. @throws SystemError */
export function mapMemory(fd: number, size: number): ArrayBuffer {
  const at = mmap(null, size, PROT_READ_WRITE, MAP_SHARED, fd, 0) as bigint;
  if (at === MAP_FAILED || at === -1n) check('mmap', -1);
  return bytesAt(at, size);
}
