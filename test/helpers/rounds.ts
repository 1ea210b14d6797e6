// How long a property is tried, and from which seed: STINT_ROUNDS and STINT_SEED say, and what counted is printed.

interface Prints {
  diagnostic(message: string): void;
}

/** Parameters for fc.assert; `few`: runs where nobody asks for more. */
export function rounds(t: Prints, few: number): { numRuns: number; seed: number } {
  const numRuns = Number(process.env.STINT_ROUNDS ?? few);
  const seed = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
  t.diagnostic(`${numRuns} runs, seed ${seed}`);
  return { numRuns, seed };
}
