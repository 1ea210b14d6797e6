// One FUSE connection: one function for each of the kernel's messages. It knows the protocol; what lies in the directory it asks
// `directory.ts`. Which node a caller gets, and who a caller is, it asks; what is read and written is the nodes' own.
//
//   jobserver  for each caller the file node, or a pipe of its own: the name is never cached, so every open asks again
//   api.sock   the daemon's socket, made by its own bind(2)
//   status     the JSON of `stint status`
//   README     what this is
//
// Whoever is not known yet is looked up on another thread, and the request is kept until the answer is there.
import { constants } from 'node:fs';
import os from 'node:os';
import type { Caller, Thread } from '../caller.ts';
import type { FileNode } from '../file.ts';
import { NO_NOTES, type Notes } from '../notes.ts';
import type { Channel } from './channel.ts';
import { ALARM, type Directory, ID, NAMES, README, S_IFSOCK, WAKE } from './directory.ts';
import { readsForOthers } from './holding.ts';
import { directory } from './reply.ts';
import {
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  FOPEN_PARALLEL_DIRECT_WRITES,
  FOPEN_STREAM,
  FUSE_KERNEL_VERSION,
  FUSE_NEWEST_MINOR,
  FUSE_OLDEST_MINOR,
  FUSE_PARALLEL_DIROPS,
  OF_DEVICE,
  OP,
  type Request,
} from './wire.ts';

const { O_WRONLY, O_RDWR } = constants;
const { EINVAL, ENOENT, ENOSYS, EPERM, EACCES, EINTR, EPROTO, EIO, EMFILE, ENFILE, ENOTTY } = os.constants.errno;

/** The minor versions that NOFLUSH and PARALLEL_DIRECT_WRITES came with. */
const NOFLUSH_MINOR = 35;
const PARALLEL_WRITES_MINOR = 38;

/** How often one user may have `status` open, root apart: what it said is kept as long. */
const MAX_TEXTS = 64;

/** What a caller is shown at the name of the node. */
export type Shown =
  | { node: 'file' }
  /** The pipe whose id `newPipe` gave. */
  | { node: 'pipe'; id: number }
  | { node: 'none'; errno: number };

/** What the session asks of its engine. Answers may come at once or later. */
export interface Host {
  /** The caller of a LOOKUP of the node: what is it shown? */
  show(caller: { tid: number; uid: number; gid: number }, answer: (shown: Shown) => void): void;
  /** The thread, if it is known. */
  thread(tid: number): Thread | undefined;
  /** Looks an unknown thread up; `opens`: it has just looked the node up. Else what its call fails with. */
  identify(caller: { tid: number; uid: number; opens: boolean }, answer: (found: Thread | number) => void): void;
  /** The answer to a write is put off, until the function that this returns is called; undefined: it cannot be. See holding.ts. */
  owe(request: Request): (() => void) | undefined;
  /** A process has opened the file node, or the character device, which is the same node by another door. */
  opened(caller: Caller, door: 'file' | 'device'): void;
  /** Whose a user is, who may have others for himself. */
  owner(uid: number): number;
  /** Whether the thread is one of the daemon's own. */
  own(tid: number): boolean;
  /** The text of `status`. */
  status(answer: (text: string) => void): void;
  /** INIT is about to be answered; `resend`: the kernel can ask again what was not answered. */
  ready(agreed: Agreed): void;
  /** The daemon's socket is there. */
  bound(): void;
  /** The kernel speaks a protocol that is too old. */
  tooOld(minor: number): void;
}

/** What the session needs of the file node. */
export type SessionFile = Pick<FileNode, 'open' | 'release' | 'read' | 'write' | 'poll' | 'interrupt' | 'known'>;

/** What INIT has come to. */
export interface Agreed {
  /** The minor version that is spoken. */
  minor: number;
  /** The kernel can ask again what was read and not answered. */
  resend: boolean;
}

