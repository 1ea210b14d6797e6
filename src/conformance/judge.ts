// What is to be said of a client's build on a pool with free slots.

/**
 * `ignores`: it ran jobs at once without a token; `serial`: one job at a time; `exceeds`: more than it had tokens for; `loses`: not all
 * were there again in the end.
 */
export type Verdict = 'ok' | 'fails' | 'ignores' | 'serial' | 'exceeds' | 'loses';

export interface Seen {
  /** Its exit code. */
  code: number;
  /** The most jobs that ran at once. */
  peak: number;
  /** The most tokens that it had at once. */
  taken: number;
  /** Tokens that were not there again in the end. */
  lost: number;
  /** Tokens that there were. */
  slots: number;
}

export function judge({ code, peak, taken, lost, slots }: Seen): Verdict {
  if (code !== 0) return 'fails';
  if (taken === 0) return peak > 1 ? 'ignores' : 'serial';
  if (peak > slots + 1) return 'exceeds';
  if (peak <= 1) return 'serial';
  return lost === 0 ? 'ok' : 'loses';
}
