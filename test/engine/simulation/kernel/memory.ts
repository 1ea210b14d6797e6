// Memory that others could share, on the simulated machine: nobody does.
import { machine } from '../machine.ts';

export const openMemory = (_name: string, size: number): number =>
  machine().open({ kind: 'memory', bytes: Buffer.alloc(size) });

export const mapMemory = (_fd: number, size: number): ArrayBuffer => new ArrayBuffer(size);
