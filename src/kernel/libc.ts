// The C library, loaded once, and the way a failed call becomes an error with an errno name.
// Only src/kernel knows that koffi exists. koffi's errno is per thread, so calls from a worker are safe.
import { createRequire } from 'node:module';
import type { address as addressOf, errno as errnoOf, load as loadLibrary, view as viewOf } from 'koffi';

interface Koffi {
  address: typeof addressOf;
  errno: typeof errnoOf;
  load: typeof loadLibrary;
  view: typeof viewOf;
}

// Not imported: that would load all of node:util at each start, for a message that is seldom needed.
const { getSystemErrorMessage, getSystemErrorName } = process.getBuiltinModule('node:util');

const koffi = loadKoffi();

export const libc = koffi.load(null);

/** The address of a buffer's first byte. The buffer must stay alive, and must not be resized, while C uses it. */
export function address(buffer: Uint8Array): bigint {
  return koffi.address(buffer as Buffer);
}

/** The `size` bytes that lie at an address, without a copy; whoever uses them sees to it that they stay there. */
export const bytesAt = (at: bigint, size: number): ArrayBuffer => koffi.view(at, size);

/** The errno of the last failed call of this thread, as a positive number. */
export const errno = (): number => koffi.errno();

/** A failed system call. `code` is the errno's name (`EPERM`), as in Node's own errors. */
export class SystemError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, number: number = koffi.errno()) {
    const code = getSystemErrorName(-number);
    super(`${code}: ${getSystemErrorMessage(-number)}, ${syscall}`);
    this.errno = number;
    this.code = code;
    this.syscall = syscall;
  }
}

/** Returns `result`, or throws a SystemError when it is the C library's -1. */
export function check(syscall: string, result: number): number {
  if (result === -1) throw new SystemError(syscall);
  return result;
}

/** koffi's compiled part without its wrapper, which takes six times as long to load, where it is the one of this platform. */
function loadKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  try {
    return require(`@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`) as Koffi;
  } catch {
    return require('koffi') as Koffi;
  }
}
