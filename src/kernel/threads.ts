// Threads of this process, as the kernel numbers them.
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** The number of the calling thread. */
export const threadId = (): number => Number(basename(readlinkSync('/proc/thread-self')));

/**
 * Whether a thread of this process waits in the kernel for what nothing can interrupt, such as a lock. Undefined where nobody tells: it is gone, or
 * no descriptor is left.
 */
export function waitsUninterruptibly(tid: number): boolean | undefined {
  try {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] === 'D';
  } catch {
    return undefined;
  }
}
