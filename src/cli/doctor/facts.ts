// What `stint doctor` judges by: plain data. gather.ts and its neighbours fetch it, the checks only read it.
import type { Status } from '../../api/schema.ts';
import type { NodeChoice } from '../../process/clients.ts';
import type { RuntimeDir } from '../../process/runtime-dir.ts';
import type { Version } from '../versions.ts';

export interface Facts {
  /** Of this command. */
  version: string;
  /** The pool of the machine. */
  machine: Pool;
  /** That of the user who asks. */
  own: Pool;
  /** Daemons of the same user in the other directories where one of theirs may be. */
  elsewhere: readonly Pool[];
  target: Target;
  /** Only where it has settings, and no process was named. */
  portage?: Portage;
  tools: readonly Tool[];
  /** Those that were there before the pools were asked and after. */
  processes: readonly Process[];
  /** The processes of daemons of machines' pools, as far as the process table shows them. */
  servers: readonly Server[];
  kernel: Kernel;
}

/** A daemon's place, and what was found there. */
export interface Pool {
  place: Pick<RuntimeDir, 'system' | 'dir' | 'socket' | 'fifo'>;
  /**
   * `none`: no daemon has been there. `dead`: a mount that nobody answers in. `stale`: a socket that nobody listens at. `hangs`: no
   * answer in time. `unfit`: `why` says it. `serves`: `status` is its answer.
   */
  state: 'none' | 'dead' | 'stale' | 'hangs' | 'unfit' | 'serves';
  why?: string;
  status?: Status;
  /** Of the machine's pool: what its node is to the caller. */
  node?: Place;
  /** Soft limit on open files of the daemon, where the process that goes by its number is the daemon. */
  openFiles?: number;
}

/** What a path leads to. */
export interface Place {
  /** `dead`: into a mount that nobody answers in; `unknown`: could not be looked at. */
  kind: 'missing' | 'denied' | 'dead' | 'hangs' | 'unknown' | 'fifo' | 'file' | 'device' | 'other';
  mode?: number;
  gid?: number;
  /** Where it leads, if it is a symbolic link. */
  to?: string;
  /** Of a FIFO that is not stint's: whether anybody has it open; undefined where that cannot be seen. */
  open?: boolean;
}

/** Whose environment is looked at. */
export interface Target {
  /** The process that was named; undefined: this command's own, which is its caller's. */
  pid?: number;
  uid: number;
  gid: number;
  groups: readonly number[];
  /** Whether its group database puts its user into the group `jobserver`, which it does not have. */
  joinsLater: boolean;
  /** Whether it lives in other namespaces than the machine's first process. */
  sandboxed: boolean;
  sources: readonly Source[];
  /** What each path that those name is to it. */
  paths: ReadonlyMap<string, Place>;
}

/** One place that settings come from. */
export interface Source {
  /** For people, after "in": `this environment`, `/etc/portage/make.conf`. */
  name: string;
  variables: ReadonlyMap<string, string>;
  /** Open descriptors, by number, with what each leads to; undefined where they do not matter or cannot be seen. */
  descriptors?: ReadonlyMap<number, string>;
}

/** Portage on this machine. */
export interface Portage {
  /** Its make.conf. */
  settings: Source;
  /** As whom it builds, unless it is told not to (`userpriv`); undefined: there is no such user. */
  user?: { name: string; groups: readonly number[] };
  /** Where its sandbox lets builds write, as far as it is configured in files; undefined: it is not there. */
  sandbox?: readonly string[];
}

/** A client on the target's PATH. */
export interface Tool {
  name: string;
  path: string;
  version: Version | undefined;
  /** How it finds a jobserver; undefined: it may, but its version was not asked. */
  takes: 'path' | 'descriptors' | 'nothing' | undefined;
  /** What the machine's pool shows it, unless a rule of its configuration says otherwise. */
  node?: NodeChoice['node'];
}

export interface Process {
  pid: number;
  ppid: number;
  comm: string;
  uid: number;
  /** Of make and ninja alone. */
  args?: readonly string[];
}

export interface Server {
  pid: number;
  /** Its number in its own pid namespace. */
  inner: number;
  /** The directory it was told to serve. */
  dir: string;
}

export interface Kernel {
  /** Pressure stall information: whether each of its files can be read. */
  pressure: boolean;
  pidfd: boolean;
  /** Seconds after which it ends a FUSE connection that leaves a request unanswered; 0: never. */
  fuseTimeout: number;
}
