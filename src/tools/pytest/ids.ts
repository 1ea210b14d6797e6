// Pure: pytest's node ids. How a JUnit report calls a test, and the fewest selectors that stand for a set of tests and for no other one.

/** How a report calls the test `id`: pytest's own rule (_pytest/junitxml.py, mangle_test_address), so that nothing has to be guessed. */
export function addressOf(id: string): { classname: string; name: string } {
  const bracket = id.indexOf('[');
  const path = bracket === -1 ? id : id.slice(0, bracket);
  const names = path.split('::');
  names[0] = (names[0] as string).replaceAll('/', '.').replace(/\.py$/, '');
  const name = `${names.pop()}${bracket === -1 ? '' : id.slice(bracket)}`;
  return { classname: escaped(names.join('.')), name: escaped(name) };
}

/** What XML cannot hold is written as #xHH. */
const escaped = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, (character) => {
    const code = character.codePointAt(0) as number;
    return `#x${code
      .toString(16)
      .toUpperCase()
      .padStart(code <= 0xff ? 2 : 4, '0')}`;
  });

/** The parts of an id from the file down: `f.py`, `f.py::C::`, `f.py::C::t[`, and the id itself. Each is the beginning of the next. */
function levelsOf(id: string, { files, classes, parameters }: Collapse): string[] {
  const bracket = id.indexOf('[');
  const path = bracket === -1 ? id : id.slice(0, bracket);
  const names = path.split('::');
  const levels: string[] = [];
  if (files) levels.push(names[0] as string);
  if (classes) for (let i = 2; i < names.length; i++) levels.push(`${names.slice(0, i).join('::')}::`);
  if (parameters && bracket !== -1) levels.push(`${path}[`);
  return [...levels, id];
}

/** Which wholes may stand for their parts. */
export interface Collapse {
  files: boolean;
  classes: boolean;
  parameters: boolean;
}

export interface Selection {
  /** What to give to --deselect, in order. */
  selectors: string[];
  /** Tests that a selector takes away though they shall stay; pytest matches the beginnings of ids, so this cannot be helped. */
  victims: Map<string, string[]>;
}

/** The selectors for `failed`, where `all` are the tests that there are. A whole stands for its parts only when all of them failed. */
export function select(failed: ReadonlySet<string>, all: readonly string[], collapse: Collapse): Selection {
  const stay = all.filter((id) => !failed.has(id));
  const spoiled = new Set(stay.flatMap((id) => levelsOf(id, collapse)));
  // What nobody collected has no siblings that could be known: it stands for itself.
  const known = new Set(all);
  const chosen = new Set<string>();
  for (const id of [...failed].sort()) {
    const level = known.has(id)
      ? levelsOf(id, collapse).find((part) => !spoiled.has(part) && !hits(part, stay))
      : undefined;
    chosen.add(level ?? id);
  }
  const selectors = [...chosen];
  const victims = new Map<string, string[]>();
  for (const selector of selectors) {
    const hit = stay.filter((id) => id.startsWith(selector));
    if (hit.length > 0) victims.set(selector, hit);
  }
  return { selectors, victims };
}

const hits = (selector: string, ids: readonly string[]): boolean => ids.some((id) => id.startsWith(selector));
