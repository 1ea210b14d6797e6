// Reading the small files of the kernel. What is not there, or may not be read, is undefined; nothing here throws.
import { closeSync, openSync, readSync } from 'node:fs';

const buffer = Buffer.alloc(16_384);

/** The beginning of a file, which is all of the files that are read here; one read, so that it is of one moment. */
export function textOf(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer));
  } catch {
    return undefined; // the process has gone
  } finally {
    closeSync(fd);
  }
}
