// What the main thread and the engine's thread say to each other. Plain data only.

/** A build, as the engine counts it; slots. */
export interface BuildFigures {
  id: number;
  /** `starting`: waits for its first slot. `running`. `left`: its root is gone, something it started still has its pipe open. */
  state: 'starting' | 'running' | 'left';
  implicit: number;
  held: number;
  /** Lie in its pipe, untaken. */
  offered: number;
  /** Slots it is taken to wait for: its first, or one more after it has taken all that was laid out. */
  waiting: number;
  /** Held though nobody has the pipe open: most likely lost by a client that was killed. */
  stranded: number;
  /** Returned in all by clients that had not taken them; never added to the pool. */
  surplus: number;
}

export interface Snapshot {
  capacity: number;
  builds: BuildFigures[];
}

export type ToEngine =
  /** A build begins: `implicit` slots (0 or 1) are acquired for its root before it starts. */
  | { type: 'open'; id: number; rootPid: number; implicit: 0 | 1 }
  /** A build that has not started yet is not wanted any more. */
  | { type: 'cancel'; id: number }
  | { type: 'capacity'; capacity: number }
  | { type: 'snapshot'; request: number }
  | { type: 'stop' };

export type FromEngine =
  | { type: 'started'; id: number; fifo: string }
  | { type: 'failed'; id: number; message: string }
  | { type: 'ended'; id: number }
  | { type: 'snapshot'; request: number; snapshot: Snapshot };

export interface EngineOptions {
  /** Slots, 1 to MAX_CAPACITY. */
  capacity: number;
  /** Every FIFO's path begins with this; the build's id follows. */
  fifoPrefix: string;
  /** Check the ledger's invariants after each mutation. */
  audit: boolean;
}