interface Parked {
  uniqueLow: number;
  uniqueHigh: number;
  /** Where it is noted that it waits. */
  place?: number;
}

export class Session {
  readonly #channel: Channel;
  readonly #file: SessionFile;
  readonly #host: Host;
  readonly #directory: Directory;
  readonly #notes: Notes;
  /** Requests that another session has read may still wait, and nobody knows of them. */
  #orphans = false;
  /** Requests whose answer depends on another thread, by `unique`. */
  readonly #parked = new Map<number, Parked>();
  /** Threads that are being shown the node, and their requests. */
  readonly #showing = new Map<number, (Parked & { unique: number })[]>();
  /** What readers of `status` are given, by file handle. */
  readonly #texts = new Map<number, { text: Buffer; uid: number }>();
  /** How many each user has, or waits for. */
  readonly #textsOf = new Map<number, number>();
  #nextText = 1;
  #openFlags = FOPEN_DIRECT_IO | FOPEN_STREAM;
  /** Requests that wait for another thread. */
  get parked(): number {
    return this.#parked.size;
  }
  /** Set when somebody asked for WAKE or ALARM; whoever reads them clears them. */
  woken = false;
  alarmed = false;

  constructor(parts: { channel: Channel; file: SessionFile; host: Host; directory: Directory; notes?: Notes }) {
    this.#notes = parts.notes ?? NO_NOTES;
    this.#channel = parts.channel;
    this.#file = parts.file;
    this.#host = parts.host;
    this.#directory = parts.directory;
  }

  /** Answers one request, or sees to it that it is answered. */
  handle(request: Request): void {
    this.#notes.looking(request.uniqueLow, request.uniqueHigh);
    switch (request.opcode) {
      case OP.READ:
        this.#read(request);
        break;
      case OP.WRITE:
        this.#write(request);
        break;
      case OP.POLL:
        this.#poll(request);
        break;
      case OP.INTERRUPT:
        this.#interrupt(request);
        break;
      case OP.LOOKUP:
        this.#lookup(request);
        break;
      case OP.OPEN:
        this.#open(request);
        break;
      case OP.RELEASE:
        this.#release(request);
        break;
      case OP.FORGET:
      case OP.BATCH_FORGET:
        break; // ids are not used again, so nothing hangs on the kernel's references
      case OP.FLUSH:
      case OP.RELEASEDIR:
      case OP.DESTROY:
        this.#status(request, 0);
        break;
      case OP.ACCESS:
        this.#access(request);
        break;
      case OP.GETATTR:
        this.#getattr(request);
        break;
      case OP.SETATTR:
        this.#setattr(request);
        break;
      case OP.OPENDIR:
        this.#channel.opened(request.uniqueLow, request.uniqueHigh, { fh: 0, flags: 0 });
        break;
      case OP.READDIR:
        this.#readdir(request);
        break;
      case OP.STATFS:
        this.#channel.statfs(request.uniqueLow, request.uniqueHigh);
        break;
      case OP.INIT:
        this.#init(request);
        break;
      case OP.MKNOD:
        this.#mknod(request);
        break;
      case OP.IOCTL:
        this.#status(request, ENOTTY);
        break;
      case OP.CREATE:
      case OP.MKDIR:
      case OP.SYMLINK:
      case OP.LINK:
      case OP.RENAME:
      case OP.RENAME2:
      case OP.UNLINK:
      case OP.RMDIR:
        this.#status(request, EPERM);
        break;
      default:
        this.#status(request, ENOSYS);
    }
  }

