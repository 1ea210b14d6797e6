// A FIFO without a name, both ends open.
import { closeSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo, openReadEnd, openWriteEnd } from '../../../src/kernel/fifo.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

interface Ends {
  after(done: () => void): void;
}

/** Both ends of a new pipe, non-blocking; what is still open of it is closed when the test ends. */
export function pipe(t: Ends): { readEnd: number; writeEnd: number } {
  const path = join(temporaryFolder(t), 'fifo');
  makeFifo(path, 0o600);
  const readEnd = openReadEnd(path);
  const writeEnd = openWriteEnd(path);
  unlinkSync(path);
  t.after(() => {
    for (const fd of [readEnd, writeEnd]) {
      try {
        closeSync(fd);
      } catch {
        // The test has closed it.
      }
    }
  });
  return { readEnd, writeEnd };
}
