// SIGALRM at regular times with a handler that does nothing: for a process that wants its own system calls interrupted, as clients
// do that put an end to a read by a timer.
import { check, libc } from './libc.ts';

const signal = libc.func('intptr_t signal(int signum, intptr_t handler)');
const siginterrupt = libc.func('int siginterrupt(int signum, int flag)');
const setitimer = libc.func('int setitimer(int which, const void *value, void *old)');
const dlsym = libc.func('intptr_t dlsym(void *handle, const char *symbol)');

const SIGALRM = 14;
const ITIMER_REAL = 0;
/** A function of the C library that takes a number, does nothing with the world, and so may be a handler. */
const HARMLESS = 'abs';

/**
 * Sends this process SIGALRM every `ms` milliseconds until the returned function is called. `restart`: a system call that
 * waits is begun again by the kernel where it can be (SA_RESTART), else it ends with EINTR.
 */
export function alarmEvery(ms: number, { restart }: { restart: boolean }): () => void {
  signal(SIGALRM, dlsym(null, HARMLESS));
  check('siginterrupt', siginterrupt(SIGALRM, restart ? 0 : 1));
  const us = BigInt(ms) * 1000n;
  const set = (value: bigint) =>
    check('setitimer', setitimer(ITIMER_REAL, BigInt64Array.of(0n, value, 0n, value), null));
  set(us);
  return () => set(0n);
}
