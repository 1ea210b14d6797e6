// Which style of jobserver a command gets: a path (`fifo`), or inherited descriptors (`fds`). No value of MAKEFLAGS serves both
// GNU make before 4.4, which dies of a path, and ninja, which knows only paths.

import { existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { findCommand } from './command.ts';

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
  const tree = join(cwd, Buffer.from(directory, 'latin1').toString());
  return existsSync(join(tree, 'build.ninja')) ? 'ninja' : existsSync(join(tree, 'Makefile')) ? 'make' : undefined;
}

type Version = readonly [number, number];

function atLeast(version: Version, least: Version): boolean {
  return version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);
}

/** Versions of tools, kept in a file under what identifies the tool's own file, because asking one costs milliseconds. */
class Versions {
  readonly #cache: string;
  #known: Record<string, Version | null> | undefined;

  constructor(cache: string) {
    this.#cache = cache;
  }

  /** The version that `name --version` tells, undefined when there is no such command or it tells none. */
  of(name: string, path: string | undefined): Version | undefined {
    let place: string;
    let key: string;
    try {
      place = Buffer.from(findCommand(name, path), 'latin1').toString();
      const file = realpathSync(place);
      const { size, mtimeMs, ino } = statSync(file);
      key = `${name} ${file} ${size} ${mtimeMs} ${ino}`;
    } catch {
      return undefined;
    }
    this.#known ??= this.#load();
    const known = this.#known[key];
    if (known !== undefined) return known ?? undefined;
    const version = ask(place); // not the real path: one program may serve many names
    this.#known[key] = version ?? null;
    this.#save();
    return version;
  }

  #load(): Record<string, Version | null> {
    try {
      return JSON.parse(readFileSync(this.#cache, 'utf8')) as Record<string, Version | null>;
    } catch {
      return {};
    }
  }

  #save(): void {
    const temporary = `${this.#cache}.${process.pid}`;
    try {
      writeFileSync(temporary, JSON.stringify(this.#known), { mode: 0o600 });
      renameSync(temporary, this.#cache);
    } catch {
      rmSync(temporary, { force: true }); // without the file the next run asks again
    }
  }
}

function ask(file: string): Version | undefined {
  const { spawnSync } = createRequire(import.meta.url)('node:child_process') as typeof import('node:child_process');
  const { MAKEFLAGS: _, ...environment } = process.env;
  const { stdout } = spawnSync(file, ['--version'], {
    encoding: 'utf8',
    timeout: 5000,
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const found = /(\d+)\.(\d+)/.exec(stdout?.split('\n', 1)[0] ?? '');
  return found === null ? undefined : [Number(found[1]), Number(found[2])];
}
