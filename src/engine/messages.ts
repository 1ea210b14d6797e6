// What the main thread and the engine's thread say to each other. Plain data only.
import type { Policy } from '../core/policy.ts';
import type { Lent } from '../core/settings.ts';
import type { Turn } from '../core/turn.ts';
import type { BuildClass } from '../core/types.ts';
import type { Wait } from '../core/waits.ts';
import type { TapeMemory } from '../observe/tape.ts';
import type { ClientRule } from '../process/clients.ts';
import type { Lineage } from '../process/lineage.ts';
import type { Rule } from '../process/rules.ts';
import type { Said } from './standings.ts';

/** What is known of a build beside its slots. */
export interface BuildFacts {
  /**
   * `run`: a `stint run`. `with`: what was started under a `stint with`. `scope`: a container, a unit or a CI job. `session`: what was
   * started from one terminal or login.
   */
  kind: 'run' | 'with' | 'scope' | 'session';
  label: string;
  cwd: string;
  /** When it came, Unix time in milliseconds. */
  since: number;
  /** Process id of its root, 0 when it has no single one. */
  rootPid: number;
  uid: number;
  /** The groups of the process that it began with, and the path of its control group; empty: not known. */
  groups: readonly number[];
  cgroup: string;
  /** What tells the call that has opened it from others of the same process: who says it again is answered with this build. */
  claim?: string | undefined;
  /** It lasts as long as the connection that has opened it. */
  connected?: boolean | undefined;
}

/** A process that draws from the pool, or drew from it. */
export interface ClientFigures {
  pid: number;
  program: string;
  node: 'file' | 'pipe' | 'split' | 'device';
  /** Slots taken as tokens; -1: it has lent out the one of its own job. */
  held: number;
  /** Slots that lie in its pipe, or are set aside since it was told that it may take one. */
  offered: number;
  /** Acquires that wait. */
  waiting: number;
  /** Slots charged for a job that it runs without a token. */
  implicit: number;
}

/** What a lease asks for; slots. */
export interface LeaseTerms {
  /** All of these in one step, or it waits: 1 or more. */
  readonly min: number;
  /** As many as are fair, up to this. */
  readonly max: number;
  /** The signal that its root is sent when it is told how many slots to have, or 0. */
  readonly signal: number;
}

/** How long a build may take. */
export interface TimeLimit {
  /** Milliseconds. */
  readonly after: number;
  /** `wall`: from the call on. `held`: only while it has slots. */
  readonly clock: 'held' | 'wall';
}

/** What a build asks for when it begins. */
export interface BuildTerms {
  /** Slots (0 or 1) that are acquired for its root before it starts; of no meaning for a lease. */
  implicit: 0 | 1;
  lease?: LeaseTerms | undefined;
  timeLimit?: TimeLimit | undefined;
  /** The numbers of the `stint with` that it begins below. */
  withs?: readonly number[];
  /** Its bounds beside those of rules. */
  bounds?: readonly string[];
}

/** What a build has had of the pool. */
export interface BuildAccount {
  /** Slots × milliseconds in its clients' hands, jobs without a token included. */
  used: number;
  /** The same for slots that lay untaken in its pipes, or were set aside for it. */
  idle: number;
  /** Milliseconds in which it waited for a slot. */
  waited: number;
  /** The most slots that were in its clients' hands at once. */
  peak: number;
  granted: number;
}

/** A build, as the engine counts it; slots. */
export interface BuildFigures {
  id: number;
  facts: BuildFacts;
  /** Its part beside other builds of its user. */
  weight: number;
  class: BuildClass;
  /** Slots that it may have by a rule; undefined: what the policy says. */
  max: number | undefined;
  /** The bounds by rules that it shares with others; slots that all of them may have together. */
  caps: { name: string; slots: number }[];
  /** What it may have while all others want their part; not rounded. */
  share: number;
  /** What it has had so far. */
  account: BuildAccount;
  /** `starting`: waits for its first slot. `running`. `left`: its root is gone, something it started still draws from the pool. */
  state: 'starting' | 'running' | 'left';
  implicit: number;
  held: number;
  /** Lie in its pipes untaken, or are set aside for its pollers. */
  offered: number;
  /** Slots it is taken to wait for: its first, blocked reads and polls, and one more for each pipe of which all was taken. */
  waiting: number;
  /** Held though nobody has the pipe open: most likely lost by a client that was killed. */
  stranded: number;
  /** Returned in all by clients that had not taken them; never added to the pool. */
  surplus: number;
  /** Known in system mode only. */
  clients: ClientFigures[];
  /** Of a lease: its bounds, and how many slots it should have. */
  lease?: { min: number; max: number; wish: number };
  /** While it waits. */
  wait: Wait | undefined;
}

