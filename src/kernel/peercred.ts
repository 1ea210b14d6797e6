// SO_PEERCRED and SO_PEERGROUPS: who is at the other end of a Unix socket, as the kernel saw it at connect(2).
import { check, errno, libc } from './libc.ts';

const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
);
const SOL_SOCKET = 1;
const SO_PEERCRED = 17; // asm-generic/socket.h
const SO_PEERGROUPS = 59;
const ERANGE = 34;

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

const bytes = ([length]: number[]): number => length as number;

const listed = (groups: Uint32Array, length: number[]): number[] => [...groups.subarray(0, bytes(length) / 4)];
