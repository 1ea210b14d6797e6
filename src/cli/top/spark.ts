// A curve of the last minute in one row of characters.
import { PAST, type Samples } from './view.ts';

/**
 * The slots of a build over the last minute, `columns` wide, the newest at the right: in each column the most that was seen in its
 * part of the minute. `levels`: the characters from nothing to `most`.
 */
export function spark(samples: Samples, columns: number, { now, most, levels }: SparkOptions): string {
  const peaks = new Array<number | undefined>(columns).fill(undefined);
  for (const { at, slots } of samples) {
    const column = Math.min(columns - 1, Math.floor(((at - (now - PAST)) * columns) / PAST));
    if (column >= 0) peaks[column] = Math.max(peaks[column] ?? 0, slots);
  }
  // A column without a sample lies between two looks: it is as it was.
  for (let column = 1; column < columns; column++) peaks[column] ??= peaks[column - 1];
  const steps = [...levels];
  const top = steps.length - 1;
  return peaks
    .map((peak = 0) => steps[peak <= 0 ? 0 : Math.max(1, Math.round((peak * top) / Math.max(1, most)))] ?? steps[top])
    .join('');
}

export interface SparkOptions {
  now: number;
  /** Slots that fill a column. */
  most: number;
  levels: string;
}
