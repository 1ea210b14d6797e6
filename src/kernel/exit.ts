// _exit(2): ends this process at once, without a word to anybody in it. Node's own ways out wait for the threads of its pool, also
// for one that hangs in a system call.
import { libc } from './libc.ts';

const exit = libc.func('void _exit(int status)');

/** Whatever is written by then stays written; nothing else of this process happens any more. */
export function exitNow(code: number): never {
  exit(code);
  throw new Error('unreachable');
}
