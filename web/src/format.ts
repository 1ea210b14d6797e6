// Figures for people.

/** `4s`, `3m20s`, `2h5m`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}

/** Short times to the tenth. */
export const took = (milliseconds: number): string =>
  milliseconds < 60_000 ? `${(Math.max(0, milliseconds) / 1000).toFixed(1)}s` : age(milliseconds);

export function bytes(count: number | undefined): string {
  if (count === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const at = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 1024 ** at).toFixed(at < 3 ? 0 : 1)} ${units[at]}`;
}

/** Slots × seconds. */
export const slotSeconds = (count: number): string =>
  count < 1000 ? count.toFixed(1) : Math.round(count).toLocaleString('en');

export const clock = (time: number): string => new Date(time).toTimeString().slice(0, 8);

/** `Nov 25, 14:02`. */
export const day = (time: number): string =>
  new Date(time).toLocaleString('en', {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });

export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
