// STUB to be replaced.
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
export interface Kin {
  pid: number;
  start: number;
  comm: string;
}
export interface Lineage {
  pid: number;
  start: number;
  uid: number;
  gid: number;
  program: string;
  ancestors: Kin[];
  session: Kin;
  scope?: { kind: 'ci' | 'container' | 'unit'; key: string; name: string };
  cwd: string;
  label: string;
  build?: string;
  makeflags: boolean;
}
function stat(pid: number) {
  try {
    const t = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const e = t.lastIndexOf(')');
    const f = t.slice(e + 2).split(' ');
    return {
      pid,
      comm: t.slice(t.indexOf('(') + 1, e),
      ppid: Number(f[1]),
      session: Number(f[3]),
      start: Number(f[19]),
    };
  } catch {
    return undefined;
  }
}
export async function lineageOf(tid: number): Promise<Lineage | undefined> {
  const m = /Tgid:\s*(\d+)/.exec(readFileSync(`/proc/${tid}/status`, 'latin1'));
  const s = stat(Number(m?.[1]));
  if (!s) return undefined;
  const ancestors: Kin[] = [];
  for (let p = stat(s.ppid); p && p.pid > 1; p = stat(p.ppid)) ancestors.push(p);
  const exe = basename(readlinkSync(`/proc/${s.pid}/exe`));
  const program = /^(python|node|bash|sh|dash|perl)/.test(exe) ? s.comm : exe;
  return {
    ...s,
    uid: 0,
    gid: 0,
    program,
    ancestors,
    session: stat(s.session) ?? s,
    cwd: '/',
    label: program,
    makeflags: true,
  };
}
type Known<B> = {
  runRoot(k: Kin): B | undefined;
  client(k: Kin): B | undefined;
  keyed(k: string): B | undefined;
  named(b: string, uid: number): B | undefined;
};
export function chooseBuild<B>(
  l: Lineage,
  k: Known<B>,
): { build: B; topmost: boolean } | { key: string; label: string; topmost: boolean } {
  const cl = l.ancestors.map((a) => k.client(a)).filter((x) => x !== undefined);
  const topmost = cl.length === 0;
  for (const a of [l, ...l.ancestors]) {
    const b = k.runRoot(a as Kin);
    if (b !== undefined) return { build: b, topmost };
  }
  const top = cl.at(-1);
  if (top !== undefined) return { build: top, topmost };
  const key = `session:${l.session.pid}:${l.session.start}`;
  const b = k.keyed(key);
  return b !== undefined ? { build: b, topmost } : { key, label: l.label, topmost };
}
