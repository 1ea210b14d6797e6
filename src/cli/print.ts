// Output, written at once and whole; a closed or full standard output is an error like any other.
import { writeSync } from 'node:fs';
import { EXIT, reason, StintError } from '../errors.ts';
import { complain, type Level } from '../stderr.ts';

/** Writes `text` to standard output and returns EXIT.OK. A reader that has gone (`| head`) is no error. @throws StintError */
export function print(text: string): number {
  write(text);
  return EXIT.OK;
}

/** The same; false when the reader has gone. @throws StintError */
export function write(text: string): boolean {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') continue;
      if (code === 'EPIPE') return false;
      throw new StintError(`cannot write to standard output: ${reason(error)}`, { cause: error });
    }
  }
  return true;
}

/** Writes one line to standard error. */
export const note = (line: string, level: Level = 'warning'): void => complain(`stint: ${line}\n`, level);
