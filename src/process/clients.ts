// Which kind of node a program is given, and whether it runs a job without a token. One table; docs/clients.md has the facts.

import { fits } from './glob.ts';

export interface NodeChoice {
  /** `file`: accounts each read and write. `pipe`: a real FIFO. `split`: a FIFO to read from, another to write to. */
  node: 'file' | 'pipe' | 'split';
  /** Whether it runs one job without a token; `makeflags`: only if MAKEFLAGS came to it from its environment. */
  implicit: boolean | 'makeflags';
  /** Whether it never waits for a token, but looks for one when one of its own jobs ends. */
  looks?: true;
}

/** What the configuration says of a program. */
export interface ClientRule {
  /** Its name; `*` and `?` stand for any characters and for one. */
  program: string;
  node: NodeChoice['node'];
  implicit?: boolean;
}

/** The first of `rules` that fits `program`, else what is known of it. A rule that is silent on `implicit` leaves that as it is. */
export function nodeFor(program: string, rules: readonly ClientRule[] = []): NodeChoice {
  const { names: _, ...known } = TABLE.find(({ names }) => names.test(bare(program))) ?? UNKNOWN;
  const rule = rules.find((one) => fits(one.program, program));
  return rule === undefined ? known : { ...known, node: rule.node, implicit: rule.implicit ?? known.implicit };
}

/** A real FIFO is what every client takes. */
const UNKNOWN: Line = { names: /^/, node: 'pipe', implicit: true };

type Line = NodeChoice & { names: RegExp };

const TABLE: readonly Line[] = [
  { names: /^(?:g|gnu)?make$/, node: 'file', implicit: true }, // from 4.4; older ones die of a path
  // Released ninja insists on a FIFO; a split one costs it a slot at the end of each job: docs/adr/0008-which-node-for-whom.md
  { names: /^ninja(?:-build)?$/, node: 'pipe', implicit: true, looks: true },
  { names: /^(?:cargo(?:-[\w-]+)?|rust(?:c|doc)(?:-bin)?|clippy-driver|miri)$/, node: 'file', implicit: true },
  { names: /^build[-_]script[-_]/, node: 'file', implicit: true }, // cc-rs and nasm-rs are in it
  { names: /^(?:wild|mrustc|minicargo)$/, node: 'file', implicit: true },
  { names: /^(?:gcc|g\+\+|cc|c\+\+|gfortran|gnat\w*|gdc|cc1\w*|lto1|lto-wrapper)$/, node: 'file', implicit: true },
  {
    names: /^(?:clang[\w+-]*|flang[\w-]*|(?:ld(?:64)?\.)?lld|lld-link|wasm-ld|opt|llc|llvm-[\w-]+)$/,
    node: 'file',
    implicit: true,
  },
  { names: /^c(?:make|test)3?$/, node: 'file', implicit: true },
  { names: /^(?:emerge|ebuild)$/, node: 'file', implicit: 'makeflags' },
  { names: /^(?:spack|pytest|py\.test|jobclient)$/, node: 'file', implicit: true },
  { names: /^(?:gm-run|stevie)$/, node: 'file', implicit: false }, // they take a slot for the command they start
  { names: /^sccache(?:-dist)?$/, node: 'file', implicit: false }, // a server, and its compilers have taken theirs
];

/** Without a version at the end (make-4.4, clang-17) and a target in front (x86_64-linux-gnu-gcc). */
function bare(program: string): string {
  return program
    .replace(/-\d[\d.]*$/, '')
    .replace(/^(?:[a-z]\w*-){1,3}(?:gnu|musl|uclibc|mingw32|elf|eabi|android|none|cygwin)\w*-/, '');
}
