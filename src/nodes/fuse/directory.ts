// What lies in the mounted directory: names, node ids and attributes. The ids of pipes are given here; none is ever used for
// something else again.
//
// The daemon's own names lie in a folder of their own: while a caller opens the node with O_CREAT, as shells do for `>` and
// `<>`, the kernel keeps the directory locked until we have answered, and we may have to open a pipe for the answer.
import { constants } from 'node:fs';
import type { Attributes, DirectoryEntry } from './reply.ts';
import { MAX_WRITE } from './wire.ts';

const { S_IFDIR, S_IFREG, S_IFIFO } = constants;
export const S_IFSOCK = 0o140000;

/** Node ids of what is always there; those of pipes follow. */
export const ID = { ROOT: 1, FILE: 2, SOCKET: 3, STATUS: 4, README: 5, OWN: 6, FIRST_PIPE: 16 } as const;

export const NAMES = { node: 'jobserver', socket: 'api.sock', status: 'status', readme: 'README' } as const;
/** The daemon's own folder. In it each pipe goes by its node id, for the daemon's threads alone. */
export const OWN_FOLDER = '.own';
/** Asking for these names in it wakes the engine where it waits for requests only: something else happened; time has passed. */
export const WAKE = 'wake';
export const ALARM = 'alarm';

export const README = `This is the jobserver of the whole machine: one pool of job slots for all builds. It is served by stint.

  MAKEFLAGS=" -jN --jobserver-auth=fifo:$PATH_OF_THIS_DIRECTORY/jobserver"

jobserver   what GNU make >= 4.4, ninja >= 1.13, cargo and others open
status      who holds what, as JSON; 'stint status' says it for people
api.sock    HTTP with JSON
`;

export interface NodeRights {
  /** Permissions of the node, as in chmod. */
  mode: number;
  /** Its group. */
  gid: number;
}

/** Whether a caller may open the node. The kernel leaves that to us: see mount.ts. */
export function mayOpen(
  { uid, gid, groups }: { uid: number; gid: number; groups: readonly number[] },
  node: NodeRights,
): boolean {
  if (uid === 0 || (node.mode & 0o006) === 0o006) return true;
  return (node.mode & 0o060) === 0o060 && (gid === node.gid || groups.includes(node.gid));
}

export class Directory {
  readonly #rights: NodeRights;
  readonly #time = Math.floor(Date.now() / 1000);
  readonly #pipes = new Set<number>();
  readonly #given: (next: number) => void;
  #nextPipe: number = ID.FIRST_PIPE;
  /** Whether the daemon's socket is there. */
  socket = false;

  /** `given` is called with the first id that was not given yet, before one is used. */
  constructor(rights: NodeRights, given: (next: number) => void = () => {}) {
    this.#rights = rights;
    this.#given = given;
  }

  /** Goes on from ids that were given before, and a socket that was bound. */
  resume({ nextPipe, socket }: { nextPipe: number; socket: boolean }): void {
    this.#nextPipe = Math.max(nextPipe, ID.FIRST_PIPE);
    this.#given(this.#nextPipe);
    this.socket = socket;
  }

  /** A new id for a pipe, under which the daemon can look it up from now on. */
  newPipe(): number {
    const id = this.#nextPipe++;
    this.#given(this.#nextPipe);
    this.#pipes.add(id);
    return id;
  }

  dropPipe(id: number): void {
    this.#pipes.delete(id);
  }

  /** The id behind a name in the folder `parent`, but for that of the node. `own`: one of the daemon's threads asks. */
  find(parent: number, name: string, own: boolean): number | undefined {
    if (parent === ID.OWN)
      return own && /^\d{1,15}$/.test(name) && this.#pipes.has(Number(name)) ? Number(name) : undefined;
    if (parent !== ID.ROOT) return undefined;
    if (name === NAMES.status) return ID.STATUS;
    if (name === NAMES.readme) return ID.README;
    if (name === NAMES.socket) return this.socket ? ID.SOCKET : undefined;
    return own && name === OWN_FOLDER ? ID.OWN : undefined;
  }

  attributesOf(nodeid: number): Attributes | undefined {
    const { mode, gid } = this.#rights;
    const of = (kind: number, size = 0, group = 0): Attributes => {
      return { ino: nodeid, mode: kind, uid: 0, gid: group, nlink: 1, size, time: this.#time };
    };
    switch (nodeid) {
      case ID.ROOT:
        return { ...of(S_IFDIR | 0o755), nlink: 2 };
      case ID.OWN:
        return { ...of(S_IFDIR | 0o700), nlink: 2 };
      case ID.FILE:
        return of(S_IFREG | mode, MAX_WRITE, gid); // a write beyond the end would wait for all others
      case ID.SOCKET:
        return of(S_IFSOCK | 0o666);
      case ID.STATUS:
        return of(S_IFREG | 0o444);
      case ID.README:
        return of(S_IFREG | 0o444, README.length);
      default:
        return nodeid >= ID.FIRST_PIPE && nodeid < this.#nextPipe ? of(S_IFIFO | mode, 0, gid) : undefined;
    }
  }

  entries(): DirectoryEntry[] {
    return [
      { ino: ID.ROOT, name: '.', mode: S_IFDIR },
      { ino: ID.ROOT, name: '..', mode: S_IFDIR },
      { ino: ID.FILE, name: NAMES.node, mode: 0 }, // the type depends on who opens it
      ...(this.socket ? [{ ino: ID.SOCKET, name: NAMES.socket, mode: S_IFSOCK }] : []),
      { ino: ID.STATUS, name: NAMES.status, mode: S_IFREG },
      { ino: ID.README, name: NAMES.readme, mode: S_IFREG },
    ];
  }
}
