// The engine's side of the keeper's store: descriptors that outlive the engine process, each under a key. What is kept is on
// its way at once: that the sender dies in the next moment does not matter. Any thread may have a KeeperStore of its own on the socket.

import { closeOnExec, PASSING, receiveMessage, sendMessage, waitToSend } from '../kernel/fds.ts';
import { EAGAIN } from '../kernel/io.ts';

/** The descriptor at which the engine process finds the socket. */
export const KEEPER_FD = 3;

/** The key of a pidfd of the engine's thread. It is not handed to the next engine: its end means that this one is over. */
export const THREAD = 'thread';

/** How long to wait for a keeper that does not receive, milliseconds. */
const PATIENCE = 1000;
/** Between two tries where the kernel has no memory, milliseconds. */
const PAUSE = 5;
/** Never woken. */
const NOBODY = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Descriptors that outlive the engine process. */
export interface Store {
  /** From now on `fd` is kept under `key`, instead of what was there. The caller goes on owning its own descriptor. */
  keep(key: string, fd: number): void;
  /** What was kept under `key` is not needed any more. */
  drop(key: string): void;
}

/** What an engine process finds when it starts. */
export interface Legacy {
  /** What the one before it kept; the caller owns the descriptors. Empty: there was none. */
  kept: Map<string, number>;
  /** Engine processes of this keeper before this one. */
  restarts: number;
}

export class KeeperStore implements Store {
  readonly socket: number;

  constructor(socket: number = KEEPER_FD) {
    this.socket = socket;
  }

  keep(key: string, fd: number): void {
    this.#send(`keep ${key}`, [fd]);
  }

  drop(key: string): void {
    this.#send(`drop ${key}`);
  }

  /** It serves; `status` is for the service manager. */
  ready(status: string): void {
    this.#send(`ready ${status}`);
  }

  /** It hangs, and may not end for long: another one is to go on. */
  hangs(why: string): void {
    this.#send(`hangs ${why}`);
  }

  /** It leaves on purpose, and the keeper with it. */
  end(code: number): void {
    this.#send(`end ${code}`);
  }

  /** Waits for its turn; to be called once, first of all. Undefined when it does not come, as the keeper is gone. */
  take(): Legacy | undefined {
    closeOnExec(this.socket);
    const kept = new Map<string, number>();
    for (;;) {
      const received = receiveMessage(this.socket, { wait: true });
      if (received === undefined || typeof received === 'number') return undefined;
      const { message, fds } = received;
      if (fds.length === 0) return { kept, restarts: Number(message.slice('all '.length)) };
      for (const [at, key] of message.split('\n').entries()) {
        const fd = fds[at];
        if (fd !== undefined) kept.set(key, fd);
      }
    }
  }

  /**
   * A keeper that is stopped is waited for a while, and so is memory of the kernel; a keeper that is gone takes us with it.
   * @throws Error when it could not be sent for another reason: what the next engine does not find it cannot go on with
   */
  #send(message: string, fds: readonly number[] = []): void {
    const until = performance.now() + PATIENCE;
    let failed = -sendMessage(this.socket, message, fds);
    for (; PASSING.has(failed) && performance.now() < until; failed = -sendMessage(this.socket, message, fds)) {
      if (failed === EAGAIN) waitToSend(this.socket, PATIENCE);
      else Atomics.wait(NOBODY, 0, 0, PAUSE);
    }
    if (PASSING.has(failed) && failed !== EAGAIN)
      throw new Error(`cannot tell the keeper to ${message}: errno ${failed}`);
  }
}
