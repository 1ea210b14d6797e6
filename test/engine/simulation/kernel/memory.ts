// Memory that others could share, on the simulated machine: nobody does. What is mapped is one piece, used again by each engine, for one
// runs at a time: so much memory for each would cost more than its run.
import { FILE, HEAD, RECORD } from '../../../../src/engine/journal/layout.ts';
import { machine } from '../machine.ts';

let mapped: Int32Array | undefined;

/** Only what is not mapped is written to as a file. */
export const openMemory = (_name: string, _size: number): number =>
  machine().open({ kind: 'memory', bytes: Buffer.alloc(0) });

export function mapMemory(_fd: number, size: number): ArrayBuffer {
  if (mapped?.byteLength !== size) mapped = new Int32Array(size / 4);
  const at = (word: number) => mapped?.[word] as number;
  mapped.fill(0, at(HEAD.filesAt), at(HEAD.filesAt) + at(HEAD.filesEnd) * FILE.words);
  mapped.fill(0, 0, at(HEAD.recordsAt) + at(HEAD.recordsEnd) * RECORD.words);
  return mapped.buffer as ArrayBuffer;
}
