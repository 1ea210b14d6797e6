// What the engine asks of node:fs, on the simulated machine.
import { machine } from '../machine.ts';

export { constants } from 'node:fs';

export const closeSync = (fd: number): void => machine().close(fd);

export function unlinkSync(path: string): void {
  machine().fifos.delete(path);
}

/** To a file in memory. */
export function writeSync(fd: number, bytes: Buffer, from: number, count: number, at: number): number {
  const file = machine().memory(fd);
  if (file.bytes.length < at + count) file.bytes = Buffer.concat([file.bytes], at + count);
  bytes.copy(file.bytes, at, from, from + count);
  return count;
}

export const readSync = (fd: number, bytes: Buffer, to: number, count: number, at: number): number =>
  machine()
    .memory(fd)
    .bytes.copy(bytes, to, at, at + count);
