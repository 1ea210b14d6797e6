// Where a thread's time went, from what Node's processor profiler wrote: by room of the house.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  /** Microseconds between samples. */
  timeDeltas: number[];
}

/** The share of each room in the time of the engine's thread while it worked, the largest first; from the profiles in `folder`. */
export function rooms(folder: string): [room: string, share: number][] {
  const name = readdirSync(folder).find((file) => /\.1\.\d+\.cpuprofile$/.test(file)); // thread 1 is the first worker
  if (name === undefined) throw new Error(`no profile of the engine in ${folder}`);
  const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile;
  const byId = new Map(profile.nodes.map((node) => [node.id, roomOf(node.callFrame)]));
  const spent = new Map<string, number>();
  profile.samples.forEach((id, at) => {
    const room = byId.get(id);
    if (room !== undefined) spent.set(room, (spent.get(room) ?? 0) + (profile.timeDeltas[at] ?? 0));
  });
  const all = [...spent.values()].reduce((sum, one) => sum + one, 0);
  return [...spent].map(([room, one]): [string, number] => [room, one / all]).sort(([, a], [, b]) => b - a);
}

/** Undefined for what is no work of ours: starting, and loading code. */
function roomOf({ functionName, url }: Profile['nodes'][number]['callFrame']): string | undefined {
  if (/\/kernel\/epoll\.ts$/.test(url)) return 'waiting in epoll';
  if (/\/kernel\/io\.ts$/.test(url))
    return 'read and write of the device, the kernel and what it lets run meanwhile included';
  const room = /\/src\/(core|nodes|engine|kernel)\//.exec(url)?.[1];
  if (room !== undefined) return `src/${room}`;
  return functionName === '(garbage collector)' ? 'garbage collection' : undefined;
}
