// The process table: who runs below whom, and which of them are daemons of a machine's pool. It reads what the kernel shows
// everybody, and waits for nobody.
import { readdirSync, readFileSync } from 'node:fs';
import { relativesOf, statusOf } from '../../process/proc.ts';
import { argumentsOf, environOf } from '../../process/proc-memory.ts';
import type { Process, Server } from './facts.ts';

export function processTable(): Process[] {
  return pids().flatMap((pid) => {
    const self = relativesOf(pid);
    const status = statusOf(pid);
    if (self === undefined || status === undefined) return [];
    return [{ pid, ppid: self.ppid, comm: self.comm, uid: status.uid }];
  });
}

/** Those of `processes` that are still there and have the same parent. */
export const stillThere = (processes: readonly Process[]): Process[] =>
  processes.filter(({ pid, ppid, comm }) => {
    const now = relativesOf(pid);
    return now?.ppid === ppid && now.comm === comm;
  });

/** With the arguments of those that a -j on the command line would take out of the pool. */
export const withArguments = (processes: readonly Process[]): Promise<Process[]> =>
  Promise.all(
    processes.map(async (process) => {
      const args = STRAYS.test(process.comm) ? await argumentsOf(process.pid) : undefined;
      return args === undefined ? process : { ...process, args };
    }),
  );

const STRAYS = /^(?:g?make|gnumake|ninja|ninja-build)$/;

/** The daemons of machines' pools; `usual`: the directory of one that was not told any, as far as can be seen. */
export async function serversAmong(processes: readonly Process[], usual: string): Promise<Server[]> {
  const nodes = processes.filter(({ comm }) => NODE.test(comm));
  const told = await Promise.all(
    nodes.map(async ({ pid }): Promise<Server | undefined> => {
      const args = (await argumentsOf(pid)) ?? [];
      const at = args.findIndex((word, index) => /\/main\.[jt]s$/.test(word) && args[index + 1] === 'serve');
      if (at === -1 || args.includes('--user', at)) return undefined;
      const mount = args.indexOf('--mount', at);
      const dir = mount === -1 ? args.find((word) => word.startsWith('--mount='))?.slice(8) : args[mount + 1];
      const said = dir ?? (await environOf(pid))?.get('STINT_MOUNT') ?? usual;
      return { pid, inner: innerOf(pid), dir: said.replace(/\/+$/, '') };
    }),
  );
  const found = told.filter((one) => one !== undefined);
  // The daemon may do its work in a child.
  const children = nodes.flatMap(({ pid, ppid }): Server[] => {
    const parent = found.find((one) => one.pid === ppid);
    return parent === undefined ? [] : [{ pid, inner: innerOf(pid), dir: parent.dir }];
  });
  return [...found, ...children];
}

/** What Node's threads and processes call themselves. */
const NODE = /^(?:node|nodejs|MainThread|stint)$/;

/** The last number in the line NSpid of its status: that in the innermost pid namespace (proc_pid_status(5)). */
function innerOf(pid: number): number {
  try {
    const line = /^NSpid:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(line?.split('\t').at(-1) ?? pid);
  } catch {
    return pid;
  }
}

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
