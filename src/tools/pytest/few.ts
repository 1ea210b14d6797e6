// The first names of many.

/** How many names are shown. */
const FEW = 3;

export const few = (names: readonly string[]): string =>
  `${names.slice(0, FEW).join(', ')}${names.length > FEW ? ` and ${names.length - FEW} more` : ''}`;
