// Looking at a pool again and again while builds run in it.
import { setTimeout as pause } from 'node:timers/promises';
import type { Status } from '../../src/api/schema.ts';
import type { Place } from './pool.ts';

/** Between two looks, milliseconds. */
const PERIOD = 20;

export interface Samples {
  /** Ends the looking. @throws what `check` threw */
  stop(): Promise<void>;
}

/** Asks for the status all the time, and has it checked. */
export function sampled(place: Place, check: (status: Status) => void): Samples {
  let stopped = false;
  const look = async () => {
    while (!stopped) {
      check(await place.status());
      await pause(PERIOD);
    }
  };
  const looking = look();
  looking.catch(() => {}); // `stop` tells
  return {
    stop: () => {
      stopped = true;
      return looking;
    },
  };
}

/** Slots that the builds of a label have. */
export function slotsOf({ builds }: Status, label: string): number {
  return builds.reduce((sum, build) => sum + (build.label === label ? build.implicit + build.held : 0), 0);
}

/** Whether a build of a label waits for its first slot. */
export const isStarting =
  (label: string) =>
  ({ builds }: Status): boolean =>
    builds.some((build) => build.label === label && build.state === 'starting');

/** Whether a build of a label wants more slots than it has. */
export const isWaiting =
  (label: string) =>
  ({ builds }: Status): boolean =>
    builds.some((build) => build.label === label && build.waiting > 0);
