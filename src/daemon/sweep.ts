// What a daemon that died left behind: FIFOs of builds that are over. One that somebody still has open belongs to a build
// that runs on without accounting, and stays until the next sweep.
import { closeSync, readdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openWriteEnd } from '../kernel/fifo.ts';

/** Removes the FIFOs whose paths begin with `prefix` and that nobody has open. */
export function sweepFifos(prefix: string): void {
  const dir = dirname(prefix);
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(basename(prefix))) continue;
    try {
      closeSync(openWriteEnd(join(dir, name)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') unlinkSync(join(dir, name));
    }
  }
}

export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Not there, or not ours to remove: listening on it will say so.
  }
}
