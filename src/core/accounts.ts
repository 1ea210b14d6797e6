// What each build has had of the pool so far, in slots times milliseconds. Pure: the time is told.
import type { Build } from './types.ts';

export interface Account {
  /** Slots in its clients' hands × milliseconds, those of jobs without a token included. */
  used: number;
  /** Slots that lay in its pipes or were set aside for it, untaken × milliseconds. */
  idle: number;
  /** Milliseconds in which it waited for a slot. */
  waited: number;
  /** The most slots that were in its clients' hands at once. */
  peak: number;
  /** Until when that is counted. */
  at: number;
}

export const newAccount = (now: number): Account => ({ used: 0, idle: 0, waited: 0, peak: 0, at: now });

/** Counts what a build has had until now. To be called before what it has, or whether it waits, changes. */
export function accrue({ account, implicit, held, offered, waiters }: Build, now: number): void {
  const time = now - account.at;
  if (time <= 0) return;
  account.used += (implicit + held) * time;
  account.idle += offered * time;
  if (waiters > 0) account.waited += time;
  account.at = now;
}

/** Notes how many slots are in its clients' hands. */
export function notePeak({ account, implicit, held }: Build): void {
  if (implicit + held > account.peak) account.peak = implicit + held;
}
