// The JSON contract between the daemon and its clients, as docs/json-output.md writes it down for people.
// Fields may be added; none is renamed or removed without a new API_VERSION.

/** Raised when a client of one version could not use a daemon of another. */
export const API_VERSION = 1;

/** Response header that carries API_VERSION. */
export const API_HEADER = 'stint-api';

/** Response header that carries the daemon's version. */
export const VERSION_HEADER = 'stint-version';

/** The largest pool: more slots than machines have processors, and all of them fit into one page of a pipe. */
export const MAX_CAPACITY = 4096;

/** How long a build may take; `timeout` and `clock` in a request. */
export interface TimeLimit {
  /** Milliseconds, 1 or more. */
  after: number;
  /** `wall`: from the call on. `held`: only while it has slots. */
  clock: 'held' | 'wall';
}

/** `POST /builds`: the calling process becomes the root of a build. The answer comes when the build has its first slot. */
export interface OpenBuild {
  /** What people will see. */
  label: string;
  /** The directory the build runs in. */
  cwd: string;
  /** Slots that the root needs before it starts: 1 for a command that runs one job without a token, else 0. */
  implicit: 0 | 1;
  timeLimit?: TimeLimit | undefined;
  claim?: string | undefined;
}

/** The answer to `POST /builds`. */
export interface BuildOpened {
  id: number;
  /** The FIFO to draw further slots from. */
  fifo: string;
  /** Slots in the pool. */
  capacity: number;
}

/** `PATCH /builds/:id`: how a build stands beside others, as long as it lasts; one of them at least. The answer is the build. */
export interface ChangeBuild {
  /** 0.01 to 1000. */
  weight?: number;
  class?: BuildStatus['class'];
}

/** The answer to `POST /builds/:id/reclaim`. */
export interface Reclaimed {
  /** Slots that were stranded, and are free again. */
  slots: number;
}

/** `GET /processes/:pid`: where a process stands. */
export interface ProcessStatus {
  pid: number;
  program: string;
  user: string;
  uid: number;
  /** The number of the build that it is in; missing: it is in none. */
  build?: number;
  /** Whether it is the root of that. */
  root: boolean;
  /** Itself, if it has the jobserver open; only in system mode. */
  client?: ClientStatus;
  /** The nearest process above it that has the jobserver open; only in system mode. */
  above?: { pid: number; program: string };
  /** The build that it would begin by opening the machine's jobserver. */
  would?: { kind: BuildStatus['kind']; label: string };
  /** Only while it is known to wait. */
  waits?: {
    /** Milliseconds until now. */
    for: number;
    /** Slots that it needs in one step. */
    slots: number;
    /** Why its build has nothing more now, in words for people. */
    reason: string;
    /** Milliseconds until it probably has them; missing: that cannot be told. */
    estimate?: number;
    /** What the estimate is made of, or why there is none, in words for people. */
    basis: string;
  };
}

/** `POST /leases`: several slots in one step. */
export interface OpenLease {
  label: string;
  cwd: string;
  /** All of these at once, or it waits: 1 or more. */
  min: number;
  /** As many as are fair, up to this. */
  max: number;
  /** How long it lasts: as long as the calling process, or as this connection, over which it is then told what happens. */
  hold: 'process' | 'connection';
  /** The number of the signal that the process is sent when it is told how many slots to have, or 0. */
  signal: number;
  timeLimit?: TimeLimit | undefined;
  claim?: string | undefined;
  /** Only what has that claim already: nothing is opened. */
  again: boolean;
}

/** The answer to `POST /leases`. */
export interface LeaseOpened extends BuildOpened {
  /** The slots that it has, the one of the process's own job among them. */
  slots: number;
}

/** `GET /leases`. */
export interface LeaseList {
  leases: LeaseStatus[];
}

/** `GET /leases/:id`. */
export interface LeaseStatus
  extends Pick<BuildStatus, 'id' | 'label' | 'cwd' | 'rootPid' | 'user' | 'uid' | 'since' | 'state' | 'reason'> {
  /** The slots that it has; 0 while it waits. */
  slots: number;
  min: number;
  max: number;
  /** How many slots it should have: fewer than it has while others wait, more while some are free. */
  wish: number;
}

/** `PUT /capacity`, and its answer. */
export interface Capacity {
  /** Slots in the pool, 1 to MAX_CAPACITY. */
  slots: number;
}

