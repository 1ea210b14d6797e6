// Random numbers that a printed seed brings back.

/** A function that gives a whole number from 0 to below n; the same numbers for the same seed. */
export function seeded(seed: number): (n: number) => number {
  let state = seed >>> 0;
  // mulberry32
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 4294967296) * n);
  };
}
