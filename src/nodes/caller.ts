// Who calls at a node, as the nodes see it. The records are made by whoever looks processes up; nodes only read them.
import type { Client } from '../core/types.ts';

/** A thread that has called, under the number that the kernel gives with each request. */
export interface Thread {
  readonly tid: number;
  readonly caller: Caller;
  /**
   * What the kernel calls the owner of locks: it stands for the process's table of open files. A number of a thread can come
   * back with another process; then this differs. Both halves are 0 until the first read or write.
   */
  ownerLow: number;
  ownerHigh: number;
}

/** A process that has the file node open, or had it. */
export interface Caller {
  /** Its account at the file node, of kind `exact`. */
  readonly client: Client;
  /** False once the process is gone. */
  alive: boolean;
}
