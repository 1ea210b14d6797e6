// Versions of tools, kept in a file under what identifies the tool's own file, because asking one costs milliseconds.
import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { checkRuntimeDir } from '../process/runtime-dir.ts';
import { textOf } from './bytes.ts';
import { findCommand } from './command.ts';

/** Major and minor. */
export type Version = readonly [number, number];

export function atLeast(version: Version, least: Version): boolean {
  return version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);
}

export class Versions {
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
      place = textOf(findCommand(name, path));
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
    if (!isOwn(dirname(this.#cache))) return {};
    try {
      return JSON.parse(readFileSync(this.#cache, 'utf8')) as Record<string, Version | null>;
    } catch {
      return {};
    }
  }

  #save(): void {
    if (!isOwn(dirname(this.#cache))) return;
    const temporary = `${this.#cache}.${process.pid}`;
    try {
      writeFileSync(temporary, JSON.stringify(this.#known), { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#cache);
    } catch {
      rmSync(temporary, { force: true }); // without the file the next run asks again
    }
  }
}

/** What stands in a folder of somebody else is not believed, and nothing is written there: his links could lead anywhere. */
function isOwn(folder: string): boolean {
  try {
    return checkRuntimeDir(folder);
  } catch {
    return false;
  }
}

function ask(file: string): Version | undefined {
  const { spawnSync } = createRequire(import.meta.url)('node:child_process') as typeof import('node:child_process');
  const { MAKEFLAGS: _, GNUMAKEFLAGS: _also, ...environment } = process.env;
  const { stdout } = spawnSync(file, ['--version'], {
    encoding: 'utf8',
    timeout: 5000,
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const found = /(\d+)\.(\d+)/.exec(stdout?.split('\n', 1)[0] ?? '');
  return found === null ? undefined : [Number(found[1]), Number(found[2])];
}