/** `GET /settings`; `PUT /settings` takes values by key, null for what counts without it, and answers the same. */
export interface SettingList {
  settings: Record<string, Setting>;
}

export interface Setting {
  /** As the configuration writes it; null: there is no such bound, or it follows the size of the pool. */
  value: string | number | boolean | null;
  /** Who said so; `option`: the command line of the daemon. */
  from: 'default' | 'file' | 'option' | 'set' | 'with';
  /** What it may be, in words. */
  allowed: string;
}

/** `POST /with`: settings that count as long as the calling process lives; one of them at least. */
export interface OpenWith {
  /** What people will see. */
  label: string;
  /** Slots in the pool, 1 to MAX_CAPACITY. */
  slots?: number;
  /** Of the build that the caller is in; if it is in none, of those that begin below it. */
  class?: BuildStatus['class'];
  weight?: number;
}

/** The answer to `POST /with`. */
export interface WithOpened {
  id: number;
}

/** A command with settings of its own. */
export interface WithStatus extends OpenWith {
  id: number;
  /** Its process. */
  pid: number;
  user: string;
  uid: number;
  /** When it began, Unix time in milliseconds. */
  since: number;
  /** The build that class and weight are about; missing: those that begin below it. */
  build?: number;
}

/** `GET /events`: one server-sent event, named by its `type`. `time`: when it happened, Unix time in milliseconds. */
export type PoolEvent =
  /** A build came; it may have to wait for its first slot. */
  | {
      type: 'opened';
      time: number;
      build: Pick<BuildStatus, 'id' | 'label' | 'cwd' | 'rootPid' | 'user' | 'uid' | 'since'>;
    }
  /** A build has its first slot. */
  | { type: 'started'; time: number; id: number }
  /** A build is over, or was given up before it started; `exit` as in `PastBuild`. */
  | { type: 'ended'; time: number; id: number; exit?: number | string }
  /** A lease should have so many slots: it is asked to give some back, or may take more. */
  | { type: 'wish'; time: number; id: number; slots: number }
  /** A lease has so many slots now, as it was asked to. */
  | { type: 'slots'; time: number; id: number; slots: number }
  /** The time of a build was over, and it is being ended. */
  | { type: 'expired'; time: number; id: number }
  /** The pool has another size now. */
  | { type: 'capacity'; time: number; capacity: number };

/** `GET /live`: the event `picture`, once a second: the status, but for what is long. */
export interface Picture extends Omit<Status, 'builds'> {
  /** When it was so, Unix time in milliseconds. */
  time: number;
  builds: PictureBuild[];
}

export type PictureBuild = Omit<BuildStatus, 'cwd' | 'clients'>;

/** `GET /history`. */
export interface PastList {
  builds: PastBuild[];
}

/** A build that is over; fields as in `BuildStatus`. */
export interface PastBuild
  extends Pick<
    BuildStatus,
    | 'id'
    | 'label'
    | 'cwd'
    | 'user'
    | 'uid'
    | 'since'
    | 'slotSeconds'
    | 'waitedSeconds'
    | 'peak'
    | 'granted'
    | 'peakMemory'
  > {
  kind: string;
  /** When it was over, Unix time in milliseconds. */
  ended: number;
  /**
   * How its root ended: its exit code, or the name of the signal that ended it, without SIG. Of a build that nobody opened: how the last
   * client ended that stood below no other. Missing: it is not known.
   */
  exit?: number | string;
}

/** `GET /builds`. */
export interface BuildList {
  builds: BuildStatus[];
}

/** An answer other than 2xx. */
export interface ApiError {
  error: string;
}

