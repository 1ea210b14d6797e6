// FIFOs of the simulated machine. Those of system mode are made by whoever looks them up; those of user mode have a path.
import { machine } from '../machine.ts';

export function openFifo(path: string): { readEnd: number; writeEnd: number } {
  if (machine().fifos.has(path)) throw new Error(`EEXIST: ${path}`);
  machine().fifo(path);
  return { readEnd: openReadEnd(path), writeEnd: openWriteEnd(path) };
}

export function removeFifo(path: string): void {
  machine().fifos.delete(path);
}

export const openReadEnd = (path: string): number =>
  machine().openEnd(machine().at(path), { reads: true, writes: false });

export const openWriteEnd = (path: string): number =>
  machine().openEnd(machine().at(path), { reads: false, writes: true });

export const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;

export const hasReader = (fd: number): boolean => machine().hasReader(fd);
