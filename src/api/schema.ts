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

/** `POST /builds`: the calling process becomes the root of a build. The answer comes when the build has its first slot. */
export interface OpenBuild {
  /** What people will see. */
  label: string;
  /** The directory the build runs in. */
  cwd: string;
  /** Slots that the root needs before it starts: 1 for a command that runs one job without a token, else 0. */
  implicit: 0 | 1;
}

/** The answer to `POST /builds`. */
export interface BuildOpened {
  id: number;
  /** The FIFO to draw further slots from. */
  fifo: string;
  /** Slots in the pool. */
  capacity: number;
}

/** An answer other than 2xx. */
export interface ApiError {
  error: string;
}

/** `GET /status`; also what `stint status --json` prints. */
export interface Status {
  daemon: {
    version: string;
    pid: number;
    /** Unix time in milliseconds. */
    since: number;
    socket: string;
  };
  /** Slots in the pool. */
  capacity: number;
  /** Slots that may be given out now. */
  limit: number;
  /** Slots that nobody uses: capacity − every build's (implicit + held). Below 0 after the capacity was lowered. */
  free: number;
  /** In the order in which they came. */
  builds: BuildStatus[];
}

export interface BuildStatus {
  id: number;
  label: string;
  cwd: string;
  rootPid: number;
  /** The name of the user, or the number where it has no name. */
  user: string;
  /** When it came, Unix time in milliseconds. */
  since: number;
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
  /** Slots held though nobody has the pipe open: most likely lost by a client that was killed. They return when the build ends. */
  stranded: number;
  /** Tokens that clients returned without having taken them, in all; they add nothing to the pool. */
  surplus: number;
}