/** `GET /status`; also what `stint status --json` prints. */
export interface Status {
  daemon: {
    version: string;
    /** That of its keeper, which is there as long as the daemon is. */
    pid: number;
    /** Unix time in milliseconds. */
    since: number;
    /** How often its engine process was started again. */
    restarts: number;
    socket: string;
    /** `user`: the pool of one user; `system`: that of the machine. */
    mode: 'user' | 'system';
    /** The directory that clients open their jobserver in; only in system mode. */
    mount?: string;
    /** The character device that clients may open instead; only in system mode, where there is one. */
    device?: string;
  };
  /** The daemon's processes: one that keeps what must not be lost, and one that serves. */
  pids: { keeper: number; engine: number };
  /** Why there is a plain pool only, without builds and without fairness; missing: there is an engine. */
  degraded?: string;
  /** Slots in the pool. */
  capacity: number;
  /** Slots that may be given out now. */
  limit: number;
  /** What allows fewer slots than there are, smallest first, then what does so for the builds of one control group; empty while nothing does. */
  limits: LimitStatus[];
  /** Slots that nobody uses: capacity − every build's (implicit + held). Below 0 after the capacity was lowered. */
  free: number;
  /** Slots that builds are known to wait for, in all. */
  waiting: number;
  /** Slots that lie in pipes, or are set aside for clients that were woken, in all; they count as free. */
  reserved: number;
  /** Slots that are out beyond the capacity. */
  overcommit: number;
  /** Tokens returned without having been taken since the daemon started, in all; they add nothing to the pool. */
  surplus: number;
  /** Commands that have settings of their own now, oldest first. */
  with: WithStatus[];
  /** In the order in which they came. */
  builds: BuildStatus[];
}

/** One reason for giving out fewer slots. */
export interface LimitStatus {
  name: 'load' | 'cpu-pressure' | 'io-pressure' | 'memory-pressure' | 'memory' | 'ramp' | 'cgroup';
  /** Slots that it allows. */
  slots: number;
  /** In words, for people. */
  reason: string;
}

export interface BuildStatus {
  id: number;
  label: string;
  /** Empty when it was gone, or when who asks may not know. */
  cwd: string;
  rootPid: number;
  /** The name of the user, or the number where it has no name. */
  user: string;
  /** The number of the user. */
  uid: number;
  /** What made it a build: `stint run`, `stint with`, a control group (`scope`), or the session of its first process. */
  kind: 'run' | 'with' | 'scope' | 'session';
  /** When it came, Unix time in milliseconds. */
  since: number;
  /** Its part beside other builds of its user: 1 unless somebody said otherwise. */
  weight: number;
  /** How it stands beside others: `interactive` goes first up to its share, `background` is granted what nobody else waits for. */
  class: 'interactive' | 'normal' | 'background';
  /** Slots that it may have by a rule of the configuration. */
  max?: number;
  /** Bounds that it shares with others by such rules: slots that all of them may have together. */
  caps?: { name: string; slots: number }[];
  /** Slots that it may have while all others want their part; not rounded. */
  share: number;
  /** `starting`: waits for its first slot. `running`. `left`: its root is gone, something it started still has its pipe open. */
  state: 'starting' | 'running' | 'left';
  /** Slots taken as tokens. */
  held: number;
  /** Slots charged for jobs that run without a token. */
  implicit: number;
  /** Slots that lie in its pipe for it, not taken; they count as free. */
  offered: number;
  /** Slots it is taken to wait for: its first, or one more after it has taken all that was laid out. */
  waiting: number;
  /** Why it has nothing more now, in words; only while it waits. */
  reason?: string;
  /** Only of a lease, whose slots are all charged as `implicit`: what it asked for, and how many slots it should have. */
  lease?: { min: number; max: number; wish: number };
  /** What its jobs have had of the pool so far: slots × seconds. */
  slotSeconds: number;
  /** Seconds in which it waited for a slot. */
  waitedSeconds: number;
  /** The most slots that it had in use at once. */
  peak: number;
  /** Slots that came into its clients' hands so far. */
  granted: number;
  /** The most memory that its processes were seen to have together, bytes; missing: nothing was seen yet. */
  peakMemory?: number;
  /** Slots held though nobody has the pipe open: most likely lost by a client that was killed. They return when the build ends. */
  stranded: number;
  /** Tokens that clients returned without having taken them, in all; they add nothing to the pool. */
  surplus: number;
  /** Its processes that have the jobserver open; only in system mode, as nobody can be told apart in the FIFO of user mode. */
  clients?: ClientStatus[];
}

/** One process of a build, as its node sees it; slots. */
export interface ClientStatus {
  pid: number;
  /** The name of its program. */
  program: string;
  /** What it was given to open: a file or a device, which account each read, a pipe, or one pipe for each direction. */
  node: 'file' | 'pipe' | 'split' | 'device';
  /** Slots taken as tokens; -1 after it returned the one of its own job. */
  held: number;
  /** Lie in its pipe, or are set aside since it was woken; not taken. */
  offered: number;
  /** Slots it waits for. */
  waiting: number;
  /** Charged for a job that it runs without a token. */
  implicit: number;
  /** How many times it has the node open. */
  opens?: number;
}
