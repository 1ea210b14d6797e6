// SO_PEERCRED, SO_PEERGROUPS and SO_PEERPIDFD: who is at the other end of a Unix socket, as the kernel saw it at connect(2).
import { closeSync } from 'node:fs';
import { check, errno, libc } from './libc.ts';

const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
);
const SOL_SOCKET = 1;
const SO_PEERCRED = 17; // asm-generic/socket.h
const SO_PEERGROUPS = 59;
const SO_PEERPIDFD = 77; // Linux 6.5
const ERANGE = 34;
const ESRCH = 3;
const poll = libc.func('int poll(_Inout_ void *fds, unsigned long nfds, int timeout)');
const POLLIN = 1;

export interface PeerCredentials {
  /** Process id as this process sees it; 0 when the peer lives outside this pid namespace. */
  pid: number;
  uid: number;
  gid: number;
}

/** The credentials of the peer of the connected Unix socket `fd`. @throws SystemError ENOTSOCK, EBADF */
export function peerCredentials(fd: number): PeerCredentials {
  const ucred = new Uint32Array(3);
  check('getsockopt SO_PEERCRED', getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, [ucred.byteLength]));
  return { pid: ucred[0] as number, uid: ucred[1] as number, gid: ucred[2] as number };
}

/** The supplementary groups of the peer of the connected Unix socket `fd`. @throws SystemError ENOTSOCK, EBADF */
export function peerGroups(fd: number): number[] {
  const groups = new Uint32Array(64);
  const length = [groups.byteLength];
  if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, length) === 0) return listed(groups, length);
  if (errno() !== ERANGE) check('getsockopt SO_PEERGROUPS', -1);
  const more = new Uint32Array(bytes(length) / 4); // more than 64: now the kernel has said how many
  check('getsockopt SO_PEERGROUPS', getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, more, length));
  return listed(more, length);
}

/**
 * Whether the process that has connected to the Unix socket `fd` is there still. If it is not, somebody else can have its number, while who has
 * inherited the connection goes on with it. True also where the kernel does not tell.
 */
export function peerIsThere(fd: number): boolean {
  const pidfd = new Int32Array(1);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, pidfd, [pidfd.byteLength]) === -1) return errno() !== ESRCH;
  const [peer = -1] = pidfd;
  const ended = poll(Int32Array.of(peer, POLLIN), 1, 0) === 1;
  closeSync(peer);
  return !ended;
}

const bytes = ([length]: number[]): number => length as number;

const listed = (groups: Uint32Array, length: number[]): number[] => [...groups.subarray(0, bytes(length) / 4)];
