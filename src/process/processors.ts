// How many processors this process may use: the affinity mask, and the CPU quota of its cgroup and of every cgroup around it,
// version 1 or 2. Node's own count knows the mask, but finds a quota of version 1 only where systemd mounts it.
import { availableParallelism } from 'node:os';
import { cgroupsOf, cpuQuota, type Read } from './cgroups.ts';

/** Whole processors, 1 or more; a quota of one and a half counts as two. */
export function processors(read?: Read): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota(read))));
}

/** The smallest CPU quota that holds here, in processors; Infinity when there is none. */
export function quota(read?: Read): number {
  return Math.min(Number.POSITIVE_INFINITY, ...cgroupsOf('cpu', { read }).map((group) => cpuQuota(group, read)));
}
