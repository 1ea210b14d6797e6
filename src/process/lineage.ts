// Who a process is that opens the machine's jobserver: what it runs, what it descends from, and which build it belongs to. It
// remembers nothing, for processes change. A process that goes while it is looked at is undefined; what it hides is left out.
import { basename } from 'node:path';
import { harmless, plain } from './plain.ts';
import { cgroupOf, type Kin, type Relatives, relativesOf, statusOf } from './proc.ts';
import { argumentsOf, environOf, heldOf } from './proc-memory.ts';
import { programOf } from './program.ts';
import { type Scope, scopeOf } from './scope.ts';

export type { Kin } from './proc.ts';

/** Of a whole process, not of one of its threads. */
export interface Lineage extends Kin {
  /** Effective user and group. */
  uid: number;
  gid: number;
  /** Its supplementary groups. */
  groups: number[];
  /** The path of its control group, empty when that is not known. */
  cgroup: string;
  /** The name that clients.ts knows it by. */
  program: string;
  /** Nearest first, without process 1. When they were started is not known. */
  ancestors: Kin[];
  /** The leader of its session, also one that is gone: while anybody is in the session, its number is nobody else's. */
  session: Kin;
  scope?: Scope;
  /** Empty when it cannot be seen. */
  cwd: string;
  /** What a build is called that begins with it. */
  label: string;
  /** The build that its environment names. */
  build?: string;
  /** Whether it was given MAKEFLAGS by its environment, or may have been. */
  makeflags: boolean;
}

/** Nobody's make calls itself so often; a chain that long is only to keep us busy. */
const MAX_ANCESTORS = 128;
/** Longest name that is passed on, characters. */
const MAX_NAME = 120;

/** Of the process that the thread `tid` belongs to. Takes some 100 ms at most, whatever the process does. Never rejects. */
export async function lineageOf(tid: number, root: string = '/proc'): Promise<Lineage | undefined> {
  const status = statusOf(tid, root);
  if (status === undefined) return undefined;
  const { tgid: pid, uid, gid, groups } = status;
  const [{ stat, exe, cwd = '' }, environment] = await Promise.all([heldOf(pid, root, uid), environOf(pid, root, uid)]);
  // All at once, without a pause in which anything could change hands.
  const self = relativesOf(pid, root);
  if (self === undefined || statusOf(tid, root)?.tgid !== pid) return undefined;
  const { comm } = self;
  const ancestors = ancestorsOf(self, root);
  const session = leaderOf(self, root);
  const cgroup = cgroupOf(pid, root);
  const scope = scopeOf({ uid, cgroup, environment, terminal: (stat?.terminal ?? 0) !== 0 });
  const named = scope && { ...scope, name: plain(scope.name, MAX_NAME) };
  const program = plain(await programOf({ comm, exe, args: () => argumentsOf(pid, root, uid) }), MAX_NAME);
  const build = environment?.get('STINT_BUILD');
  return {
    pid,
    start: stat?.start ?? 0,
    comm,
    uid,
    gid,
    groups,
    cgroup: cgroup ?? '',
    program,
    ancestors,
    session,
    ...(named && { scope: named }),
    cwd: harmless(cwd),
    label:
      packageOf(environment, cwd) ??
      plain(`${named?.name ?? ''} ${program} ${named ? '' : basename(cwd)}`.trim(), MAX_NAME),
    ...(build && { build }),
    makeflags: environment?.has('MAKEFLAGS') ?? true,
  };
}

/** What is known of builds. */
export interface Known<B> {
  /** The `stint run` that this process is the root of. */
  runRoot(kin: Kin): B | undefined;
  /** The build of this process, if it is a client. */
  client(kin: Kin): B | undefined;
  /** The build that is there under a key. */
  keyed(key: string): B | undefined;
  /** What a build is known by that begins below a `stint with`, if this process is one. */
  lent(kin: Kin): string | undefined;
  /** The `stint run` of this user that goes by the id `build`. */
  named(build: string, orphan: Pick<Lineage, 'uid' | 'start'>): B | undefined;
}

/**
 * The build that a process belongs to: its nearest `stint run`; else that of its topmost ancestor that is a client; else, for one
 * whose parents are gone, the `stint run` that its environment names; else that of the `stint with` above it; else its scope's; else its
 * session's. A key is of a build that is not there yet. `topmost`: no ancestor is a client.
 */
export function chooseBuild<B>(
  lineage: Lineage,
  known: Known<B>,
): ({ build: B } | { key: string; label: string }) & { topmost: boolean } {
  const { ancestors, session, scope, label } = lineage;
  const clients = ancestors.map((kin) => known.client(kin)).filter((build) => build !== undefined);
  const topmost = clients.length === 0;
  const lent = firstOf([lineage, ...ancestors], (kin) => known.lent(kin));
  const key = lent ?? scope?.key ?? `session:${session.pid}:${session.start}`;
  const build =
    firstOf([lineage, ...ancestors], (kin) => known.runRoot(kin)) ??
    clients.at(-1) ??
    (lineage.build === undefined ? undefined : known.named(lineage.build, lineage)) ??
    known.keyed(key);
  return build === undefined ? { key, label, topmost } : { build, topmost };
}

function firstOf<T>(kin: readonly Kin[], ask: (kin: Kin) => T | undefined): T | undefined {
  for (const one of kin) {
    const found = ask(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Those above a process, nearest first, without process 1. */
export function ancestorsOf(self: Relatives, root: string = '/proc'): Kin[] {
  const found: Kin[] = [];
  let child = self;
  while (child.ppid > 1 && found.length < MAX_ANCESTORS) {
    const parent = relativesOf(child.ppid, root);
    if (parent !== undefined) {
      found.push(kinOf(parent));
      child = parent;
      continue;
    }
    // The parent has gone since we asked for its number: who took the child over?
    const again = relativesOf(child.pid, root);
    if (again === undefined || again.ppid === child.ppid) break;
    child = again;
  }
  return found;
}

function leaderOf(self: Relatives, root: string): Kin {
  if (self.session === 0) return kinOf(self);
  return kinOf(relativesOf(self.session, root) ?? { ...self, pid: self.session });
}

const kinOf = ({ pid, start, comm }: Kin): Kin => ({ pid, start, comm });

/** CATEGORY/PF while Portage builds a package, as its environment or its folder of temporary files tells. */
function packageOf(environment: ReadonlyMap<string, string> | undefined, cwd: string): string | undefined {
  const told = `${environment?.get('CATEGORY')}/${environment?.get('PF')}`;
  const [found] = new RegExp(`^${PACKAGE}$`).exec(told) ?? [];
  return found ?? new RegExp(`/portage/(${PACKAGE})(?:/|$)`).exec(cwd)?.[1];
}

/** A category, and a package with its version (Package Manager Specification, names and versions). */
const PACKAGE = '(?:[A-Za-z0-9_][\\w+.]*-[\\w+.-]{1,40}|virtual)/[A-Za-z0-9_][\\w+-]{0,80}-\\d[\\w.+-]{0,40}';
