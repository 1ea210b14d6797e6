// Amounts of memory as people write them.

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
/** Nobody has more: a petabyte. */
const MOST = 2 ** 50;

/** `1GiB`, `512 MiB`, `1.5GiB`, or a number of bytes; undefined when it is none. */
export function bytesOf(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const [, amount, unit = 'B'] = /^(\d{1,16}(?:\.\d{1,6})?) ?([KMGT]iB|B)?$/.exec(String(value)) ?? [];
  if (amount === undefined) return undefined;
  const bytes = Math.round(Number(amount) * (UNITS[unit] as number));
  return bytes <= MOST ? bytes : undefined;
}

/** `5%`; undefined when it is none, or everything. */
export function percentOf(value: unknown): number | undefined {
  const [, amount] = /^(\d{1,2}(?:\.\d{1,6})?) ?%$/.exec(typeof value === 'string' ? value : '') ?? [];
  return amount === undefined ? undefined : Number(amount);
}
