// O_NONBLOCK of an open file, changed while it is open.
import { constants } from 'node:fs';
import { check, libc } from './libc.ts';

const fcntl = libc.func('fcntl', 'int', ['int', 'int', 'int']);
const F_GETFL = 3;
const F_SETFL = 4;

/** Lets calls on `fd` wait, or not. Every descriptor of the same open file is concerned. @throws SystemError EBADF */
export function setNonblocking(fd: number, on: boolean): void {
  const flags = check('fcntl F_GETFL', fcntl(fd, F_GETFL, 0));
  const wanted = on ? flags | constants.O_NONBLOCK : flags & ~constants.O_NONBLOCK;
  check('fcntl F_SETFL', fcntl(fd, F_SETFL, wanted));
}
