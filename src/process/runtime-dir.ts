// Where a daemon has its files. That of one user: a directory with its socket, its FIFOs and its log; a user has one, wherever
// the asking process stands. That of the machine: the directory where clients find the node, and the socket in it.
import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { reason, StintError } from '../errors.ts';

/** The longest path of a socket (unix(7): 108 bytes with the final NUL), less our longest file name. */
const MAX_DIR = 107 - '/api.sock'.length;

export interface RuntimeDir {
  /** Whether it is that of the machine. */
  system: boolean;
  dir: string;
  socket: string;
  /** Held by the daemon while it lives. */
  lock: string;
  log: string;
  /** What FIFOs are named, before their number. */
  fifo: string;
  /** Versions of tools found, so that they are not asked again. */
  tools: string;
}

/**
 * The names, without touching anything: `$XDG_RUNTIME_DIR/stint`, or `/tmp/stint-UID` where that variable names no directory
 * of this user, or one whose path cannot stand in MAKEFLAGS or in a socket's address.
 */
export function runtimeDir(environment: NodeJS.ProcessEnv): RuntimeDir {
  const uid = (process.getuid as () => number)();
  const base = environment.XDG_RUNTIME_DIR;
  const dir = base !== undefined && fits(base, uid) ? join(base, 'stint') : `/tmp/stint-${uid}`;
  const file = (name: string) => join(dir, name);
  return {
    system: false,
    dir,
    socket: file('api.sock'),
    lock: file('lock'),
    log: file('daemon.log'),
    fifo: file('fifo-'),
    tools: file('tools.json'),
  };
}

/** Where the node of the machine is, unless STINT_MOUNT names another place. */
const MACHINE_DIR = '/run/stint';

/** The names of the machine's daemon, without touching anything. The lock stands beside the directory, in which FUSE is mounted. */
export function machineDir(environment: NodeJS.ProcessEnv): RuntimeDir {
  const dir = environment.STINT_MOUNT || MACHINE_DIR;
  const file = (name: string) => join(dir, name);
  return {
    system: true,
    dir,
    socket: file('api.sock'),
    lock: `${dir}.lock`,
    log: '',
    fifo: file('jobserver'),
    tools: runtimeDir(environment).tools,
  };
}

/** The place of the daemon to ask: the machine's, where there is one and `user` is not set, else the user's own. */
export function findRuntime(environment: NodeJS.ProcessEnv, { user }: { user: boolean }): RuntimeDir {
  const machine = machineDir(environment);
  return !user && hasSocket(machine) ? machine : runtimeDir(environment);
}

function hasSocket({ socket }: RuntimeDir): boolean {
  try {
    return lstatSync(socket).isSocket();
  } catch {
    return false; // ENOTCONN, too: the daemon died, and nobody has cleaned up
  }
}

/** Whether the machine's daemon died and left a mount behind that nobody answers in. */
export function isMachineDead(environment: NodeJS.ProcessEnv): boolean {
  try {
    lstatSync(machineDir(environment).socket);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTCONN';
  }
}

/** Makes the directory if there is none. @throws StintError when it is not a directory of this user alone, or cannot be made */
export function ensureRuntimeDir(dir: string): void {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new StintError(`cannot make the directory ${dir}: ${reason(error)}`, { cause: error });
    }
  }
  checkRuntimeDir(dir);
}

/** @throws StintError when `dir` exists and is not a directory of this user alone; false when there is none */
export function checkRuntimeDir(dir: string): boolean {
  let found: Stats;
  try {
    found = lstatSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new StintError(`cannot look at ${dir}: ${reason(error)}`, { cause: error });
  }
  const wrong = whatIsWrong(found);
  if (wrong === undefined) return true;
  throw new StintError(`will not use ${dir}: it ${wrong}`, {
    hint: 'remove it, or set XDG_RUNTIME_DIR to a directory of your own',
  });
}

function whatIsWrong(found: Stats): string | undefined {
  if (found.isSymbolicLink()) return 'is a symbolic link';
  if (!found.isDirectory()) return 'is not a directory';
  if (found.uid !== process.getuid?.()) return `belongs to user ${found.uid}`;
  if ((found.mode & 0o077) !== 0) return `is open to other users (mode ${(found.mode & 0o777).toString(8)})`;
  return undefined;
}

function fits(base: string, uid: number): boolean {
  if (!base.startsWith('/') || /[\s\\$]/.test(base) || Buffer.byteLength(base) + '/stint'.length > MAX_DIR)
    return false;
  try {
    const found = statSync(base);
    return found.isDirectory() && found.uid === uid;
  } catch {
    return false;
  }
}
