// What the processes of each build have of the memory: a walk of /proc. It reads `status`, never `stat`: a process in exec can
// hold up whoever reads that. A process that was found to belong to no build is read once, as it can only become more distant.
import { readdirSync } from 'node:fs';
import { textOf } from './text.ts';

/** All processes of one build. */
export interface Footprint {
  /** The name of its first root that is there. */
  program: string | undefined;
  processes: number;
  /** Those first seen less than `young` ago. */
  young: number;
  /** Those that want a processor now. */
  running: number;
  /** Memory of their own and shared memory, bytes; files that they have mapped do not count, as these can be dropped. */
  bytes: number;
  /** The same with each process at its largest. */
  peak: number;
}

/** That of a build without a process. */
export function noFootprint(): Footprint {
  return { program: undefined, processes: 0, young: 0, running: 0, bytes: 0, peak: 0 };
}

interface Seen {
  ppid: number;
  /** When it was first seen, milliseconds of the caller's clock. */
  since: number;
}

/** Milliseconds for which a process is young. */
const YOUNG = 120_000;

export class Processes {
  readonly #root: string;
  #seen = new Map<number, Seen>();

  constructor(root: string = '/proc') {
    this.#root = root;
  }

  /** `roots`: the build of each process that stands at the top of one; what is below it belongs to the nearest. */
  walk<B>(roots: ReadonlyMap<number, B>, now: number): Map<B, Footprint> {
    const found = new Map<B, Footprint>();
    const seen = new Map<number, Seen>();
    const texts = new Map<number, string>();
    for (const pid of pids(this.#root)) {
      const known = this.#seen.get(pid);
      if (known !== undefined) {
        seen.set(pid, known);
        continue;
      }
      const text = textOf(`${this.#root}/${pid}/status`);
      if (text === undefined) continue;
      texts.set(pid, text);
      seen.set(pid, { ppid: numberIn(text, 'PPid') ?? 0, since: now });
    }
    this.#seen = seen;
    const builds = new Map<number, B | undefined>();
    for (const [pid, { since }] of seen) {
      const build = buildOf(pid, seen, roots, builds);
      if (build === undefined) continue;
      const text = texts.get(pid) ?? textOf(`${this.#root}/${pid}/status`);
      if (text === undefined) continue;
      let footprint = found.get(build);
      if (footprint === undefined) {
        footprint = noFootprint();
        found.set(build, footprint);
      }
      if (roots.has(pid)) footprint.program ??= nameIn(text);
      add(footprint, text, now - since < YOUNG);
    }
    return found;
  }
}

function add(footprint: Footprint, text: string, young: boolean): void {
  footprint.processes++;
  if (young) footprint.young++;
  if (text.includes('\nState:\tR')) footprint.running++;
  const bytes = memoryIn(text);
  // Linux before 4.5 does not tell the kinds apart.
  const mapped = numberIn(text, 'RssFile') ?? 0;
  footprint.bytes += bytes * 1024;
  footprint.peak += Math.max(bytes, (numberIn(text, 'VmHWM') ?? 0) - mapped) * 1024;
}

/** KiB. */
function memoryIn(text: string): number {
  const own = numberIn(text, 'RssAnon');
  return own === undefined ? (numberIn(text, 'VmRSS') ?? 0) : own + (numberIn(text, 'RssShmem') ?? 0);
}

function buildOf<B>(
  pid: number,
  seen: ReadonlyMap<number, Seen>,
  roots: ReadonlyMap<number, B>,
  known: Map<number, B | undefined>,
): B | undefined {
  const way: number[] = [];
  let build: B | undefined;
  for (let at = pid; at > 0; at = seen.get(at)?.ppid ?? 0) {
    build = roots.get(at) ?? known.get(at);
    // What was put together from different moments could go round in a circle.
    if (build !== undefined || known.has(at)) break;
    known.set(at, undefined);
    way.push(at);
  }
  for (const one of way) known.set(one, build);
  return build;
}

function pids(root: string): number[] {
  try {
    return readdirSync(root)
      .filter((name) => name.charCodeAt(0) <= 57)
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

/** `Name` is the first line; the kernel escapes line ends in it. */
const nameIn = (text: string): string | undefined => /^Name:\t(.*)\n/.exec(text)?.[1];

/** The number behind NAME and a colon at the beginning of a line. */
function numberIn(text: string, name: string): number | undefined {
  const at = text.indexOf(`\n${name}:`);
  if (at === -1) return undefined;
  const value = Number.parseInt(text.slice(at + name.length + 2, at + name.length + 24), 10);
  return Number.isNaN(value) ? undefined : value;
}
