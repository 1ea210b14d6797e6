// What a plain pool has counted at the file node, for the engine after it: words in shared memory, one for each account, and behind them
// lines that say whose those are. It belongs to one journal: what that says of the file node counts no longer.
import type { Lineage } from '../../process/lineage.ts';
import { countersOf, decodeFacts, type Facts } from './facts.ts';
import { readAll } from './past.ts';

/** Accounts that there is room for; who comes beyond them is not told apart. */
export const ACCOUNTS = 1 << 16;
/** Bytes before the lines; pages that nobody has written to take no memory. */
export const LINES_AT: number = 4 * ACCOUNTS;

/** Whose an account is: that of a process by its number in the journal, or of one that has come since. */
export type Owner = { serial: number } | { lineage: Lineage };

export interface PlainAccount {
  owner: Owner;
  /** Slots that it has, from -1. */
  held: number;
}

/** The key of what belongs to the journal with these facts. */
export const plainKey = (facts: Facts): string => countersOf(facts).replace('counters:', 'plain:');

/** The key of the pidfd of a process that has come since. */
export const newcomerKey = (pid: number): string => `newcomer:${pid}`;

/** Reads what is kept in `fd`. */
export function readPlain(fd: number): PlainAccount[] {
  const bytes = readAll(fd);
  const { facts } = decodeFacts(bytes.subarray(LINES_AT));
  return [...facts].map(([index, owner]) => ({ owner: owner as Owner, held: bytes.readInt32LE(4 * Number(index)) }));
}
