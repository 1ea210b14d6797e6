// The daemon, wired in reading order: directory → lock → engine → API → idle watch. `startDaemon` is what `stint serve`
// runs and what tests start; it touches neither signals nor the exit code.
import { closeSync, ftruncateSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs';
import type { Server } from 'node:http';
import { routesOf } from '../api/routes.ts';
import { serveApi } from '../api/server.ts';
import { EngineHandle } from '../engine/handle.ts';
import { EXIT, reason, StintError } from '../errors.ts';
import { tryLock } from '../kernel/flock.ts';
import { ensureRuntimeDir, type RuntimeDir } from '../process/runtime-dir.ts';
import { Builds } from './builds.ts';
import { sweepFifos } from './sweep.ts';

export interface DaemonOptions {
  /** Slots in the pool, 1 to MAX_CAPACITY. */
  capacity: number;
  runtime: RuntimeDir;
  version: string;
  /** Seconds without a build or a connection after which the daemon leaves; Infinity: never. */
  idleExit: number;
  /** Check every invariant of the ledger after each mutation: for tests, it costs time. */
  audit?: boolean;
}

export interface Daemon {
  /** Resolves when the daemon has left; rejects when its engine broke. */
  readonly done: Promise<void>;
  /** Leaves: what waits is refused, builds that run go on with the slots that lie in their pipes. */
  stop(): void;
}

/** @throws StintError when the directory cannot be used or another daemon serves it */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { runtime, capacity, version } = options;
  ensureRuntimeDir(runtime.dir);
  const lock = takeLock(runtime);
  sweepFifos(runtime.fifo);

  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const engine = { capacity, fifoPrefix: `${runtime.fifo}${process.pid}-`, audit: options.audit ?? false };
  const builds = new Builds({
    capacity,
    version,
    socket: runtime.socket,
    engine: (events) => new EngineHandle(engine, { ...events, died: (error) => fail(error) }),
  });

  removeFile(runtime.socket); // stale: whoever listened there has lost the lock
  let server: Server | undefined;
  let idleWatch: NodeJS.Timeout | undefined;
  /** The inode of our socket. */
  let socket: number | undefined;
  let leaving = false;

  /** Refuses whoever waits, gives up the place, and says that it is `over`. */
  const leave = (over: () => void) => {
    leaving = true;
    clearInterval(idleWatch);
    // Closing the server removes whatever stands at its path; that may be the socket of a daemon that came after us.
    if (inode(runtime.socket) === socket) server?.close();
    else server?.unref();
    builds.refuseAll();
    // Answers that are under way get a moment to arrive.
    setImmediate(() => {
      server?.closeAllConnections();
      dropLock(lock);
      over();
    });
  };
  const stop = () => {
    if (!leaving) void builds.stop().then(() => leave(resolve), reject);
    leaving = true;
  };
  const fail = (error: Error) => {
    if (!leaving) leave(() => reject(error));
  };

  try {
    server = await serveApi(runtime.socket, version, routesOf(builds));
    socket = inode(runtime.socket);
  } catch (error) {
    await builds.stop();
    dropLock(lock);
    throw error;
  }
  idleWatch = watchIdle(options, { server, socket }, builds, stop);
  return { done, stop };
}

function takeLock(runtime: RuntimeDir): number {
  let fd: number;
  try {
    fd = openSync(runtime.lock, 'a', 0o600);
  } catch (error) {
    throw new StintError(`cannot open ${runtime.lock}: ${reason(error)}`, { cause: error });
  }
  if (!tryLock(fd)) {
    closeSync(fd);
    throw new StintError(`another daemon serves ${runtime.dir}`, {
      exit: EXIT.TAKEN,
      hint: 'see it with: stint status',
    });
  }
  ftruncateSync(fd);
  try {
    writeSync(fd, `${process.pid}\n`);
  } catch {
    // The number is for people; the lock is what counts.
  }
  return fd;
}

/** The pid goes with the lock: soon it may be somebody else's. */
function dropLock(fd: number): void {
  ftruncateSync(fd);
  closeSync(fd);
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Not there, or not ours to remove: listening on it will say so.
  }
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Calls `stop` when there was neither a build nor a connection for `idleExit` seconds, or when nobody can find the socket any more. */
function watchIdle(
  { idleExit, runtime }: DaemonOptions,
  { server, socket }: { server: Server; socket: number | undefined },
  builds: Builds,
  stop: () => void,
): NodeJS.Timeout {
  let busyAt = performance.now();
  let calls = builds.calls;
  const look = () => {
    server.getConnections((_, connections) => {
      const now = performance.now();
      if (connections > 0 || builds.size > 0 || builds.calls !== calls) busyAt = now;
      calls = builds.calls;
      const lost = builds.size === 0 && inode(runtime.socket) !== socket;
      if (lost || now - busyAt >= idleExit * 1000) stop();
    });
  };
  return setInterval(look, Math.min(Math.max(idleExit * 250, 20), 15_000));
}
