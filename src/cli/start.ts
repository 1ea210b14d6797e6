// Starting the per-user daemon for whoever needs it, in a session of its own, and knowing when it can be used.
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { reason, StintError } from '../errors.ts';
import { MAIN } from '../paths.ts';
import { ensureRuntimeDir, type RuntimeDir } from '../process/runtime-dir.ts';

/** Seconds without a build after which a daemon that nobody asked for leaves. */
const IDLE_EXIT = 300;
/** Bytes. */
const LOG_LIMIT = 1024 * 1024;
/** Variables that are a build's business, not the daemon's. */
const NOT_ITS_BUSINESS = /^(?:MAKEFLAGS|MAKELEVEL|MFLAGS|CARGO_MAKEFLAGS|STINT_.*)$/;

/** How a daemon that was started ended before it served. */
export interface Ended {
  /** Its exit code. */
  code: number | null;
  /** What it said. */
  said: string;
}

/**
 * Starts a daemon with `jobs` slots, or with its own default, and waits until it serves: undefined then, else how it ended.
 * @throws StintError when it cannot be started
 */
export async function startDaemon(runtime: RuntimeDir, jobs: number | undefined): Promise<Ended | undefined> {
  ensureRuntimeDir(runtime.dir);
  const args = [MAIN, 'serve', '--user', '--idle-exit', String(IDLE_EXIT)];
  if (jobs !== undefined) args.push('--jobs', String(jobs));
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_ITS_BUSINESS.test(name)));
  const log = openLog(runtime.log);
  const before = fstatSync(log).size;
  const daemon = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: '/',
    detached: true,
    env: environment,
    stdio: ['ignore', 'pipe', log],
  });
  const stdout = daemon.stdout as Readable;
  try {
    return await new Promise((resolve, reject) => {
      stdout.once('data', () => resolve(undefined));
      daemon.once('error', (error) =>
        reject(new StintError(`cannot start the daemon: ${reason(error)}`, { cause: error })),
      );
      daemon.once('close', (code) => resolve({ code, said: readFileSync(runtime.log).subarray(before).toString() }));
    });
  } finally {
    closeSync(log);
    stdout.destroy();
    daemon.unref();
  }
}

/** The daemon's log, emptied when it has grown. */
function openLog(path: string): number {
  try {
    const log = openSync(path, 'a', 0o600);
    if (fstatSync(log).size > LOG_LIMIT) ftruncateSync(log);
    return log;
  } catch (error) {
    throw new StintError(`cannot open ${path}: ${reason(error)}`, { cause: error });
  }
}
