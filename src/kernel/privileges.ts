// What a process of root's can do at most: the bounding set of capabilities(7), and no_new_privs (prctl(2)).
import { libc } from './libc.ts';

const prctl = libc.func('int prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long)');
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;

/** Numbers of capabilities, which are the same everywhere (linux/capability.h). */
export const CAPABILITY = {
  CHOWN: 0,
  DAC_READ_SEARCH: 2,
  KILL: 5,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_RESOURCE: 24,
} as const;

/**
 * From now on no program that the calling thread starts or becomes has other capabilities than `kept`, nor gains any by a setuid program. What this
 * process has itself it keeps. Who is not root has none to give away.
 */
export function boundPrivileges(kept: readonly number[]): void {
  for (let capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) !== -1; capability++) {
    if (!kept.includes(capability)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
