// The last minutes, a tick for each second, as the charts show them.
import type { PictureEvent } from '../../src/cli/web/contract.ts';
import { OTHERS, type Palette, usedBy } from './palette.ts';

/** Ticks that are kept. */
const MOST = 15 * 60;

/** One second; all counts in slots. */
export interface Tick {
  /** Unix time, milliseconds. */
  time: number;
  /** In use by the build of each colour, then by all others; undefined: nobody could be asked. */
  used: readonly number[] | undefined;
  /** The labels of those builds. */
  labels: readonly (string | undefined)[];
  capacity: number;
  limit: number;
  waiting: number;
  /** Percent of the time. */
  pressure: PictureEvent['machine']['pressure'];
}

export function tickOf({ pool, machine }: PictureEvent, palette: Palette): Tick {
  const used = Array<number>(OTHERS + 1).fill(0);
  const labels = Array<string | undefined>(OTHERS).fill(undefined);
  for (const build of pool.builds) {
    const number = palette.of(build.id);
    used[number] = (used[number] as number) + usedBy(build);
    if (number < OTHERS) labels[number] = build.label;
  }
  const { time, capacity, limit, waiting } = pool;
  return { time, used, labels, capacity, limit, waiting, pressure: machine.pressure };
}

/** `ticks` and one more; the oldest go. */
export const added = (ticks: readonly Tick[], tick: Tick): Tick[] => [...ticks.slice(-MOST + 1), tick];

/** A hole: from here on nobody could be asked. */
export const hole = (tick: Tick): Tick => ({ ...tick, time: tick.time + 1, used: undefined, pressure: {} });

export const totalOf = ({ used = [] }: Tick): number => used.reduce((sum, count) => sum + count, 0);
