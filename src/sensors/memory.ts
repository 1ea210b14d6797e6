// How much memory there is, and how much of it could be had without swapping, as the kernel estimates it.
import { textOf } from './text.ts';

/** Bytes. */
export interface MachineMemory {
  total: number;
  available: number;
}

/** Undefined where the kernel does not say (before Linux 3.14). */
export function machineMemory(root: string = '/proc'): MachineMemory | undefined {
  const text = textOf(`${root}/meminfo`) ?? '';
  const total = kibibytes(text, 'MemTotal');
  const available = kibibytes(text, 'MemAvailable');
  if (total === undefined || available === undefined) return undefined;
  return { total: total * 1024, available: available * 1024 };
}

function kibibytes(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
