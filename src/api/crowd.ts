// What one user may have under way at the API, so that nobody uses up the daemon's memory, descriptors or time: connections, readers of events,
// bytes that he does not read, and questions that are being answered. Root and the daemon's own user have no bounds.
import type { Socket } from 'node:net';
import { isOwn } from './call.ts';

/** Connections of one user, whatever descriptors there are. */
const MAX_CONNECTIONS = 1024;
/** Readers of events of one user. */
const MAX_READERS = 64;
/** Bytes that wait to be read by one user; one answer may always wait. */
const MAX_UNREAD = 16 * 1024 * 1024;

interface User {
  readonly uid: number;
  readonly sockets: Set<Socket>;
  readers: number;
  /** Resolves when the last of his questions so far is answered. */
  asked: Promise<unknown>;
}

export class Crowd {
  readonly #most: number;
  readonly #users = new Map<number, User>();
  readonly #bySocket = new WeakMap<Socket, User>();

  constructor(connections: number) {
    this.#most = Math.min(connections, MAX_CONNECTIONS);
  }

  /** A user has connected; why he may not, if so. */
  enter(socket: Socket, uid: number): string | undefined {
    const user = this.#users.get(uid) ?? { uid, sockets: new Set(), readers: 0, asked: Promise.resolve() };
    const { sockets } = user;
    if (sockets.size >= this.#most && !isOwn(uid))
      return `user ${uid} has ${sockets.size} connections, and may not have more`;
    sockets.add(socket);
    this.#users.set(uid, user);
    this.#bySocket.set(socket, user);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) this.#users.delete(uid);
    });
    return undefined;
  }

  /** Somebody begins to read events; why he may not, if so. */
  read(socket: Socket): string | undefined {
    const user = this.#bySocket.get(socket);
    if (user === undefined) return undefined;
    if (user.readers >= MAX_READERS && !isOwn(user.uid))
      return `user ${user.uid} has ${user.readers} readers of events, and may not have more`;
    user.readers++;
    socket.once('close', () => user.readers--);
    return undefined;
  }

  /** Answers a question when those that its user has asked before are answered; between two, others have their turn. */
  inTurn<T>(socket: Socket, answer: () => Promise<T>): Promise<T> {
    const user = this.#bySocket.get(socket);
    if (user === undefined || isOwn(user.uid)) return answer();
    const answered = user.asked.then(() => new Promise(setImmediate)).then(answer);
    user.asked = answered.catch(() => {}); // whoever has asked hears of it
    return answered;
  }

  /** Whether `length` bytes more may wait for who is at the other end. */
  affords(socket: Socket, length: number): boolean {
    const user = this.#bySocket.get(socket);
    if (user === undefined || isOwn(user.uid)) return true;
    let unread = 0;
    for (const { writableLength } of user.sockets) unread += writableLength;
    return unread === 0 || unread + length <= MAX_UNREAD;
  }
}