export interface Snapshot {
  capacity: number;
  /** Slots that may be out now. */
  limit: number;
  /** Tokens returned at the file node by clients that had not taken them, in all. */
  surplus: number;
  builds: BuildFigures[];
}

/** Where a process stands. */
export interface ProcessFigures {
  /** The number of the build that it is in; undefined: it is in none. */
  build: number | undefined;
  /** Whether it is the root of that. */
  root: boolean;
  /** The build that it would begin by opening the jobserver. */
  would?: { kind: BuildFacts['kind']; label: string };
  /** Itself, if it has the jobserver open. */
  client?: ClientFigures;
  /** The nearest process above it that has the jobserver open. */
  above?: { pid: number; program: string };
  /** While it waits: slots that it needs in one step, for how many milliseconds it has, and what has to come back before. */
  waits?: { needs: number; for: number; turn: Turn };
}

export type ToEngine =
  /** A build begins. */
  | ({ type: 'open'; id: number; facts: BuildFacts } & BuildTerms)
  /** A build that has not started yet is not wanted any more. */
  | { type: 'cancel'; id: number }
  /** A build is over, whatever its root does. */
  | { type: 'end'; id: number }
  /** A lease is to have so many slots, as far as that can be done at once. */
  | { type: 'resize'; request: number; id: number; slots: number }
  | { type: 'capacity'; capacity: number }
  /** How many slots the machine can bear now; Infinity: any number. */
  | { type: 'limit'; limit: number }
  | { type: 'policy'; policy: Policy }
  /** What the configuration says of builds from now on, also of those that are there. */
  | { type: 'rules'; rules: readonly Rule[]; class: BuildClass }
  /** A `stint with` begins: its process, and those above it, nearest first; whether it may do more than its user. */
  | {
      type: 'with';
      id: number;
      pids: readonly number[];
      uid: number;
      trusted: boolean;
      terms: Omit<Lent, 'slots'>;
      /** What the main thread wants to be told of it should another engine take over. */
      status: unknown;
    }
  /** The bounds of a build beside those of rules; a name of a cap that was not set yet stands for no bound. */
  | { type: 'bounds'; id: number; caps: readonly string[] }
  /** How many slots the builds that share this bound may have together; not for those of rules. */
  | { type: 'cap'; name: string; limit: number }
  | { type: 'snapshot'; request: number }
  /** Something is said of one build alone, as long as it lasts. */
  | { type: 'say'; id: number; said: Said }
  /** What nobody can have any more of a build is to come back. */
  | { type: 'reclaim'; request: number; id: number }
  /** Where does this process stand? */
  | { type: 'find'; request: number; lineage: Lineage }
  /** To what the engine has asked. */
  | { type: 'answer'; request: number; answer: unknown }
  | { type: 'clients'; clients: readonly ClientRule[] }
  /** A request that the main thread has read while the engine was held up. */
  | { type: 'request'; bytes: Uint8Array }
  /** From now on callers are shown the node. */
  | { type: 'show' }
  /** The daemon leaves when the builds that are there have ended: nobody else is taken, but for what runs inside of them. */
  | { type: 'refuse' }
  /** Ends where it stands, for another engine to go on. */
  | { type: 'yield' }
  | { type: 'stop' };

