// What a path of a jobserver leads to, for whom. It never opens anything: to open a FIFO is to take part in it.
import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import type { Place } from './facts.ts';
import { inTime } from './patience.ts';

const KINDS: Readonly<Record<string, Place['kind']>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  ENOTCONN: 'dead',
  ECONNABORTED: 'dead',
};

/** `root`: the root directory of whose path it is, `` for our own. */
export async function placeAt(path: string, root: string = ''): Promise<Place> {
  // Symbolic links are followed for ourselves only: in another root they would lead astray.
  const look = root === '' ? stat : lstat;
  const found = await inTime(
    look(root + path).catch((error: NodeJS.ErrnoException): Place => ({ kind: KINDS[error.code ?? ''] ?? 'unknown' })),
  );
  if (found === undefined) return { kind: 'hangs' };
  if ('kind' in found) return found;
  const { mode, gid } = found;
  const to = await inTime(readlink(root + path).catch(() => undefined));
  const link = to === undefined ? {} : { to };
  if (found.isSymbolicLink()) return { kind: 'unknown', ...link };
  if (found.isFIFO()) return { kind: 'fifo', mode, gid, ...link };
  if (found.isFile()) return { kind: 'file', mode, gid, ...link };
  return { kind: found.isCharacterDevice() ? 'device' : 'other', mode, gid, ...link };
}

/** Whether some process has `path` open, as far as that can be seen: whoever is not root sees the own ones only. */
export async function isOpen(path: string): Promise<boolean | undefined> {
  const owner = await inTime(stat(path).then(({ uid }) => uid)).catch(() => undefined);
  const uid = process.getuid?.();
  if (owner === undefined || (uid !== 0 && uid !== owner)) return undefined;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const descriptors = await inTime(descriptorsOf(pid));
    if (descriptors !== undefined && [...descriptors.values()].includes(path)) return true;
  }
  return false;
}

/** The open descriptors of a process, with what each leads to; undefined when it is gone or not ours to see. */
export async function descriptorsOf(pid: number | string): Promise<ReadonlyMap<number, string> | undefined> {
  const folder = `/proc/${pid}/fd`;
  try {
    const names = await readdir(folder);
    const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => undefined)));
    const pairs = names.map((name, at) => [Number(name), links[at]] as const);
    return new Map(pairs.filter((pair): pair is [number, string] => pair[1] !== undefined));
  } catch {
    return undefined;
  }
}
