// The one error type that stint throws on purpose, the exit codes it ends with, and the word that was meant by a wrong one.
// An error is thrown where it is known and shown once, by main.ts; nothing here prints.

/** Exit codes. `run` ends as coreutils' env, nice and timeout do; the other verbs use OK, FAILED, USAGE, NO_DAEMON and TAKEN. */
export const EXIT = {
  OK: 0,
  /** The command was understood, but could not be done. */
  FAILED: 1,
  /** Bad options or arguments (every verb but `run`). */
  USAGE: 2,
  /** No daemon is running, and the verb does not start one. */
  NO_DAEMON: 3,
  /** `stint serve`: another daemon serves already. */
  TAKEN: 4,
  /** `stint run --timeout`: the time was over before the command could start. */
  RUN_TIMED_OUT: 124,
  /** `stint run` itself failed. */
  RUN_INTERNAL: 125,
  /** `stint run`: the command was found but cannot be run. */
  RUN_CANNOT: 126,
  /** `stint run`: the command was not found. */
  RUN_NOT_FOUND: 127,
} as const;

export interface StintErrorOptions {
  /** The process's exit code, one of EXIT. Default: EXIT.FAILED. */
  exit?: number;
  /** What the user can do about it, one line. */
  hint?: string;
  cause?: unknown;
}

/** An error for people: `what on what: why`, with an exit code and perhaps a hint. */
export class StintError extends Error {
  exit: number;
  readonly hint: string | undefined;

  constructor(message: string, options: StintErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'StintError';
    this.exit = options.exit ?? EXIT.FAILED;
    this.hint = options.hint;
  }
}

/** The words of a system error without Node's prefix: `permission denied` for EACCES. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error.message;
  // Node's message is "EACCES: permission denied, open '/x'": the middle is what people want.
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(error.message);
  return words?.[1] ?? error.message;
}

/** The known word that `word` most likely stands for: at most a third of it differs. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const steps = distance(word, candidate);
    if (steps < least) {
      best = candidate;
      least = steps;
    }
  }
  return best;
}

/** Levenshtein's distance; letters swapped with their neighbour count as one step. */
function distance(a: string, b: string): number {
  const rows: number[][] = [];
  for (let i = 0; i <= a.length; i++) {
    const row: number[] = [];
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) {
        row.push(i + j);
        continue;
      }
      const above = rows[i - 1] as number[];
      const same = a[i - 1] === b[j - 1];
      let steps = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, ((rows[i - 2] as number[])[j - 2] as number) + 1);
      }
      row.push(steps);
    }
    rows.push(row);
  }
  return (rows[a.length] as number[])[b.length] as number;
}
