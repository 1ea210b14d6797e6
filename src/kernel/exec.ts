// Becoming another program: execve(2) with byte-exact arguments, after what Node changed in the process is put back.
// Node's own process.execve aborts when execve fails, leaves SIGPIPE ignored and the limit on open files raised, and
// keeps descriptors above 2 from the program.
import { address, check, errno, libc, SystemError } from './libc.ts';

const execve = libc.func('int execve(void *path, void *argv, void *envp)');
const fcntl = libc.func('fcntl', 'int', ['int', 'int', 'int']);
const signal = libc.func('void *signal(int signum, intptr_t handler)');
const sigprocmask = libc.func('int sigprocmask(int how, const void *set, void *old)');
const getrlimit = libc.func('int getrlimit(int resource, _Out_ void *limit)');
const setrlimit = libc.func('int setrlimit(int resource, void *limit)');

const F_DUPFD = 0;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const RLIMIT_NOFILE = 7;
const SIG_DFL = 0;
const SIG_IGN = 1;
const SIG_SETMASK = 2;
const SIGSET_SIZE = 128; // sigset_t of glibc and musl

/**
 * Replaces this process by the program `path`; returns only by throwing. Strings hold one byte per character (latin1).
 * @throws SystemError ENOENT, EACCES, ENOEXEC, E2BIG, ENOMEM …
 */
export function execProgram(path: string, args: readonly string[], environment: readonly string[]): never {
  const name = Buffer.from(`${path}\0`, 'latin1');
  const argv = pointers(args);
  const envp = pointers(environment);
  for (const stdio of [0, 1, 2]) fcntl(stdio, F_SETFD, 0); // a closed one stays closed
  execve(name, argv.table, envp.table);
  const failed = errno();
  // Mentioned after the call, so that the collector cannot have taken the strings before it.
  keepAlive(argv.bytes, envp.bytes);
  throw new SystemError('execve', failed);
}

/** Keeps the open descriptor `fd` open in the program. @throws SystemError EBADF */
export function keepOnExec(fd: number): void {
  check('fcntl F_SETFD', fcntl(fd, F_SETFD, 0));
}

/** A copy of `fd`, numbered `min` or higher, that the program will inherit. @throws SystemError EMFILE */
export const duplicateForExec = (fd: number, min: number): number => check('fcntl F_DUPFD', fcntl(fd, F_DUPFD, min));

/**
 * Notes the status flags of the standard streams and returns what sets them so again. Node makes a pipe non-blocking as soon
 * as it has a stream for it, which some of its own errors cause, and other processes share that flag.
 */
export function keepStreamFlags(): () => void {
  const flags = [0, 1, 2].map((fd) => fcntl(fd, F_GETFL, 0));
  return () => {
    for (const [fd, value] of flags.entries())
      if (value !== -1 && fcntl(fd, F_GETFL, 0) !== value) fcntl(fd, F_SETFL, value);
  };
}

/** Ignores signal `number`, in the program too. */
export function ignoreSignal(number: number): void {
  signal(number, SIG_IGN);
}

/** Gives signal `number` its default action. */
export function defaultSignal(number: number): void {
  signal(number, SIG_DFL);
}

/** Blocks just the signals `numbers` (1 to 64), in the program too. */
export function blockSignals(numbers: Iterable<number>): void {
  const set = new Uint8Array(SIGSET_SIZE);
  for (const number of numbers) set[(number - 1) >> 3] = (set[(number - 1) >> 3] ?? 0) | (1 << ((number - 1) & 7));
  check('sigprocmask', sigprocmask(SIG_SETMASK, set, null));
}

/** Sets the soft limit on open files, as far as the hard limit allows. */
export function setOpenFilesLimit(soft: bigint): void {
  const limit = new BigUint64Array(2);
  check('getrlimit', getrlimit(RLIMIT_NOFILE, limit));
  limit[0] = soft < (limit[1] as bigint) ? soft : (limit[1] as bigint);
  check('setrlimit', setrlimit(RLIMIT_NOFILE, limit));
}

function keepAlive(...buffers: readonly Buffer[]): void {
  for (const buffer of buffers) buffer[0] = buffer[0] ?? 0;
}

function pointers(strings: readonly string[]): { table: BigUint64Array; bytes: Buffer } {
  const bytes = Buffer.from(strings.map((s) => `${s}\0`).join(''), 'latin1');
  const table = new BigUint64Array(strings.length + 1);
  const start = bytes.length === 0 ? 0n : address(bytes);
  let at = 0;
  strings.forEach((s, i) => {
    table[i] = start + BigInt(at);
    at += s.length + 1;
  });
  return { table, bytes };
}
