// sd_notify(3): tells the service manager how far the daemon is, in one datagram to the socket it named. No library is needed for
// that, and none is taken: libsystemd would be loaded into each daemon for three calls.
import { closeSync } from 'node:fs';
import { check, libc } from './libc.ts';

const openSocket = libc.func('int socket(int domain, int type, int protocol)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');
const sendto = libc.func(
  'intptr_t sendto(int fd, const void *data, size_t size, int flags, const void *address, uint32_t length)',
);
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const MSG_NOSIGNAL = 0x4000;
/** unix(7): the longest name in a socket's address, bytes. */
const MAX_NAME = 108;

/** A receiver that does not read is given so long, seconds. */
const PATIENCE = 1n;

/**
 * Sends `state` (`READY=1`, `STOPPING=1`, `STATUS=…`; one assignment a line) to the service manager.
 * @param address a path, or a name after `@` in the abstract namespace
 * @returns false when nobody asked for it, or it did not arrive; never throws, as the daemon serves all the same
 */
export function notifySystemd(state: string, address: string | undefined = process.env.NOTIFY_SOCKET): boolean {
  const to = address === undefined ? undefined : socketAddress(address);
  if (to === undefined) return false;
  try {
    const fd = check('socket', openSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    try {
      const patience = new BigInt64Array([PATIENCE, 0n]); // struct timeval
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, patience, patience.byteLength);
      const data = Buffer.from(state);
      return Number(sendto(fd, data, data.length, MSG_NOSIGNAL, to, to.length)) === data.length;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
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
