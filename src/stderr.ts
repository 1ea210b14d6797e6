// Standard error, for all that is said there. Where it is the journal of a service manager, each line begins with how grave it is
// (sd-daemon(3)): then `journalctl -p warning` finds what an admin should see. Never fails.
import { fstatSync, writeSync } from 'node:fs';

/** How grave it is, as syslog(3) counts. */
const LEVELS = { critical: 2, error: 3, warning: 4, notice: 5, info: 6 } as const;

export type Level = keyof typeof LEVELS;

/** Writes `text`, lines of which the last one ends with a newline too; when nobody can read it, it is lost. */
export function complain(text: string, level: Level): void {
  try {
    writeSync(2, isJournal() ? text.replace(/^(?=.)/gm, `<${LEVELS[level]}>`) : text);
  } catch {
    // Closed or full: words are not worth failing for.
  }
}

/** The variable is inherited by processes whose standard error is something else: it names the socket that is meant. */
function isJournal(): boolean {
  const stream = process.env.JOURNAL_STREAM;
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(2, { bigint: true });
  return stream === `${dev}:${ino}`;
}
