// sd_notify(3): tells the service manager how far the daemon is, in one datagram to the socket it named. No library is needed for
// that, and none is taken: libsystemd would be loaded into each daemon for three calls.
import { closeSync } from 'node:fs';
import { PASSING, sendMessage, waitToSend } from './fds.ts';
import { check, libc } from './libc.ts';

const openSocket = libc.func('int socket(int domain, int type, int protocol)');
const connect = libc.func('int connect(int fd, const void *address, uint32_t length)');
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** unix(7): the longest name in a socket's address, bytes. */
const MAX_NAME = 108;

/** A receiver that does not read is given so long, milliseconds. */
const PATIENCE = 1000;

/**
 * Sends `state` (`READY=1`, `STOPPING=1`, `STATUS=…`; one assignment a line) to the service manager.
 * @param address a path, or a name after `@` in the abstract namespace
 * @returns false when nobody asked for it, or it did not arrive; never throws, as the daemon serves all the same
 */
export function notifySystemd(state: string, address?: string): boolean {
  const socket = connectNotify(address);
  if (socket === undefined) return false;
  const sent = notifyAt(socket, state);
  closeSync(socket);
  return sent;
}

/** A socket for several messages; undefined when nobody asked for them, or nobody listens. */
export function connectNotify(address: string | undefined = process.env.NOTIFY_SOCKET): number | undefined {
  const to = address === undefined ? undefined : socketAddress(address);
  if (to === undefined) return undefined;
  try {
    const fd = check('socket', openSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (connect(fd, to, to.length) === 0) return fd;
    closeSync(fd);
  } catch {
    // There may be no more descriptors: the daemon serves all the same.
  }
  return undefined;
}

/** Sends `state`, and descriptors with it, to the service manager that `socket` leads to. Returns false when it did not arrive. */
export function notifyAt(socket: number, state: string, fds: readonly number[] = []): boolean {
  let failed = -sendMessage(socket, state, fds);
  while (PASSING.has(failed) && waitToSend(socket, PATIENCE)) failed = -sendMessage(socket, state, fds);
  return failed === 0;
}

/** struct sockaddr_un; undefined when `address` is of another kind (`vsock:`), or too long. */
function socketAddress(address: string): Buffer | undefined {
  const name = Buffer.from(address);
  const isPath = name[0] === 0x2f;
  if (!isPath && name[0] !== 0x40) return undefined;
  if (name.length < 2 || name.length > MAX_NAME - (isPath ? 1 : 0)) return undefined;
  if (!isPath) name[0] = 0; // abstract; its length counts, a path ends with a NUL
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX;
  return Buffer.concat([family, name, Buffer.alloc(isPath ? 1 : 0)]);
}
