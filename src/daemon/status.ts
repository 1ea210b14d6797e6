// One picture of the pool for people and programs: the engine's figures joined with what is known of each build.
import type { BuildStatus, Status } from '../api/schema.ts';
import type { Exit } from '../engine/exit.ts';
import type { BuildAccount, BuildFigures, Snapshot } from '../engine/messages.ts';
import { reasonOf } from './reasons.ts';

/** What the main thread knows of a build beside its figures. */
export interface Known {
  /** When it came, Unix time in milliseconds. */
  since: number;
  /** The name of its user. */
  user: string;
  /** What is told of it when it is over. */
  facts: Pick<BuildStatus, 'label' | 'cwd' | 'kind'>;
  /** Its user and the process id of its root. */
  uid: number;
  rootPid: number;
  /** What its root has said that it will say again if it is not answered. */
  claim: string | undefined;
  /** It lasts as long as a connection. */
  connected: boolean;
  /** How its root ended, as far as that is known. */
  exit: Exit | undefined;
  /** The path that its clients open, once it has begun. */
  path: string | undefined;
}

/** The most memory that a build was seen to have, bytes. */
type PeakOf = (id: number) => number | undefined;

export function statusOf(
  snapshot: Snapshot,
  known: ReadonlyMap<number, Known>,
  { daemon, pids, limits, peakOf, ...others }: Pick<Status, 'daemon' | 'pids' | 'limits' | 'with'> & { peakOf: PeakOf },
): Status {
  const { capacity, limit } = snapshot;
  const pool = { capacity, limit, limits: limits.filter(({ name }) => name !== 'cgroup') };
  const builds = snapshot.builds.map((figures) => {
    const { id, wait } = figures;
    const status = buildStatus(figures, { known: known.get(id), mode: daemon.mode, peakMemory: peakOf(id) });
    if (wait === undefined || status.waiting === 0) return status;
    return { ...status, reason: reasonOf(wait, { ...pool, user: status.user }) };
  });
  const sum = (of: (build: BuildStatus) => number) => builds.reduce((total, build) => total + of(build), 0);
  const used = sum(({ implicit, held }) => implicit + held);
  return {
    daemon,
    pids,
    capacity,
    limit,
    limits,
    free: capacity - used,
    waiting: sum((build) => build.waiting),
    reserved: sum((build) => build.offered),
    overcommit: Math.max(0, used - capacity),
    surplus: snapshot.surplus + sum((build) => build.surplus),
    with: others.with,
    builds,
  };
}

function buildStatus(
  { facts, clients, account, max, caps, wait, ...figures }: BuildFigures,
  {
    known,
    mode,
    peakMemory,
  }: { known: Known | undefined; mode: Status['daemon']['mode']; peakMemory: number | undefined },
): BuildStatus {
  const { label, cwd, rootPid, uid, kind } = facts;
  const { since = 0, user = String(uid) } = known ?? {};
  // A first slot, or all those of a lease.
  const waits = wait === undefined || figures.state !== 'starting' ? {} : { waiting: wait.needs };
  const past = pastOf(account, peakMemory);
  const bounds = { ...(max !== undefined && { max }), ...(caps.length > 0 && { caps }) };
  const status = {
    ...figures,
    ...past,
    ...bounds,
    ...waits,
    label,
    cwd,
    rootPid,
    uid,
    user,
    kind,
    since,
  };
  return mode === 'system' ? { ...status, clients } : status;
}

/** What a build has had so far. */
export const pastOf = ({ used, waited, peak, granted }: BuildAccount, peakMemory: number | undefined) => ({
  slotSeconds: seconds(used),
  waitedSeconds: seconds(waited),
  peak,
  granted,
  ...(peakMemory !== undefined && { peakMemory }),
});

/** Of milliseconds; to the millisecond. */
const seconds = (ms: number): number => Math.round(ms) / 1000;
