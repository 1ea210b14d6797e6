// Whether the clients on PATH, the kernel, and what runs now fit the pool.
import { findJobs, findJobserver } from '../../jobserver/makeflags.ts';
import type { Facts, Process } from './facts.ts';
import { type Check, count, type Finding } from './finding.ts';

export const HOST_CHECKS: readonly Check[] = [
  oldMake,
  oldNinja,
  strayArguments,
  outsidePool,
  noPidfd,
  fuseTimeout,
  noPressure,
];

function oldMake({ tools, target }: Facts): Finding[] {
  const make = tools.find(({ name }) => name === 'make');
  const source = target.sources.find(
    ({ variables }) => findJobserver(variables.get('MAKEFLAGS') ?? '')?.auth.style === 'fifo',
  );
  if (make?.takes !== 'descriptors' || source === undefined) return [];
  return [
    {
      id: 'make-too-old',
      on: make.path,
      what: `GNU make ${make.version?.join('.')} ends with an error on the path that MAKEFLAGS names in ${source.name}`,
      hint: 'put make 4.4 or later before it on PATH; or unset MAKEFLAGS and start it by stint run, which finds another way',
    },
  ];
}

function oldNinja({ tools }: Facts): Finding[] {
  const ninja = tools.find(({ name }) => name === 'ninja');
  if (ninja?.takes !== 'nothing') return [];
  return [
    {
      id: 'ninja-too-old',
      on: ninja.path,
      what: `ninja ${ninja.version?.join('.')} takes no jobserver by a path: its builds run outside the pool`,
      hint: 'put ninja 1.13 or later before it on PATH; or give it a lease: stint run --slots 2..8 -- ninja -j {slots}',
    },
  ];
}

/** make and ninja below a `stint run` whose own command line takes them out of its build's pool; in a lease that is as it should be. */
function strayArguments({ machine, own, processes, servers }: Facts): Finding[] {
  if (!knowsNumbers({ machine, servers })) return [];
  const builds = [machine, own].flatMap(({ status }) => status?.builds ?? []);
  const roots = builds.filter(({ kind, lease }) => kind === 'run' && lease === undefined).map(({ rootPid }) => rootPid);
  const byPid = byNumber(processes);
  return processes.flatMap((process): Finding[] => {
    const { pid, comm, args = [] } = process;
    const jobs = findJobs(args.slice(1).map(quoted).join(' '), { letters: false });
    if (jobs === undefined || jobs === 1) return [];
    if (![process, ...above(process, byPid)].some((one) => roots.includes(one.pid))) return [];
    return [
      {
        id: 'stray-jobs',
        on: `process ${pid} (${comm})`,
        what: `its command line has ${jobs === Number.POSITIVE_INFINITY ? '-j without a number' : `-j${jobs}`}, so it has left the pool of its build`,
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

function noPidfd({ kernel }: Facts): Finding[] {
  if (kernel.pidfd) return [];
  return [
    {
      id: 'pidfd-missing',
      on: 'the kernel',
      what: 'pidfd_open does not work: no daemon can tell when a process ends',
      hint: 'Linux 5.4 or later has it; in a container a seccomp profile may forbid it',
    },
  ];
}

function fuseTimeout({ kernel, machine }: Facts): Finding[] {
  if (kernel.fuseTimeout === 0 || machine.state === 'none') return [];
  return [
    {
      id: 'fuse-timeout',
      on: machine.place.dir,
      what: `the kernel ends a FUSE mount in which a read waits for ${kernel.fuseTimeout} s, as clients that wait for a slot do`,
      hint: 'sysctl fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0, then start the daemon again',
    },
  ];
}

function noPressure({ kernel }: Facts): Finding[] {
  if (kernel.pressure) return [];
  return [
    {
      id: 'psi-missing',
      on: '/proc/pressure',
      what: 'the kernel tells no pressure: limits by it have no effect, and memory is judged by what is free alone',
      hint: 'boot with psi=1, or take a kernel with CONFIG_PSI',
    },
  ];
}
