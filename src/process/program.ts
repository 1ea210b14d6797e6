// The name that a process's program goes by: that of its executable, or of the script that an interpreter runs.
import { basename } from 'node:path';

/** Programs that run others: interpreters, programs of many names, the dynamic loader, and emulators of other processors. */
const INTERPRETER = new RegExp(
  `^(?:${[
    'python|pypy|perl|ruby|node|nodejs|deno|bun|lua|luajit|php|tclsh|guile',
    '(?:ba|da|a|z|k|mk|fi)?sh|busybox|toybox',
    'ld-(?:linux|musl)[\\w-]*(?:\\.so)?|qemu-(?!system)[a-z][\\w-]*?(?:-static)?',
  ].join('|')})(?:-?\\d[\\w.]*)?$`,
);
/** Those whose option for a program on the command line is -e, not -c. */
const TAKES_E = /^(?:perl|ruby|node|lua)/;
/** Their options that are followed by a value. */
const WITH_VALUE = new Set(['-W', '-X', '-o', '+o', '-O', '+O', '-I', '-r', '--require', '--import', '--loader', '-C']);
/** The kernel keeps so many bytes of a name. */
const MAX_COMM = 15;

/** What `program` is told of a process. */
export interface Executed {
  /** Its name as the kernel has it. For a script that was executed itself, this is the script's. */
  comm: string;
  /** The path of its executable, if that can be seen. */
  exe: string | undefined;
  /** Asked for only if need be. */
  args: () => Promise<readonly string[] | undefined>;
}

export async function programOf({ comm, exe, args }: Executed): Promise<string> {
  if (exe === undefined) return comm;
  const name = basename(exe);
  if (!INTERPRETER.test(name)) return name;
  const nodes = comm === 'MainThread'; // what Node calls itself
  const nameless = nodes || INTERPRETER.test(comm);
  if (!nameless && Buffer.byteLength(comm) < MAX_COMM) return comm;
  // `#!/usr/bin/env python3` makes env the interpreter, and that a python3 without a name of its own.
  const script = scriptIn((await args()) ?? [], name);
  if (nameless) return script ?? (nodes ? name : comm);
  return script?.startsWith(comm) ? script : comm;
}

/** The name of the script, or with `-m` of the module, among the arguments of `interpreter`. */
function scriptIn(args: readonly string[], interpreter: string): string | undefined {
  const code = TAKES_E.test(interpreter) ? /^(?:-\w*[eE]|-p|--eval.*|--print.*)$/ : /^-\w*c$/;
  for (let at = 1; at < args.length; at++) {
    const word = args[at] as string;
    if (code.test(word) || word === '-') return undefined;
    if (/^py/.test(interpreter) && /^-[A-Za-z]*m$/.test(word)) return args[at + 1] || undefined;
    if (WITH_VALUE.has(word)) at++;
    else if (!/^[-+]/.test(word)) return basename(word) || undefined;
  }
  return undefined;
}
