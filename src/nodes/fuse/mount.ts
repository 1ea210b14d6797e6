// Mounting the FUSE directory, and cleaning up after a daemon that died. It never looks into the mount: that could need an
// answer of whoever serves it.
//
// Not with `default_permissions`: before each open and each watch the kernel would then make sure that it knows the file's mode, and
// ask for it whenever a client was killed while changing the file. The engine opens and watches pipes, and would ask itself.
import { closeSync, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { reason, StintError } from '../../errors.ts';
import { detachMount, mountFuse } from '../../kernel/mount.ts';
import { openKernel } from './open-kernel.ts';

/** The name of the mount in /proc/mounts, and by it ours are told from others. */
const SOURCE = 'stint';
/** For whoever may not open FUSE. */
const DENIED = 'only root may serve the whole machine; for your own builds: stint serve --user';
const S_IFDIR = 0o40000;

export interface Mount {
  /** The open FUSE device. Whoever serves it closes it; what clients have open of the mount then gets an error, but for pipes. */
  readonly device: number;
  /** Takes the mount out of the tree. */
  unmount(): void;
}

/**
 * Mounts a FUSE directory at `target`, which is made if there is none, and takes away a dead one that stands there. To be
 * called by whoever has the daemon's lock.
 * @throws StintError naming what is missing
 */
export function mountDirectory(target: string): Mount {
  const device = openKernel('FUSE', DENIED);
  try {
    makeTarget(target);
    clear(target);
    const who = `user_id=${process.getuid?.()},group_id=${process.getgid?.()}`;
    const data = `fd=${device},rootmode=${S_IFDIR.toString(8)},${who},allow_other`;
    mountFuse(SOURCE, target, data);
  } catch (error) {
    closeSync(device);
    if (error instanceof StintError) throw error;
    throw new StintError(`cannot mount ${target}: ${reason(error)}`, { cause: error, ...hintOf(error) });
  }
  return { device, unmount: () => unmount(target) };
}

/** The mount at `target` that another process has made, with its open device. */
export const adoptMount = (target: string, device: number): Mount => ({ device, unmount: () => unmount(target) });

function unmount(target: string): void {
  try {
    if (mountsAt(target).some(isOurs)) detachMount(target);
  } catch {
    // Somebody was faster.
  }
}

function hintOf(error: unknown): { hint?: string } {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EPERM') return { hint: 'mounting needs root (CAP_SYS_ADMIN); for your own builds: stint serve --user' };
  if (code === 'ENODEV') return { hint: 'the kernel has no FUSE, or its module is not loaded: modprobe fuse' };
  return {};
}

function makeTarget(target: string): void {
  try {
    mkdirSync(target, { mode: 0o755 });
  } catch (error) {
    // A dead mount says ENOTCONN, or EEXIST: either way something is there.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTCONN') return;
    throw new StintError(`cannot make the directory ${target}: ${reason(error)}`, { cause: error });
  }
}

/** Takes dead mounts of ours away. @throws StintError when something else is mounted, or one of ours lives */
function clear(target: string): void {
  for (;;) {
    const top = mountsAt(target).at(-1);
    if (top === undefined) return;
    if (!isOurs(top)) {
      throw new StintError(`cannot mount ${target}: a ${top.type} file system is mounted there`, {
        hint: 'name another directory: stint serve --mount DIR',
      });
    }
    if (!isDead(target)) {
      throw new StintError(`cannot mount ${target}: another stint serves it`, {
        hint: `stop it, or name another directory: stint serve --mount DIR`,
      });
    }
    detachMount(target);
  }
}

interface MountPoint {
  type: string;
  source: string;
}

const isOurs = ({ type, source }: MountPoint): boolean => type === 'fuse' && source === SOURCE;

/** What is mounted at `target`, the topmost last. */
function mountsAt(target: string): MountPoint[] {
  const found: MountPoint[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    // ID PARENT MAJOR:MINOR ROOT TOP OPTIONS [TAG]... - TYPE SOURCE SUPER-OPTIONS (proc_pid_mountinfo(5))
    const [before = '', after = ''] = line.split(' - ');
    const point = before
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
    const [type = '', source = ''] = after.split(' ');
    if (point === target) found.push({ type, source });
  }
  return found;
}

/** A mount whose server is gone answers at once; one whose server lives has the daemon's lock, so this is not asked. */
function isDead(target: string): boolean {
  try {
    statfsSync(target);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTCONN';
  }
}
