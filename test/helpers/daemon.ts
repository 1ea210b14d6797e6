// A daemon in the test's own process, for what no option and no file says: its limits. Its runtime directory is that of a place.
import { join } from 'node:path';
import { DEFAULT_LIMITS, type LimitsConfig } from '../../src/core/limits.ts';
import { type Daemon, startDaemon } from '../../src/daemon/daemon.ts';
import { runtimeDir } from '../../src/process/runtime-dir.ts';
import type { Place } from './pool.ts';

export interface HomeOptions {
  capacity: number;
  /** What differs from the defaults. */
  limits?: Partial<LimitsConfig>;
  note?: (line: string) => void;
}

/** Serves the builds that are started in `place`, strictly; what it learns is kept in the folder `state` there. */
export function serveHere(place: Place, { capacity, limits, note = failOn }: HomeOptions): Promise<Daemon> {
  return startDaemon({
    capacity,
    runtime: runtimeDir({ XDG_RUNTIME_DIR: place.folder }),
    version: '0.0.0',
    idleExit: Number.POSITIVE_INFINITY,
    options: { 'share.first_slot': 'wait', 'share.newcomer_overcommit': 0 },
    limits: { ...DEFAULT_LIMITS, ...limits },
    state: join(place.folder, 'state'),
    note,
    audit: true,
  });
}

function failOn(line: string): void {
  throw new Error(`the daemon complained: ${line}`);
}
