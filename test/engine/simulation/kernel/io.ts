// read(2) and write(2) of the simulated machine.
import os from 'node:os';
import { machine } from '../machine.ts';

export const { EAGAIN, EPIPE } = os.constants.errno;

export const readBytes = (fd: number, buffer: Uint8Array, count: number): number =>
  machine().read(fd, Math.min(count, buffer.length));

export const writeBytes = (fd: number, buffer: Uint8Array, count: number): number =>
  machine().write(fd, Math.min(count, buffer.length));

/** Only the FUSE device is read and written so. */
export const reader =
  (fd: number, buffer: Uint8Array): (() => number) =>
  () =>
    machine().receive(fd, buffer);

export const writer =
  (_fd: number, buffer: Uint8Array): ((count: number) => number) =>
  (count) =>
    machine().reply(Buffer.from(buffer.subarray(0, count)));
