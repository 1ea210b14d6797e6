// What a process lets go of whose engine hangs at a pipe and will be replaced. The thread that hangs cannot be killed before the
// client lets go of its pipe, and keeps open until then what the process has open: nobody could tell that the users of a pipe have
// gone, and whoever is connected would wait for an answer.
import { close, closeSync, readdirSync, readlinkSync } from 'node:fs';
import { KEEPER_FD } from '../keeper/store.ts';

/** Pipes that others keep locked are not waited for, milliseconds. */
const PATIENCE = 100;

/** Closes the pipes in `mount` but for `pipe`, and then the sockets. The process is to be ended at once. */
export async function letGo(mount: string, pipe: number): Promise<void> {
  const open = readdirSync('/proc/self/fd').map((fd) => ({ fd: Number(fd), path: pathOf(fd) }));
  const closed: Promise<void>[] = [];
  for (const { fd, path } of open) {
    const id = path.startsWith(`${mount}/`) ? Number(/\/(\d+)(?: \(deleted\))?$/.exec(path)?.[1] ?? 0) : 0;
    // The second half of a split pipe has the number that follows.
    if (id !== 0 && id !== pipe && id !== pipe + 1) closed.push(new Promise((resolve) => close(fd, () => resolve())));
  }
  const late = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE));
  await Promise.race([Promise.all(closed), late]);
  for (const { fd, path } of open) if (fd > KEEPER_FD && path.startsWith('socket:')) closeSync(fd);
}

function pathOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // it was that of the list
  }
}