export type FromEngine =
  /** The build has its first slot, or is part of the build `within`; `slots`: those of a lease, also of that around it. */
  | { type: 'started'; id: number; path: string; within?: number; slots?: number | undefined }
  /** `never`: what it asks for can never be granted. */
  | { type: 'failed'; id: number; message: string; never?: true }
  /** The slots that a lease has now; 0: there is no such lease, or it has none. */
  | { type: 'resized'; request: number; slots: number }
  /** A `stint with` counts, inside a build or outside of any; or it does no longer, or never did: its process is gone, or `failure` says why. */
  | { type: 'holds'; id: number; inside: number | undefined }
  | { type: 'over'; id: number; failure?: string }
  /** A lease should have so many slots. */
  | { type: 'wish'; id: number; slots: number }
  /** The time of a build is over. */
  | { type: 'expired'; id: number }
  /** A build that nobody has opened: somebody in it opened the node; or one that an engine before this one has started: `path`. */
  | { type: 'appeared'; id: number; facts: BuildFacts; path?: string | undefined }
  /** A `stint with` that another engine was told of counts still. */
  | { type: 'lent'; id: number; inside: number | undefined; status: unknown }
  /** All that another engine has left was told; `last`: the highest number of a build that was given; `damaged`: entries that could not be read. */
  | { type: 'restored'; last: number; damaged: number }
  /**
   * The root of a build has ended, or of one that nobody opened a client that stood below no other: its pidfd tells how. That is the main
   * thread's to close.
   */
  | { type: 'exited'; id: number; pidfd: number }
  /** A build is over; `account`: what it has had. */
  | { type: 'ended'; id: number; account: BuildAccount }
  | { type: 'snapshot'; request: number; snapshot: Snapshot }
  /** So many slots came back. */
  | { type: 'reclaimed'; request: number; slots: number }
  | { type: 'found'; request: number; found: ProcessFigures }
  /** Somebody reads `status`: what is its text? */
  | { type: 'status'; request: number }
  /** Who is this thread, of the user `uid`? The answer is a Lineage, undefined, or SHORT. */
  | { type: 'who'; request: number; tid: number; uid: number }
  /** A pipe is to be opened by its node id, and one for returns unless `returnId` is 0. The answer is its Ends, SHORT, or undefined. */
  | { type: 'pipe'; request: number; id: number; returnId: number }
  /** From now on requests only are waited for: when `others` becomes readable, the engine is to be woken by a request. */
  | { type: 'quiet'; others: number }
  /** The engine is to be woken by a request after so many milliseconds. */
  | { type: 'alarm'; after: number }
  /** The FUSE mount answers, if there is one, and what another engine has left is taken over. */
  | { type: 'ready' }
  | { type: 'too old'; minor: number }
  /** The mount was taken away, or its connection aborted; the engine has ended. */
  | { type: 'unmounted' }
  /** A client was refused, as this process may not open anything more. */
  | { type: 'scarce' }
  /** The character device was taken away; its clients get an error, all others go on. */
  | { type: 'device gone' }
  /** There is something on the tape. */
  | { type: 'taped' };

/** What whoever is not taken any more is told. */
export const LEAVING = 'the daemon is leaving';

/** What the engine serves beside builds that ask by the API: the machine. */
export interface SystemOptions {
  /** The FUSE device, open and mounted. The engine's thread closes it when it ends. */
  device: number;
  /** Where it is mounted. */
  mount: string;
  /** What the character device is served by, if there is one. */
  cuse?: number | undefined;
  /** Permissions of the node, and its group. */
  mode: number;
  gid: number;
  /** Which node which program gets, before the built-in table. */
  clients: readonly ClientRule[];
  /** False: as if the kernel could not ask again what an engine that died has not answered; for tests. */
  resend?: boolean;
  /** How many descriptors may be kept for the clients of one user, root's apart. */
  descriptors: number;
}

export interface EngineOptions {
  /** Slots, 1 to MAX_CAPACITY. */
  capacity: number;
  /** Default: nothing is given beyond the limit. */
  policy?: Policy;
  /** Default: nothing is said of any build. */
  rules?: { rules: readonly Rule[]; class: BuildClass };
  /** User mode: every FIFO's path begins with this; the build's id follows. */
  fifoPrefix: string;
  /** System mode. */
  system?: SystemOptions;
  /** The socket of the keeper, and what it has kept of the engine before this one; without it nothing outlives the engine. */
  keeper?: { socket: number; kept: ReadonlyMap<string, number> };
  /** Check the ledger's invariants after each mutation. */
  audit: boolean;
  /** Where each booking is written down; undefined: nowhere. */
  tape?: TapeMemory;
}