  #init(request: Request): void {
    const { uniqueLow, uniqueHigh, major, minor } = request;
    if (major !== FUSE_KERNEL_VERSION || minor < FUSE_OLDEST_MINOR) {
      this.#status(request, EPROTO);
      this.#host.tooOld(minor);
      return;
    }
    const spoken = Math.min(minor, FUSE_NEWEST_MINOR);
    this.resume({ minor: spoken, resend: request.offersResend });
    this.#channel.init(uniqueLow, uniqueHigh, { minor: spoken, flags: request.initFlags & FUSE_PARALLEL_DIROPS });
  }

  /** Goes on with a connection that another session has agreed on: no second INIT comes. */
  resume(agreed: Agreed): void {
    if (agreed.minor >= NOFLUSH_MINOR) this.#openFlags |= FOPEN_NOFLUSH;
    if (agreed.minor >= PARALLEL_WRITES_MINOR) this.#openFlags |= FOPEN_PARALLEL_DIRECT_WRITES;
    this.#host.ready(agreed);
  }

  /** What another session has read, and where nobody knows that it waits, ends when it is interrupted. */
  expectOrphans(): void {
    this.#orphans = true;
  }

  #lookup(request: Request): void {
    const { name, nodeid } = request;
    if (nodeid === ID.ROOT && name === NAMES.node) {
      this.#lookupNode(request);
      return;
    }
    const found = this.#directory.find(nodeid, name, this.#host.own(request.pid));
    if (found !== undefined) {
      this.#entry(request, found);
      return;
    }
    if (nodeid === ID.OWN && name === WAKE) this.woken = true;
    else if (nodeid === ID.OWN && name === ALARM) this.alarmed = true;
    this.#status(request, ENOENT);
  }

  /**
   * A thread that was interrupted comes back and goes on waiting for what is under way: signals that come faster than an
   * answer would keep it out for ever otherwise.
   */
  #lookupNode(request: Request): void {
    const { pid: tid, uid, gid } = request;
    const underWay = this.#showing.get(tid);
    if (underWay !== undefined) {
      underWay.push(this.#park(request));
      return;
    }
    const waiting = [this.#park(request)];
    this.#showing.set(tid, waiting);
    this.#host.show({ tid, uid, gid }, (shown) => {
      this.#showing.delete(tid);
      for (const parked of waiting) {
        if (!this.#resume(parked)) continue;
        if (shown.node === 'none') this.#status(parked, shown.errno);
        else this.#entry(parked, shown.node === 'file' ? ID.FILE : shown.id);
      }
    });
  }

  /** Whoever has found the node may use it; all else is the same for everybody. */
  #access(request: Request): void {
    const { mode = 0 } = this.#directory.attributesOf(request.nodeid) ?? {};
    const node = request.nodeid === ID.FILE || request.nodeid >= ID.FIRST_PIPE;
    this.#status(request, request.accessMask & ~(node ? mode >> 6 : mode) & 7 ? EACCES : 0);
  }

  #open(request: Request): void {
    const { nodeid, uniqueLow, uniqueHigh } = request;
    if (nodeid === ID.FILE) this.#withCaller(request, (thread, kept) => this.#openNode(kept, thread));
    else if ((request.openFlags & (O_WRONLY | O_RDWR)) !== 0) this.#status(request, EACCES);
    else if (nodeid === ID.STATUS) this.#openStatus(request);
    else if (nodeid === ID.README) this.#channel.opened(uniqueLow, uniqueHigh, { fh: 0, flags: FOPEN_DIRECT_IO });
    else this.#status(request, EACCES);
  }

  #openNode(kept: Request, thread: Thread): void {
    const { uniqueLow, uniqueHigh } = kept;
    const fh = this.#file.open(kept, this.#host.owner(kept.uid));
    if (fh === 0) {
      this.#status(kept, ENFILE);
      return;
    }
    const door = (uniqueHigh & OF_DEVICE) === 0 ? 'file' : 'device';
    this.#host.opened(thread.caller, door); // first: what runs without a token is charged before it can take one
    if (!this.#channel.opened(uniqueLow, uniqueHigh, { fh, flags: this.#openFlags })) this.#file.release(fh, kept);
  }

  /** The text is what it is at the moment of the open. */
  #openStatus(request: Request): void {
    const uid = this.#host.owner(request.uid);
    if (uid !== 0 && (this.#textsOf.get(uid) ?? 0) >= MAX_TEXTS) {
      this.#status(request, EMFILE);
      return;
    }
    this.#countText(uid, 1);
    const parked = this.#park(request);
    this.#host.status((text) => {
      if (!this.#resume(parked)) {
        this.#countText(uid, -1);
        return;
      }
      const fh = this.#nextText++;
      this.#texts.set(fh, { text: Buffer.from(text), uid });
      const { uniqueLow, uniqueHigh } = parked;
      if (!this.#channel.opened(uniqueLow, uniqueHigh, { fh, flags: FOPEN_DIRECT_IO })) this.#dropText(fh);
    });
  }

  #dropText(fh: number): void {
    const { uid } = this.#texts.get(fh) ?? {};
    if (this.#texts.delete(fh)) this.#countText(uid as number, -1);
  }

  #countText(uid: number, change: number): void {
    const count = (this.#textsOf.get(uid) ?? 0) + change;
    if (count > 0) this.#textsOf.set(uid, count);
    else this.#textsOf.delete(uid);
  }

  #read(request: Request): void {
    if (readsForOthers(request)) {
      this.#status(request, EINVAL);
      return;
    }
    if (request.nodeid === ID.FILE) {
      this.#withOwner(request, (kept, found) => this.#file.read(kept, found));
      return;
    }
    const text = request.nodeid === ID.README ? Buffer.from(README) : this.#texts.get(request.fh)?.text;
    const { offset, size, uniqueLow, uniqueHigh } = request;
    if (text === undefined) this.#status(request, EIO);
    else this.#channel.data(uniqueLow, uniqueHigh, text.subarray(offset, offset + Math.min(size, 4096)));
  }

  #write(request: Request): void {
    if (request.nodeid !== ID.FILE) {
      this.#status(request, EPERM);
      return;
    }
    this.#withOwner(request, (kept, found) => this.#file.write(kept, found));
  }

  #poll(request: Request): void {
    if (request.nodeid !== ID.FILE) this.#status(request, ENOSYS);
    else {
      const thread = this.#host.thread(request.pid);
      if (thread?.caller.alive) this.#file.poll(request, thread.caller);
      else this.#withCaller(request, ({ caller }, kept) => this.#file.poll(kept, caller));
    }
  }

  #interrupt(request: Request): void {
    const { interrupted } = request;
    if (this.#file.interrupt(interrupted)) return;
    const parked = this.#parked.get(interrupted);
    if (parked !== undefined) {
      this.#parked.delete(interrupted);
      this.#channel.error(parked.uniqueLow, parked.uniqueHigh, EINTR);
      this.#notes.waited(parked.place ?? -1);
    } else if (this.#orphans) this.#channel.error(interrupted >>> 0, Math.floor(interrupted / 2 ** 32), EINTR);
    // Else it was answered meanwhile.
  }

  #release(request: Request): void {
    if (request.nodeid === ID.FILE) this.#file.release(request.fh, request);
    else if (request.nodeid === ID.STATUS) this.#dropText(request.fh);
    this.#status(request, 0);
  }

  #getattr(request: Request): void {
    const attributes = this.#directory.attributesOf(request.nodeid);
    if (attributes === undefined) this.#status(request, ENOENT);
    else this.#channel.attributes(request.uniqueLow, request.uniqueHigh, attributes);
  }

  /** A shell's `>` cuts the file to nothing, which it is; permissions are the daemon's to set. */
  #setattr(request: Request): void {
    if (request.setsOwnerOrMode) this.#status(request, EPERM);
    else this.#getattr(request);
  }

  #readdir({ nodeid, uniqueLow, uniqueHigh, offset, size }: Request): void {
    const listed = directory(nodeid === ID.ROOT ? this.#directory.entries() : [], offset, Math.min(size, 4096));
    this.#channel.data(uniqueLow, uniqueHigh, listed);
  }

  /** bind(2) of the daemon's own socket. */
  #mknod(request: Request): void {
    const { newName, newMode, pid } = request;
    if (
      newName !== NAMES.socket ||
      (newMode & 0o170000) !== S_IFSOCK ||
      !this.#host.own(pid) ||
      this.#directory.socket
    ) {
      this.#status(request, EPERM);
      return;
    }
    this.#directory.socket = true;
    this.#host.bound();
    this.#entry(request, ID.SOCKET);
  }

  /** Goes on when it is known who calls; `kept` is the request as long as that takes. */
  #withCaller(request: Request, go: (thread: Thread, kept: Request) => void): void {
    const known = this.#host.thread(request.pid);
    if (known?.caller.alive) {
      go(known, request);
      return;
    }
    const kept = request.copy();
    const parked = this.#park(request);
    this.#host.identify({ tid: request.pid, uid: request.uid, opens: request.opcode === OP.OPEN }, (found) => {
      if (!this.#resume(parked)) return;
      if (typeof found === 'number') this.#status(parked, found);
      else go(found, kept);
    });
  }

  /** The same for reads and writes, where the owner of locks tells whether the number still means the same thread. */
  #withOwner(request: Request, go: (kept: Request, thread: Thread) => void): void {
    const known = this.#ownerKnown(request);
    if (known !== undefined) {
      go(request, known);
      return;
    }
    const { lockOwnerLow, lockOwnerHigh } = request;
    const kept = request.copy();
    const paid = request.opcode === OP.WRITE ? this.#host.owe(request) : () => {};
    if (paid === undefined) {
      this.#status(request, EINTR); // it will be tried again
      return;
    }
    const parked = this.#park(request);
    this.#host.identify({ tid: request.pid, uid: request.uid, opens: false }, (found) => {
      if (this.#resume(parked)) {
        if (typeof found === 'number') this.#status(parked, found);
        else {
          found.ownerLow = lockOwnerLow;
          found.ownerHigh = lockOwnerHigh;
          go(kept, found);
        }
      }
      paid();
    });
  }

  #ownerKnown(request: Request): Thread | undefined {
    const last = this.#file.known(request);
    if (last !== undefined) return last;
    const { lockOwnerLow, lockOwnerHigh } = request;
    const known = this.#host.thread(request.pid);
    if (!known?.caller.alive) return undefined;
    if (known.ownerLow === 0 && known.ownerHigh === 0) {
      known.ownerLow = lockOwnerLow;
      known.ownerHigh = lockOwnerHigh;
    }
    return known.ownerLow === lockOwnerLow && known.ownerHigh === lockOwnerHigh ? known : undefined;
  }

  #park({ unique, uniqueLow, uniqueHigh }: Request): Parked & { unique: number } {
    const parked = { unique, uniqueLow, uniqueHigh, place: this.#notes.waiting(uniqueLow, uniqueHigh) };
    this.#parked.set(unique, parked);
    return parked;
  }

  /** False when the caller has given up meanwhile and was answered. */
  #resume({ unique, uniqueLow, uniqueHigh, place = -1 }: Parked & { unique: number }): boolean {
    if (!this.#parked.delete(unique)) return false;
    this.#notes.lookingAgain(uniqueLow, uniqueHigh);
    this.#notes.waited(place);
    return true;
  }

  #entry({ uniqueLow, uniqueHigh }: Parked, nodeid: number): void {
    const attributes = this.#directory.attributesOf(nodeid);
    if (attributes === undefined) this.#channel.error(uniqueLow, uniqueHigh, ENOENT);
    else this.#channel.entry(uniqueLow, uniqueHigh, { nodeid, attributes, valid: 0 });
  }

  #status({ uniqueLow, uniqueHigh }: Parked, errno: number): void {
    this.#channel.error(uniqueLow, uniqueHigh, errno);
  }
}
