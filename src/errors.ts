// The one error type that stint throws on purpose, and the exit codes it ends with.
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
