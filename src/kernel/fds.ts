// Descriptors that go from one process to another: a SOCK_SEQPACKET pair, and sendmsg(2) and recvmsg(2) with SCM_RIGHTS
// (unix(7)). A descriptor that is on its way outlives its sender. Every thread has buffers of its own, so any of them may send.
import os from 'node:os';
import { address, check, errno, libc } from './libc.ts';

const socketpair = libc.func('int socketpair(int domain, int type, int protocol, _Out_ void *fds)');
const sendmsg = libc.func('intptr_t sendmsg(int fd, void *message, int flags)');
const recvmsg = libc.func('intptr_t recvmsg(int fd, void *message, int flags)');
const fcntl = libc.func('fcntl', 'int', ['int', 'int', 'int']);
const poll = libc.func('int poll(_Inout_ void *fds, unsigned long nfds, int timeout)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');

const { EAGAIN, ENOBUFS, ENOMEM } = os.constants.errno;
/** Node has no name for it. */
const ETOOMANYREFS = 109;

/** How sending fails for the moment: the other end does not receive, the kernel has no memory, too many descriptors are on their way. */
export const PASSING: ReadonlySet<number> = new Set([EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS]);

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const POLLOUT = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Descriptors that one message can carry; the kernel's own limit is 253 (SCM_MAX_FD). */
export const MAX_FDS = 250;
/** Bytes of text that one message can carry. */
export const MAX_TEXT = 32 * 1024;

/** What a socket holds of messages that nobody has received yet, bytes; a user gets what the kernel allows. */
const SEND_BUFFER = 8 * 1024 * 1024;

// struct msghdr and struct iovec, 64 bits: eight bytes for each field. struct cmsghdr: length, then level and type.
const IOV = 7;
const CONTROL_HEAD = 16;
const header = new BigUint64Array(9);
const text = Buffer.alloc(MAX_TEXT);
const control = new Uint32Array((CONTROL_HEAD + 4 * MAX_FDS + 8) / 4);
const addressOf = (array: ArrayBufferView): bigint =>
  address(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));

/** Two connected ends, close-on-exec. @throws SystemError EMFILE, ENFILE */
export function socketPair(): [number, number] {
  const fds = new Int32Array(2);
  check('socketpair', socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
  const size = Int32Array.of(SEND_BUFFER);
  for (const fd of fds) {
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, size, 4) === -1) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, size, 4);
  }
  return [fds[0] as number, fds[1] as number];
}

/** Keeps the descriptor `fd` from programs that this process starts. @throws SystemError EBADF */
export function closeOnExec(fd: number): void {
  check('fcntl F_SETFD', fcntl(fd, F_SETFD, FD_CLOEXEC));
}

/** Sends one message, without waiting: 0, or the negative errno (EAGAIN: the other end does not receive; EPIPE: it is gone). */
export function sendMessage(socket: number, message: string, fds: readonly number[] = []): number {
  const length = text.write(message);
  prepare(length, fds.length === 0 ? 0 : CONTROL_HEAD + 4 * fds.length + ((4 * fds.length) & 4));
  control.set([CONTROL_HEAD + 4 * fds.length, 0, SOL_SOCKET, SCM_RIGHTS, ...fds]);
  return Number(sendmsg(socket, header, MSG_DONTWAIT | MSG_NOSIGNAL)) === -1 ? -errno() : 0;
}

/** Waits up to `timeout` milliseconds until a message can be sent; false when none can. */
export const waitToSend = (socket: number, timeout: number): boolean =>
  poll(Int32Array.of(socket, POLLOUT), 1, timeout) === 1;

export interface Received {
  message: string;
  /** Close-on-exec; whoever receives them closes them. */
  fds: number[];
  /** Some descriptors got lost: this process may not have more. */
  truncated: boolean;
}

/** The next message, or the negative errno; undefined when the other end is gone. `wait`: until there is one. */
export function receiveMessage(socket: number, { wait }: { wait: boolean }): Received | number | undefined {
  prepare(MAX_TEXT, control.byteLength);
  const length = Number(recvmsg(socket, header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT)));
  if (length === -1) return -errno();
  const held = Number(header[5]) < CONTROL_HEAD ? 0 : ((control[0] as number) - CONTROL_HEAD) / 4;
  const truncated = (Number(header[6]) & MSG_CTRUNC) !== 0;
  if (length === 0 && held === 0) return undefined;
  return { message: text.toString('utf8', 0, length), fds: [...control.subarray(4, 4 + held)], truncated };
}

function prepare(textLength: number, controlLength: number): void {
  header.fill(0n);
  header[2] = addressOf(header) + BigInt(8 * IOV);
  header[3] = 1n;
  header[4] = controlLength === 0 ? 0n : addressOf(control);
  header[5] = BigInt(controlLength);
  header[IOV] = addressOf(text);
  header[IOV + 1] = BigInt(textLength);
}
