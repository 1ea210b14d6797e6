// One picture of the pool for people and programs: the engine's figures joined with what is known of each build.
import type { BuildStatus, Status } from '../api/schema.ts';
import type { Snapshot } from '../engine/messages.ts';

/** What is known of a build beside its slots. */
export type BuildFacts = Pick<BuildStatus, 'id' | 'label' | 'cwd' | 'rootPid' | 'user' | 'since'>;

export function statusOf(snapshot: Snapshot, facts: ReadonlyMap<number, BuildFacts>, daemon: Status['daemon']): Status {
  const builds: BuildStatus[] = [];
  let used = 0;
  for (const figures of snapshot.builds) {
    used += figures.implicit + figures.held;
    const known = facts.get(figures.id);
    if (known !== undefined) builds.push({ ...known, ...figures });
  }
  const { capacity } = snapshot;
  return { daemon, capacity, limit: capacity, free: capacity - used, builds };
}
