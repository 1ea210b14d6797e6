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

export function readSync(fd: number, bytes: Buffer, to: number, count: number, at: number): number {
  const { bytes: written, left } = machine().memory(fd);
  if (left.length === 0) return written.copy(bytes, to, at, at + count);
  // The size of the file is not known here: as many zeros follow as are asked for, as they would in a file that has holes.
  const wanted = new Uint8Array(bytes.buffer, bytes.byteOffset + to, count).fill(0);
  for (const { at: from, words } of left) {
    const piece = new Uint8Array(words.buffer);
    const start = Math.max(at, 4 * from);
    const end = Math.min(at + count, 4 * from + piece.length);
    if (start < end) wanted.set(piece.subarray(start - 4 * from, end - 4 * from), start - at);
  }
  return count;
}
