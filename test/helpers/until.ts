// Waiting for a condition, never for a time.
import { setTimeout as pause } from 'node:timers/promises';

/** How long a condition may take to come true on a machine that is busy with other things, milliseconds; longer in a virtual one. */
export const DEADLINE = Number(process.env.TEST_DEADLINE ?? 20_000);

/**
 * Asks `probe` again and again until it gives something other than undefined or false, and returns that.
 * @param what what is waited for, for the message
 * @throws Error after `deadline` milliseconds, with the last error of `probe` as its cause
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadline: number = DEADLINE,
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + deadline;
  for (;;) {
    let cause: unknown;
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`waited ${deadline} ms in vain: ${what}`, { cause });
    await pause(5);
  }
}
