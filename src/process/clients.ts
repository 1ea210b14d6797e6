// Which kind of node a program gets in system mode, and whether it runs a job without a token: what is known of programs, by
// name (docs/clients.md says from where). One table; a configuration goes before it.

/** `file`: every read and write is seen. `pipe`: a FIFO of its own. `split`: one FIFO to take from, another to return into. */
export type NodeKind = 'file' | 'pipe' | 'split';

export interface NodeChoice {
  node: NodeKind;
  /** Whether it runs one job without a token; `makeflags`: only if MAKEFLAGS came to it from its environment. */
  implicit: boolean | 'makeflags';
}

/** A line of the table. */
export interface ClientRule {
  /** The program's name; `*` and `?` stand for any characters and for one. */
  program: string;
  node: NodeKind;
  /** Undefined: what is known of the program. */
  implicit?: boolean | 'makeflags';
}

const TABLE: readonly ClientRule[] = [
  // Takes a FIFO only, and looks for a token only when one of its own jobs ends.
  ...named('pipe', 'ninja', 'ninja-build'),
  // GNU make from 4.4 on; older ones open no path.
  ...named('file', 'make', 'gmake', 'gnumake', 'make-[0-9]*', 'gmake-[0-9]*'),
  ...named('file', 'cargo', 'rustc', 'rustdoc', 'clippy-driver', 'build-script-*', 'wild', 'mrustc', 'minicargo'),
  // gcc from 13 on, under whatever name of a target.
  ...named('file', 'lto-wrapper', 'lto1', 'cc1', 'cc1plus', 'gcc', 'g++', '*-gcc', '*-g++', 'gcc-[0-9]*', 'g++-[0-9]*'),
  ...named('file', 'ctest', 'cmake', 'clang', 'clang++', 'clang-[0-9]*', 'lld', 'ld.lld', 'opt'),
  ...named('file', 'ebuild', 'spack', 'pytest', 'py.test'),
  { program: 'emerge', node: 'file', implicit: 'makeflags' },
  // They take a token for the command that they run, and run no job themselves.
  ...['gm-run', 'stevie'].map((program) => ({ program, node: 'file' as const, implicit: false })),
  // A server that a build leaves behind: it compiles for others, who hold the tokens.
  { program: 'sccache', node: 'file', implicit: false },
];

/** Programs that nobody knows: any client of the protocol takes a FIFO. */
const UNKNOWN: NodeChoice = { node: 'pipe', implicit: true };

/** What `program` gets. Of `rules`, which go before the table, the first that fits counts. */
export function nodeFor(program: string, rules: readonly ClientRule[] = []): NodeChoice {
  const known = find(program, TABLE);
  const choice = known === undefined ? UNKNOWN : { node: known.node, implicit: known.implicit ?? true };
  const rule = find(program, rules);
  return rule === undefined ? choice : { node: rule.node, implicit: rule.implicit ?? choice.implicit };
}

function named(node: NodeKind, ...programs: string[]): ClientRule[] {
  return programs.map((program) => ({ program, node }));
}

function find(program: string, rules: readonly ClientRule[]): ClientRule | undefined {
  return rules.find((rule) => patternOf(rule.program).test(program));
}

const patterns = new Map<string, RegExp>();

/** A glob as in a shell, without classes but `[0-9]`. */
function patternOf(glob: string): RegExp {
  let pattern = patterns.get(glob);
  if (pattern === undefined) {
    const source = glob
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.');
    pattern = new RegExp(`^${source}$`, 'us');
    patterns.set(glob, pattern);
  }
  return pattern;
}
