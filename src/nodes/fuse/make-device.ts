// Making the character device /dev/NAME, through the kernel's CUSE. Its messages are those of a FUSE mount with one file in it, so
// it is served together with the mount: see device.ts. It never opens the device: that would need an answer of whoever serves it.
//
// The kernel takes the device away when the last descriptor of its connection is closed: there is nothing to clean up.
import { chmodSync, chownSync, closeSync, lstatSync } from 'node:fs';
import { reason, StintError } from '../../errors.ts';
import { EPOLLERR, EPOLLIN, Epoll } from '../../kernel/epoll.ts';
import { readBytes } from '../../kernel/io.ts';
import { setNonblocking } from '../../kernel/nonblock.ts';
import { deviceChannel } from './channel.ts';
import type { NodeRights } from './directory.ts';
import { openKernel } from './open-kernel.ts';
import { CUSE_INIT, FUSE_NEWEST_MINOR, FUSE_OLDEST_MINOR, Request } from './wire.ts';

/** For whoever may not open CUSE. */
const DENIED =
  'only root may make devices; the pool does not need one: leave --device and device in the configuration out';

/** Where clients find the device of that name. */
export const devicePath = (name: string): string => `/dev/${name}`;

/**
 * Makes the device `/dev/NAME` and says who may open it. Returns the descriptor by which it is served; who opens the device before that
 * waits.
 * @throws StintError naming what is missing
 */
export function makeDevice(name: string, rights: NodeRights): number {
  const path = devicePath(name);
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw taken(path, 'there is something');
  const fd = openKernel('CUSE', DENIED);
  try {
    introduce(fd, name);
    if (isRefused(fd)) throw taken(path, 'the kernel has a device of that name, or can make none');
    allow(path, rights);
    setNonblocking(fd, true);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function taken(path: string, why: string): StintError {
  const hint = 'see who serves it, or name another: stint serve --device NAME';
  return new StintError(`cannot make ${path}: ${why}`, { hint });
}

/** Says what the device is called. There is no other message before that is answered. */
function introduce(fd: number, name: string): void {
  const request = new Request();
  const length = readBytes(fd, request.bytes, request.bytes.length);
  if (length <= 0 || !request.received(length) || request.opcode !== CUSE_INIT)
    throw new StintError(`cannot make ${devicePath(name)}: the kernel's CUSE does not answer as it should`);
  const { minor, uniqueLow, uniqueHigh } = request;
  if (minor < FUSE_OLDEST_MINOR)
    throw new StintError(`cannot make ${devicePath(name)}: the kernel's FUSE protocol is 7.${minor}`, {
      hint: 'CUSE needs Linux 5.4 or later',
    });
  deviceChannel(fd).introduced(uniqueLow, uniqueHigh, { minor: Math.min(minor, FUSE_NEWEST_MINOR), name });
}

/** The kernel ends the connection where it cannot make the device. */
function isRefused(fd: number): boolean {
  const epoll = new Epoll();
  let refused = false;
  epoll.add(fd, EPOLLIN);
  epoll.wait(0, (_, events) => (refused = (events & EPOLLERR) !== 0));
  epoll.close();
  return refused;
}

/** Until then nobody but root may open it. */
function allow(path: string, { mode, gid }: NodeRights): void {
  try {
    chownSync(path, 0, gid);
    chmodSync(path, mode);
  } catch (error) {
    const hint = '/dev must be the devtmpfs of the kernel, as it is outside of containers';
    throw new StintError(`cannot say who may open ${path}: ${reason(error)}`, { cause: error, hint });
  }
}
