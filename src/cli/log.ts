// What the daemon says while it serves: on standard error, which a service manager keeps.
import { waitToSend } from '../kernel/fds.ts';
import type { Level } from '../stderr.ts';
import { note } from './print.ts';

/** Writes one line, if that can be done at once: nobody waits for a reader of the log that does not read. */
export function logged(line: string, level?: Level): void {
  if (waitToSend(2, 0)) note(line, level);
}
