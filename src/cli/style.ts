// Which style of jobserver a command gets: a path (`fifo`), or inherited descriptors (`fds`). No value of MAKEFLAGS serves both
// GNU make before 4.4, which dies of a path, and ninja, which knows only paths.

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { textOf } from './bytes.ts';
import { atLeast, Versions } from './versions.ts';

export type Style = 'fifo' | 'fds';

export interface Choice {
  style: Style;
  /** What somebody may want to know of the choice, one line. */
  note?: string;
}

/** What is asked before the choice. */
export interface Surroundings {
  /** The command and its arguments, one byte per character (latin1), as is `path`. */
  args: readonly string[];
  path: string | undefined;
  cwd: string;
  /** A file that keeps the versions found. */
  cache: string;
}

/** Names that GNU make goes by. */
const MAKE = /^(?:g|gnu)?make(?:-[\d.]+)?$/;

/** The style for a command whose user left the choice to us. */
export function chooseStyle(around: Surroundings): Choice {
  const tool = toolOf(around);
  if (tool === 'ninja') return { style: 'fifo' };
  const versions = new Versions(around.cache);
  const make = MAKE.test(basename(around.args[0] as string)) ? (around.args[0] as string) : 'make';
  const makeVersion = versions.of(make, around.path);
  if (makeVersion === undefined || atLeast(makeVersion, [4, 4])) return { style: 'fifo' };
  if (tool !== undefined) return { style: 'fds' };
  const ninjaVersion = versions.of('ninja', around.path);
  if (ninjaVersion === undefined || !atLeast(ninjaVersion, [1, 13])) return { style: 'fds' };
  return {
    style: 'fds',
    note: `make ${makeVersion.join('.')} needs inherited descriptors, which ninja does not take: --style fifo serves ninja instead`,
  };
}

/**
 * The one kind of client that a command is known to be: `make`; `ninja` and others that know only paths; `other`, which take
 * either style and do not run ninja. Undefined when there is no telling.
 */
export function toolOf({ args, cwd }: Pick<Surroundings, 'args' | 'cwd'>): 'make' | 'ninja' | 'other' | undefined {
  const name = basename(args[0] as string);
  if (MAKE.test(name)) return 'make';
  if (/^(?:ninja|samu)(?:-build)?$/.test(name)) return 'ninja';
  if (name === 'meson' || name === 'emerge') return 'ninja';
  if (/^(?:cargo|rustc|ctest|cc|c\+\+|g(?:cc|\+\+)(?:-\d+)?)$/.test(name)) return 'other';
  if (name !== 'cmake') return undefined;
  const at = args.indexOf('--build');
  const directory = args[at + 1];
  if (at === -1 || directory === undefined) return undefined;
  const tree = join(cwd, textOf(directory));
  return existsSync(join(tree, 'build.ninja')) ? 'ninja' : existsSync(join(tree, 'Makefile')) ? 'make' : undefined;
}
