// Whose environment is looked at: this command's own, which is what its caller gave it, or that of a process that was named, as far
// as its caller may read it. Of a process the environment is the one that it was started with: later changes are its secret.
import { readFileSync, readlinkSync } from 'node:fs';
import { findJobserver } from '../../jobserver/makeflags.ts';
import { parseLaunch } from '../../process/launch.ts';
import { statusOf } from '../../process/proc.ts';
import { environOf } from '../../process/proc-memory.ts';
import type { Place, Source, Target } from './facts.ts';
import { WITH_JOBSERVER } from './finding.ts';
import { descriptorsOf, isOpen, placeAt } from './paths.ts';
import { inTime } from './patience.ts';
import { makeConf } from './portage.ts';

/** `foreign`: whether a path belongs to no pool of stint, so that nobody else says whether it is alive. */
export async function targetOf(pid: number | undefined, foreign: (path: string) => boolean): Promise<Target> {
  const sources = [await environmentSource(pid), ...makeConf(pid)].filter((source) => source !== undefined);
  const sandboxed = isSandboxed(pid);
  const root = rootOf(pid, sandboxed);
  const paths = new Map<string, Place>();
  for (const { variables } of sources) {
    for (const path of pathsIn(variables)) {
      if (paths.has(path)) continue;
      const place = await placeAt(path, root);
      const open = place.kind === 'fifo' && root === '' && foreign(path) ? await isOpen(path) : undefined;
      paths.set(path, { ...place, ...(open !== undefined && { open }) });
    }
  }
  const status = statusOf(pid ?? process.pid);
  const who = { uid: status?.uid ?? -1, gid: status?.gid ?? -1, groups: status?.groups ?? [] };
  return {
    ...(pid !== undefined && { pid }),
    ...who,
    joinsLater: joinsLater(who),
    sandboxed,
    sources,
    paths,
  };
}

/** What to put before its paths: nothing where they are ours. */
function rootOf(pid: number | undefined, sandboxed: boolean): string {
  if (pid === undefined) return '';
  const root = `/proc/${pid}/root`;
  try {
    return sandboxed || readlinkSync(root) !== '/' ? root : '';
  } catch {
    return ''; // nor is its environment ours to read
  }
}

/** The paths of the jobservers that `variables` name. */
function pathsIn(variables: Source['variables']): string[] {
  const found = WITH_JOBSERVER.map((name) => findJobserver(variables.get(name) ?? '')?.auth);
  return found.flatMap((auth) => (auth?.style === 'fifo' ? [auth.path] : []));
}

async function environmentSource(pid: number | undefined): Promise<Source | undefined> {
  const variables = pid === undefined ? new Map(ownVariables()) : await environOf(pid);
  if (variables === undefined) return undefined;
  const all = await inTime(descriptorsOf(pid ?? 'self'));
  const { fds, closed } = parseLaunch(process.env.STINT_LAUNCH);
  const given = [0, 1, 2, ...fds].filter((fd) => !closed.includes(fd));
  const descriptors = pid === undefined ? all && new Map([...all].filter(([fd]) => given.includes(fd))) : all;
  const name = pid === undefined ? 'this environment' : `the environment of process ${pid}`;
  return { name, variables, ...(descriptors !== undefined && { descriptors }) };
}

const ownVariables = (): [string, string][] =>
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);

function joinsLater({ uid, gid, groups }: Pick<Target, 'uid' | 'gid' | 'groups'>): boolean {
  try {
    const user = new RegExp(`^([^:]+):[^:]*:${uid}:`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))?.[1];
    const [, id, members = ''] = /^jobserver:[^:]*:(\d+):(.*)$/m.exec(readFileSync('/etc/group', 'utf8')) ?? [];
    if (user === undefined || id === undefined || !members.split(',').includes(user)) return false;
    return gid !== Number(id) && !groups.includes(Number(id));
  } catch {
    return false;
  }
}

/** The pid namespace that a machine boots with (kernel: include/linux/proc_ns.h). */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

function isSandboxed(pid: number | undefined): boolean {
  const of = (who: number | string, kind: string) => {
    try {
      return readlinkSync(`/proc/${who}/ns/${kind}`);
    } catch {
      return undefined;
    }
  };
  const self = pid ?? 'self';
  const mounts = of(self, 'mnt');
  const first = of(1, 'mnt') ?? of('self', 'mnt'); // who is not root may not look at process 1
  const differs = mounts !== undefined && first !== undefined && mounts !== first;
  return differs || (of(self, 'pid') ?? FIRST_PID_NAMESPACE) !== FIRST_PID_NAMESPACE;
}
