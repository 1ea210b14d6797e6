// What the engine asks of every kind of node.
import type { Waiter } from '../core/types.ts';

/** Does what can wait for as long as a client keeps its pipe locked; `id`: which pipe that is, a number of the caller's own. */
export type Touch = <T>(id: number, what: () => T) => T;

export const TOUCH: Touch = (_id, what) => what();

/** One kind of file that clients open, with all its instances. The engine's thread is the only one that calls it. */
export interface Node {
  /** The descriptor that becomes readable when something happened at one of its instances. */
  readonly fd: number;
  /** Reads what happened and tells the ledger; true when clients did anything. Never blocks. `now`: milliseconds of the engine's clock. */
  ready(now: number): boolean;
  /** Delivers a granted slot to its client. It may not call the ledger. */
  grant(waiter: Waiter, now: number): void;
  /** Does what the passing of time asks for, after everything that happened was told. */
  settle(now: number): void;
  /** When `settle` has to be called though nothing happens, or Infinity. */
  nextLook(now: number): number;
  /** Makes every figure in the ledger true, for a snapshot. */
  recount(now: number): void;
  close(): void;
}
