// mount(2) and umount2(2), so that no mount program and no libfuse is needed.
import { check, libc } from './libc.ts';

const mount = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const umount2 = libc.func('int umount2(const char *target, int flags)');

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MNT_FORCE = 1;
const MNT_DETACH = 2;

/** Mounts a FUSE file system named `source` at `target`; `data` as in the kernel's fuse.rst. @throws SystemError EPERM, EBUSY, ENOENT … */
export function mountFuse(source: string, target: string, data: string): void {
  check('mount', mount(source, target, 'fuse', MS_NOSUID | MS_NODEV | MS_NOEXEC, data));
}

/** Takes a mount out of the tree at once; it ends when its last user has gone. @throws SystemError EINVAL when nothing is mounted there, EPERM */
export function detachMount(target: string): void {
  check('umount2', umount2(target, MNT_DETACH));
}

/** Ends the FUSE connection of the mount at `target`: whoever waits in it gets an error. The mount itself may stay. */
export function abortMount(target: string): void {
  umount2(target, MNT_FORCE); // fails with EBUSY where files are open, but has aborted by then
}
