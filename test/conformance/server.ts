// What the suite asks of a jobserver, and the two that need no server of ours: a FIFO made here, and whatever stands at a path.
import { closeSync, constants, openSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Style } from '../../src/conformance/told.ts';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { bytesInPipe } from '../../src/kernel/fionread.ts';
import { readBytes, writeBytes } from '../../src/kernel/io.ts';

export interface Server {
  /** As it stands in tables. */
  readonly name: string;
  /** Whether slots of a process that is killed come back by themselves. */
  readonly reclaims: boolean;
  /** A node with `slots` free slots beside the one that a client has anyway. One at a time. */
  open(slots: number): Promise<Node>;
  /** After all its nodes are closed. */
  stop(): Promise<void>;
}

export interface Node {
  /** What clients open. */
  readonly path: string;
  /** The command that starts a client on this node, where it is not simply told the path. */
  readonly start?: (style: Style, command: readonly string[]) => string[];
  /** Whether counting takes nothing out of the node, so that it may be done all the time while clients run. */
  readonly calm: boolean;
  /** Slots that can be taken now, beside the one that a client has anyway. */
  count(): Promise<number>;
  /** Makes `n` further slots free. */
  addSlots(n: number): Promise<void>;
  close(): Promise<void>;
}

const { O_RDWR, O_NONBLOCK } = constants;

/** A FIFO in `folder` that is held open, with tokens in it: a jobserver without a server. */
export function fifoServer(folder: string): Server {
  const path = join(folder, 'jobserver');
  return {
    name: 'FIFO',
    reclaims: false,
    async open(slots) {
      makeFifo(path, 0o600);
      const fd = openSync(path, O_RDWR | O_NONBLOCK);
      put(fd, slots);
      return {
        path,
        calm: true,
        count: async () => bytesInPipe(fd),
        addSlots: async (n) => put(fd, n),
        close: async () => {
          unlinkSync(path);
          closeSync(fd);
        },
      };
    },
    stop: async () => {},
  };
}

/**
 * The jobserver that somebody else serves at `path`, and nobody else may use meanwhile. The suite is a client of it: it takes
 * what the clients shall not have, and gives it back in the end, together with what they lost.
 * @param slots how many it has
 */
export function pathServer(path: string, slots: number): Server {
  const isFifo = statSync(path).isFIFO();
  const open = async (wanted: number): Promise<Node> => {
    const fd = openSync(path, O_RDWR | O_NONBLOCK);
    let taken = take(fd);
    if (taken < slots) {
      const found = taken;
      put(fd, found);
      closeSync(fd);
      throw new Error(`${path} has ${found} free slots, not ${slots}`);
    }
    const count = async () => {
      if (isFifo) return bytesInPipe(fd);
      const found = take(fd);
      put(fd, found);
      return found;
    };
    const addSlots = async (n: number) => {
      taken -= n;
      put(fd, n);
    };
    const close = async () => {
      put(fd, taken);
      put(fd, slots - (await count()));
      closeSync(fd);
    };
    await addSlots(wanted);
    return { path, calm: isFifo, count, addSlots, close };
  };
  return { name: path, reclaims: !isFifo, open, stop: async () => {} };
}

const byte = new Uint8Array(1);

/** Takes every token that lies in `fd`, one by one as a client does. */
function take(fd: number): number {
  let taken = 0;
  while (readBytes(fd, byte, 1) === 1) taken++;
  return taken;
}

function put(fd: number, tokens: number): void {
  byte[0] = 0x2b;
  for (let i = 0; i < tokens; i++) {
    const result = writeBytes(fd, byte, 1);
    if (result !== 1) throw new Error(`cannot write a token: ${result}`);
  }
}
