// Where a process stands in the pool: its build, and whether it waits. Found when somebody asks; nothing is kept.
import type { Ledger } from '../core/ledger.ts';
import { turnOf } from '../core/turn.ts';
import type { Lineage } from '../process/lineage.ts';
import type { Builds, Ground, Running } from './builds.ts';
import type { ProcessFigures } from './messages.ts';

interface Parts {
  builds: Builds;
  ground: Pick<Ground, 'find'>;
  ledger: Ledger;
  now: number;
}

export function whereabouts(lineage: Lineage, { builds, ground, ledger, now }: Parts): ProcessFigures {
  const { pid, ancestors } = lineage;
  const root = [...builds.byId.values()].find(({ facts, rootFd }) => rootFd !== -1 && facts.rootPid === pid);
  const { running: found, would, waiter: own, ...others } = ground.find(lineage);
  const pids = [pid, ...ancestors.map((kin) => kin.pid)];
  const running = root ?? found ?? builds.around(pids) ?? named(lineage, builds);
  const waiter = root?.first ?? own;
  const waits = waiter?.client.waiters.has(waiter) === true;
  return {
    build: running?.id,
    root: root !== undefined,
    ...others,
    ...(would !== undefined && running === undefined && { would }),
    ...(waits && { waits: { needs: waiter.min ?? 1, for: now - waiter.since, turn: turnOf(ledger, waiter) } }),
  };
}

/** The `stint run` of the same user that its environment names: its parents may be gone. */
function named({ build, uid }: Lineage, builds: Builds): Running | undefined {
  const running = build === undefined ? undefined : builds.byId.get(Number(build));
  return running?.facts.kind === 'run' && running.facts.uid === uid ? running : undefined;
}
