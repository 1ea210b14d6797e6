// PR_SET_PDEATHSIG of prctl(2): a process that does not outlive the one that started it.
import { check, libc } from './libc.ts';

const prctl = libc.func('int prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long)');
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** The kernel kills this process as soon as its parent is gone; false when that is so already, as `parent` is not its parent. */
export function dieWithParent(parent: number): boolean {
  check('prctl PR_SET_PDEATHSIG', prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  return process.ppid === parent;
}
