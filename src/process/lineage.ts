// Who a client of the machine's node is: its process, its program, its ancestors, and what it works for; and from that, which
// build it belongs to. Nothing is remembered: pids come back, and a process becomes another program.
import { basename } from 'node:path';
import { cgroupOf, cwdOf, environmentOf, exeOf, idsOf, type Kin, statOf } from './proc.ts';
import { type Scope, scopeOf } from './scope.ts';

export type { Kin } from './proc.ts';

export interface Lineage extends Kin {
  uid: number;
  gid: number;
  /** The name of its program: of the executable, or for what an interpreter runs, the name of the script. */
  program: string;
  /** Its parent, the parent of that, and so on, without the first process of the machine. */
  ancestors: Kin[];
  /** The leader of its session; itself, where that one is gone. */
  session: Kin;
  /** What it works for, if that is told by its control group or its environment. */
  scope?: Scope;
  /** Empty when it cannot be told. */
  cwd: string;
  /** What people call its work. */
  label: string;
  /** STINT_BUILD of its environment: the build that it was started in. */
  build?: string;
  /** Whether MAKEFLAGS stood in the environment that it was started with. */
  makeflags: boolean;
}

/** Programs that run others' scripts: what counts is the name of the script. */
const INTERPRETER =
  /^(?:python|perl|node|ruby|php|lua|guile|tclsh|java|bash|dash|sh|zsh|ksh|mksh|busybox)[\d.]*(?:-[\d.]+)?$/;
/** Chains of parents are short; a limit all the same. */
const MAX_ANCESTORS = 128;

/** Everything about the process of the thread `tid`; undefined when it is gone or hides. */
export async function lineageOf(tid: number, root = '/proc'): Promise<Lineage | undefined> {
  const ids = idsOf(tid, root);
  const stat = ids && statOf(ids.tgid, root);
  if (ids === undefined || stat === undefined) return undefined;
  const { pid, start, comm } = stat;
  const cgroup = cgroupOf(pid, root);
  const cwd = cwdOf(pid, root) ?? '';
  const environment = await environmentOf(pid, root);
  const scope = scopeOf(cgroup, environment);
  const program = programOf(exeOf(pid, root), comm);
  const build = environment?.get('STINT_BUILD');
  return {
    pid,
    start,
    comm,
    uid: ids.uid,
    gid: ids.gid,
    program,
    ancestors: ancestorsOf(stat.ppid, root),
    session: statOf(stat.session, root) ?? stat,
    ...(scope && { scope }),
    cwd,
    label: labelOf(program, cwd, { scope, environment }),
    ...(build !== undefined && { build }),
    makeflags: environment?.has('MAKEFLAGS') ?? true,
  };
}

/** What chooseBuild needs to know of the builds that are there. */
export interface KnownBuilds<B> {
  /** The build whose `stint run` became this process. */
  runRoot(kin: Kin): B | undefined;
  /** The build of this process, if it is a client. */
  client(kin: Kin): B | undefined;
  /** The build of a scope or a session. */
  keyed(key: string): B | undefined;
  /** The build of a `stint run` of user `uid`, by its name. */
  named(build: string, uid: number): B | undefined;
}

/** The build a process belongs to, or the key and the label of one that is not there yet. */
export type Choice<B> = ({ build: B } | { key: string; label: string }) & {
  /** No process above it is a client: if it runs a job without a token, nobody has paid for that. */
  topmost: boolean;
};

/**
 * The nearest enclosing `stint run`; else the build of the topmost ancestor that is a client; else what its control group or CI
 * job is; else its session. An orphan, whose ancestors tell nothing any more, may name the `stint run` it was started in.
 */
export function chooseBuild<B>(lineage: Lineage, known: KnownBuilds<B>): Choice<B> {
  const { ancestors } = lineage;
  let top: B | undefined;
  for (const kin of ancestors) top = known.client(kin) ?? top;
  const topmost = top === undefined;
  for (const kin of [lineage, ...ancestors]) {
    const build = known.runRoot(kin);
    if (build !== undefined) return { build, topmost };
  }
  if (top !== undefined) return { build: top, topmost };
  if (lineage.build !== undefined) {
    const build = known.named(lineage.build, lineage.uid);
    if (build !== undefined) return { build, topmost };
  }
  const key = lineage.scope?.key ?? `session:${lineage.session.pid}:${lineage.session.start}`;
  const build = known.keyed(key);
  return build === undefined ? { key, label: lineage.label, topmost } : { build, topmost };
}

function programOf(exe: string | undefined, comm: string): string {
  const name = exe === undefined ? comm : basename(exe);
  return INTERPRETER.test(name) ? comm : name;
}

function ancestorsOf(ppid: number, root: string): Kin[] {
  const ancestors: Kin[] = [];
  for (let at = ppid; at > 1 && ancestors.length < MAX_ANCESTORS; ) {
    const stat = statOf(at, root);
    if (stat === undefined) break;
    ancestors.push({ pid: stat.pid, start: stat.start, comm: stat.comm });
    at = stat.ppid;
  }
  return ancestors;
}

function labelOf(
  program: string,
  cwd: string,
  { scope, environment }: { scope: Scope | undefined; environment: ReadonlyMap<string, string> | undefined },
): string {
  const [category, package_] = [environment?.get('CATEGORY'), environment?.get('PF')];
  if (category && package_) return `${category}/${package_}`;
  const portage = /\/portage\/([^/]+\/[^/]+)(?:\/|$)/.exec(cwd)?.[1];
  if (portage !== undefined) return portage;
  return (scope === undefined ? `${program} ${basename(cwd)}` : `${scope.name} ${program}`).trimEnd();
}
