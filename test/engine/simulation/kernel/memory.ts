// Memory that others could share, on the simulated machine. What is mapped is one piece, used again by each engine, for one runs at a
// time: so much memory for each would cost more than its run. What an engine that was killed has left is kept aside: see machine.ts.
import { inUse, machine } from '../machine.ts';

let mapped: Int32Array | undefined;

/** Only what is not mapped is written to as a file. */
export const openMemory = (_name: string, _size: number): number =>
  machine().open({ kind: 'memory', bytes: Buffer.alloc(0), words: undefined, left: [] });

export function mapMemory(fd: number, size: number): ArrayBuffer {
  if (mapped?.byteLength !== size) mapped = new Int32Array(size / 4);
  for (const [at, end] of inUse(mapped).toReversed()) mapped.fill(0, at, end);
  machine().memory(fd).words = mapped;
  return mapped.buffer as ArrayBuffer;
}
