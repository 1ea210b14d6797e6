// One picture of the pool for people and programs: the engine's figures joined with what is known of each build.
import type { BuildStatus, Status } from '../api/schema.ts';
import type { BuildFigures, Snapshot } from '../engine/messages.ts';

/** What the main thread knows of a build beside its figures. */
export interface Known {
  /** When it came, Unix time in milliseconds. */
  since: number;
  /** The name of its user. */
  user: string;
}

export function statusOf(
  snapshot: Snapshot,
  known: ReadonlyMap<number, Known>,
  { daemon, limits }: Pick<Status, 'daemon' | 'limits'>,
): Status {
  const { capacity, limit } = snapshot;
  const builds = snapshot.builds.map((figures) => buildStatus(figures, known.get(figures.id), daemon.mode));
  const sum = (of: (build: BuildStatus) => number) => builds.reduce((total, build) => total + of(build), 0);
  const used = sum(({ implicit, held }) => implicit + held);
  return {
    daemon,
    capacity,
    limit: Math.min(limit, capacity),
    limits,
    free: capacity - used,
    waiting: sum((build) => build.waiting),
    reserved: sum((build) => build.offered),
    overcommit: Math.max(0, used - capacity),
    surplus: snapshot.surplus + sum((build) => build.surplus),
    builds,
  };
}

function buildStatus(
  { facts, clients, granted, max, caps, ...figures }: BuildFigures,
  known: Known | undefined,
  mode: Status['daemon']['mode'],
): BuildStatus {
  const { label, cwd, rootPid, uid, kind } = facts;
  const { since = 0, user = String(uid) } = known ?? {};
  const status = { ...figures, label, cwd, rootPid, uid, user, kind, since };
  return mode === 'system' ? { ...status, clients } : status;
}
