// Finding a command as execvp(3) does, and becoming it. Strings hold one byte per character (latin1).
import { accessSync, constants, statSync } from 'node:fs';
import { EXIT, reason, StintError } from '../errors.ts';
import { execProgram } from '../kernel/exec.ts';
import type { SystemError } from '../kernel/libc.ts';
import { textOf } from './bytes.ts';

const DEFAULT_PATH = '/usr/local/bin:/bin:/usr/bin';

/**
 * The file that `name` stands for.
 * @throws StintError with EXIT.RUN_NOT_FOUND, or EXIT.RUN_CANNOT when there is only a file that may not be run
 */
export function findCommand(name: string, path: string = DEFAULT_PATH): string {
  if (name === '') throw notFound(name);
  const places = name.includes('/') ? [name] : path.split(':').map((directory) => `${directory || '.'}/${name}`);
  let denied: string | undefined;
  for (const place of places) {
    const verdict = look(place);
    if (verdict === 'runs') return place;
    if (verdict !== 'none') denied ??= verdict;
  }
  if (denied === undefined) throw notFound(name);
  throw new StintError(`cannot run '${textOf(name)}': ${denied}`, { exit: EXIT.RUN_CANNOT });
}

/** Becomes the program `file`; a file that the kernel does not know how to run is given to the shell, as execvp does. @throws StintError */
export function becomeCommand(file: string, args: readonly string[], environment: readonly string[]): never {
  try {
    try {
      execProgram(file, args, environment);
    } catch (error) {
      if ((error as SystemError).code !== 'ENOEXEC') throw error;
      execProgram('/bin/sh', ['sh', file, ...args.slice(1)], environment);
    }
  } catch (error) {
    const exit = (error as SystemError).code === 'ENOENT' ? EXIT.RUN_NOT_FOUND : EXIT.RUN_CANNOT;
    throw new StintError(`cannot run '${textOf(args[0] as string)}': ${reason(error)}`, { exit, cause: error });
  }
}

function look(place: string): 'runs' | 'none' | string {
  const file = Buffer.from(place, 'latin1');
  try {
    if (!statSync(file).isFile()) return 'not a regular file';
    accessSync(file, constants.X_OK);
    return 'runs';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'none' : reason(error);
  }
}

function notFound(name: string): StintError {
  return new StintError(`cannot run '${textOf(name)}': no such command`, { exit: EXIT.RUN_NOT_FOUND });
}
