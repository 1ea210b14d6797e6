// read(2) and write(2) that return the errno instead of throwing: on a non-blocking descriptor EAGAIN is an answer,
// and an exception for it would cost more than the call.
import os from 'node:os';
import { errno, libc } from './libc.ts';

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
