// read(2) and write(2) that return the errno instead of throwing: on a non-blocking descriptor EAGAIN is an answer,
// and an exception for it would cost more than the call.
import os from 'node:os';
import { address, errno, libc } from './libc.ts';

const read = libc.func('long read(int fd, _Out_ uint8_t *buffer, size_t count)');
const write = libc.func('long write(int fd, const uint8_t *buffer, size_t count)');

export const { EAGAIN, EPIPE } = os.constants.errno;

/** Bytes read (0: end of file), at most what the buffer holds, or the negative errno. */
export function readBytes(fd: number, buffer: Uint8Array, count: number): number {
  const n = Number(read(fd, buffer, Math.min(count, buffer.length)));
  return n === -1 ? -errno() : n;
}

/** Bytes written, or the negative errno. */
export function writeBytes(fd: number, buffer: Uint8Array, count: number): number {
  const n = Number(write(fd, buffer, Math.min(count, buffer.length)));
  return n === -1 ? -errno() : n;
}

const readTo = libc.func('long read(int fd, uintptr_t buffer, size_t count)');
const writeFrom = libc.func('long write(int fd, uintptr_t buffer, size_t count)');

/**
 * read(2) from `fd` into `buffer`, again and again: its address is looked up once, which takes a third off each call. Returns
 * what `readBytes` returns, for the whole buffer.
 */
export function reader(fd: number, buffer: Uint8Array): () => number {
  const at = Number(address(buffer));
  const { length } = buffer;
  return () => {
    const n = Number(readTo(fd, at, length));
    return n === -1 && buffer.length > 0 ? -errno() : n; // the buffer lives as long as this function
  };
}

/** The same for write(2): writes the first `count` bytes of `buffer`, at most what it holds. */
export function writer(fd: number, buffer: Uint8Array): (count: number) => number {
  const at = Number(address(buffer));
  const { length } = buffer;
  return (count) => {
    const n = Number(writeFrom(fd, at, Math.min(count, length)));
    return n === -1 && buffer.length > 0 ? -errno() : n;
  };
}
