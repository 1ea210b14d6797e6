// STUB to be replaced.
export interface NodeChoice {
  node: 'file' | 'pipe' | 'split';
  implicit: boolean | 'makeflags';
}
export interface ClientRule {
  program: string;
  node: 'file' | 'pipe' | 'split';
  implicit?: boolean;
}
export function nodeFor(program: string, _rules: readonly ClientRule[] = []): NodeChoice {
  if (/^(g?make|cargo|rustc|ctest|python|cat|dd)/.test(program)) return { node: 'file', implicit: true };
  if (/^round-trips/.test(program)) return { node: 'file', implicit: false };
  if (program === 'ninja') return { node: 'pipe', implicit: true };
  return { node: 'pipe', implicit: true };
}
