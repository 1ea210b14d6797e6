// FIONREAD: how many bytes lie in a pipe, from either end, without taking any.
import { check, libc } from './libc.ts';

const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'void *']);
const FIONREAD = 0x541b; // asm-generic/ioctls.h
const count = new Int32Array(1);

/** Bytes that lie in the pipe `fd`. @throws SystemError EBADF, ENOTTY */
export function bytesInPipe(fd: number): number {
  check('ioctl FIONREAD', ioctl(fd, FIONREAD, count));
  return count[0] as number;
}
