// Whether what runs now is in the pool.
import { findJobs } from '../../jobserver/makeflags.ts';
import type { Facts, Process } from './facts.ts';
import { type Check, count, type Finding } from './finding.ts';

export const PROCESS_CHECKS: readonly Check[] = [strayArguments, outsidePool];

/**
 * make and ninja below a `stint run`, or below the process that is looked at, whose own command line takes them out of the pool. In
 * a lease that is as it should be.
 */
function strayArguments({ machine, own, target, processes, servers }: Facts): Finding[] {
  if (!knowsNumbers({ machine, servers })) return [];
  const builds = [machine, own].flatMap(({ status }) => status?.builds ?? []).filter(({ kind }) => kind === 'run');
  const roots = new Map(builds.map(({ rootPid, lease }) => [rootPid, lease === undefined]));
  const byPid = byNumber(processes);
  return processes.flatMap((process): Finding[] => {
    const { pid, comm, args = [] } = process;
    const jobs = findJobs(args.slice(1).map(quoted).join(' '), { letters: false });
    if (jobs === undefined || jobs === 1) return [];
    const line = [process, ...above(process, byPid)];
    const root = line.find((one) => roots.has(one.pid));
    const counts = root === undefined ? line.some((one) => one.pid === target.pid) : roots.get(root.pid);
    if (!counts) return [];
    const flag = jobs === Number.POSITIVE_INFINITY ? '-j without a number' : `-j${jobs}`;
    return [
      {
        id: 'stray-jobs',
        on: `process ${pid} (${comm})`,
        what: `its command line has ${flag}, which takes it out of the pool`,
        hint: 'start it without -j; a script, a CMake preset or CMAKE_BUILD_PARALLEL_LEVEL may have given it',
        pid,
      },
    ];
  });
}

/** As one word of make's. */
const quoted = (word: string): string => word.replace(/[\s\\]/g, '\\$&');

/** What does the work of a build; their names are cut as the kernel cuts them. */
const COMPILER =
  /^(?:cc1(?:plus|obj|objplus|gm2)?|lto1|f951|gnat1|d21|rustc|rustdoc|clang(?:\+\+|-\d+)?|swift-frontend|cicc|ptxas)$/;
/** What starts them. */
const BUILDER =
  /^(?:g?make|gnumake|ninja|ninja-build|samu|cargo|emerge|ebuild|cmake|ctest|meson|scons|bazel|xmake|spack|dpkg-buildpacka|rpmbuild)$/;

/** Compilers that run now and are in no build of a pool, by who started them. */
function outsidePool({ machine, own, target, processes, servers }: Facts): Finding[] {
  const pools = [machine, own].filter(({ state }) => state === 'serves');
  if (pools.length === 0 || !knowsNumbers({ machine, servers })) return [];
  const members = new Set(pools.flatMap(({ status }) => status?.builds ?? []).flatMap(pidsOf));
  const byPid = byNumber(processes);
  const outside = new Map<Process, number>();
  for (const process of processes) {
    if (!COMPILER.test(process.comm)) continue;
    const line = [process, ...above(process, byPid)];
    if (line.some(({ pid }) => members.has(pid))) continue;
    if (target.pid !== undefined && !line.some(({ pid }) => pid === target.pid)) continue;
    if (machine.state !== 'serves' && process.uid !== target.uid) continue; // whoever has another pool
    const head = line.findLast(({ comm }) => BUILDER.test(comm)) ?? process;
    outside.set(head, (outside.get(head) ?? 0) + 1);
  }
  return [...outside].map(([{ pid, comm, uid }, jobs]) => ({
    id: 'outside-pool',
    on: `process ${pid} (${comm} of user ${uid})`,
    what: `${count(jobs, 'compiler')} outside the pool: no build of it holds a slot for ${jobs === 1 ? 'it' : 'them'}`,
    hint: 'start it by stint run; if it was, look for a -jN on its command line: stint doctor PID looks at its environment',
    pid,
  }));
}

/** Whether the numbers of processes in the status are those that we see: not if we and the daemon are in different containers. */
const knowsNumbers = ({ machine, servers }: Pick<Facts, 'machine' | 'servers'>): boolean =>
  machine.status === undefined || servers.some(({ pid }) => pid === machine.status?.daemon.pid);

const pidsOf = ({ rootPid, kind, clients = [] }: { rootPid: number; kind: string; clients?: { pid: number }[] }) => [
  ...(kind === 'run' || kind === 'with' ? [rootPid] : []), // that of a session is the shell's, whose other jobs are no clients
  ...clients.map(({ pid }) => pid),
];

const byNumber = (processes: readonly Process[]): Map<number, Process> =>
  new Map(processes.map((process) => [process.pid, process]));

/** Its parent, and so on. */
function above(process: Process, byPid: ReadonlyMap<number, Process>): Process[] {
  const found: Process[] = [];
  for (let at = byPid.get(process.ppid); at !== undefined && !found.includes(at); at = byPid.get(at.ppid))
    found.push(at);
  return found;
}
