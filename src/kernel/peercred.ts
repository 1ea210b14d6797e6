// SO_PEERCRED: who is at the other end of a Unix socket, as the kernel saw it at connect(2).
import { check, libc } from './libc.ts';

const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
);
const SOL_SOCKET = 1;
const SO_PEERCRED = 17; // asm-generic/socket.h

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
