// The table at the end, and the verdict.
import type { Build, Outcome } from './builds.ts';
import { tailOf } from './command.ts';
import { seconds, table } from './table.ts';
import { none } from './trace.ts';

/** Prints how it went; true when every build is well, no more jobs ran than the pool has, and all slots are back. */
export function report({ builds, trace }: Outcome, pool: { capacity: number; free: number }): boolean {
  const wall =
    Math.max(...builds.map(({ endedAt }) => endedAt)) - Math.min(...builds.map(({ startedAt }) => startedAt));
  const rows = builds.map((build) => {
    const { name, tool } = build.project;
    const { jobs, peak } = trace.builds.get(name) ?? none;
    const waited = Math.min(build.firstSlotAt, build.endedAt) - build.startedAt;
    return [name, tool, String(jobs), seconds(waited), seconds(build.endedAt - build.startedAt), String(peak)];
  });
  const all = ['all', '', String(trace.all.jobs), '', seconds(wall), `${trace.all.peak} of ${pool.capacity}`];
  console.log(`\n${table([['build', 'tool', 'jobs', 'waited', 'wall time', 'peak jobs'], ...rows, all])}\n`);
  console.log(`slots busy: ${((100 * trace.all.busy) / wall / pool.capacity).toFixed(0)} % of the time`);
  console.log(`slots back: ${pool.free} of ${pool.capacity}`);

  const wrongs = [
    ...builds.flatMap(whyFailed),
    ...(trace.all.peak > pool.capacity ? [`${trace.all.peak} jobs ran at once on a pool of ${pool.capacity}`] : []),
    ...(pool.free === pool.capacity ? [] : [`${pool.capacity - pool.free} slots did not come back`]),
  ];
  for (const wrong of wrongs) console.error(`demo: ${wrong}`);
  return wrongs.length === 0;
}

function whyFailed({ project, end, log }: Build): string[] {
  return end?.ok ? [] : [`${project.name}: ${end?.how}; the last lines of ${log}:\n${tailOf(log)}`];
}
