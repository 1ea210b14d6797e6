// MAKEFLAGS: finding the jobserver in it, and writing one into it, in every style there is.
// Pure: strings in, strings out. What each client reads out of the value is in docs/clients.md.

/** Where a client finds its jobserver: a path to open, or two descriptors it inherits. */
export type Auth = { style: 'fifo'; path: string } | { style: 'fds'; read: number; write: number };

/** A jobserver as MAKEFLAGS names it. */
export interface Jobserver {
  auth: Auth;
  /** The N of -jN, if there is one. */
  jobs: number | undefined;
}

/** Short options of make whose argument may follow in the same word (make's manual, "Options Summary"). */
const WITH_ARGUMENT = 'CEfIlOoW';

const AUTH = /^--jobserver-(?:auth|fds)=(.*)$/s;

/** A backslash at the end that escapes nothing: make takes it as it is, but it would escape the blank before what we add. */
const LONE_BACKSLASH = /(?<!\\)(?:\\\\)*\\$/;

/**
 * The jobserver that `makeflags` names, if any. The last word wins, as in make, ninja, LLVM, ctest, gcc 13 and jobserver-rs;
 * descriptors below 0 are make's way to say that there is none any more.
 */
export function findJobserver(makeflags: string): Jobserver | undefined {
  let auth: Auth | undefined;
  let jobs: number | undefined;
  for (const word of split(makeflags).options) {
    const given = AUTH.exec(word)?.[1];
    if (given !== undefined) auth = parseAuth(given);
    const count = /^(?:-j|--jobs=)(\d+)$/.exec(word)?.[1];
    if (count !== undefined) jobs = Number(count);
  }
  return auth === undefined ? undefined : { auth, jobs };
}

/**
 * How many jobs the last -j in `options` asks for, Infinity where it has no number; undefined without one.
 * @param letters whether the first word may be make's word of short options, as in MAKEFLAGS
 */
export function findJobs(options: string, { letters = true }: { letters?: boolean } = {}): number | undefined {
  const words = split(options).options;
  let jobs: number | undefined;
  for (const [at, word] of words.entries()) {
    const isLetters = letters && at === 0 && !word.startsWith('-') && !word.includes('=');
    const long = /^--jobs(?:=(.*))?$/s.exec(word);
    const j = long === null && (isLetters || /^-[^-]/.test(word)) ? jobsIn(word, isLetters) : -1;
    if (long === null && j === -1) continue;
    const text = (long === null ? word.slice(j + 1) : long[1]) || (isNumber(words[at + 1]) ? words[at + 1] : undefined);
    const number = Number.parseInt(text ?? '', 10);
    jobs = Number.isNaN(number) ? Number.POSITIVE_INFINITY : number;
  }
  return jobs;
}

/** What stands after the last `--jobserver-auth=` or its old name; undefined where there is none. */
export const findAuth = (makeflags: string): string | undefined =>
  split(makeflags)
    .options.map((word) => AUTH.exec(word)?.[1])
    .findLast((value) => value !== undefined);

/** The value of `--jobserver-auth=`, or undefined when it names no jobserver. */
export function parseAuth(value: string): Auth | undefined {
  if (value.startsWith('fifo:') && value.length > 5) return { style: 'fifo', path: value.slice(5) };
  const fds = /^(\d{1,9}),(\d{1,9})$/.exec(value);
  return fds === null ? undefined : { style: 'fds', read: Number(fds[1]), write: Number(fds[2]) };
}

/** `auth` as the value of `--jobserver-auth=`. */
export function formatAuth(auth: Auth): string {
  return auth.style === 'fifo' ? `fifo:${auth.path}` : `${auth.read},${auth.write}`;
}

/**
 * `makeflags` with this jobserver in place of any -j and jobserver it had; everything else stays. The value begins with a
 * space unless it begins with make's word of short options, has an explicit -jN with N > 1, and the auth word comes last
 * before any variables: each of these is what some client needs.
 * @param jobs slots in the pool, 1 or more
 * @throws RangeError when a path in `auth` has white space, or a backslash or dollar (make reads them as its own, other clients do not)
 */
export function withJobserver(makeflags: string, auth: Auth, jobs: number): string {
  if (auth.style === 'fifo' && /[\s\\$]/.test(auth.path))
    throw new RangeError(`a blank, backslash or dollar in the path ${auth.path}`);
  const { options, rest } = split(makeflags);
  const kept: string[] = [];
  for (let i = 0; i < options.length; i++) {
    const word = options[i] as string;
    const isLetters = kept.length === 0 && !word.startsWith('-') && !word.includes('=');
    if (/^--jobserver-(?:auth|fds|style)(?:=|$)/s.test(word) || /^--jobs(?:=|$)/s.test(word)) {
      if (word === '--jobs' && isNumber(options[i + 1])) i++;
    } else if (isLetters || /^-[^-]/.test(word)) {
      const { word: left, bare } = withoutJobs(word, isLetters);
      if (bare && isNumber(options[i + 1])) i++;
      if (left !== '' && left !== '-') kept.push(left);
    } else {
      kept.push(word);
    }
  }
  const leading = kept[0] === undefined || kept[0].startsWith('-') || kept[0].includes('=') ? [''] : [];
  const own = [`-j${Math.max(2, jobs)}`, `--jobserver-auth=${formatAuth(auth)}`];
  return [...leading, ...kept, ...own, ...rest].join(' ');
}

/** Words before and from `--`, after which make puts variables; white space inside a word is escaped by a backslash. */
function split(makeflags: string): { options: string[]; rest: string[] } {
  const words: string[] = makeflags.replace(LONE_BACKSLASH, '$&\\').match(/(?:\\[\s\S]|[^\s\\])+/g) ?? [];
  const at = words.indexOf('--');
  return at === -1 ? { options: words, rest: [] } : { options: words.slice(0, at), rest: words.slice(at) };
}

/** A word of short options without its j and what make reads as its number; `bare`: that may be the next word. */
function withoutJobs(word: string, isLetters: boolean): { word: string; bare: boolean } {
  const at = jobsIn(word, isLetters);
  if (at === -1) return { word, bare: false };
  return { word: word.slice(0, at).replace(LONE_BACKSLASH, ''), bare: at === word.length - 1 };
}

/** Where the j is in a word of short options, or -1. */
function jobsIn(word: string, isLetters: boolean): number {
  for (let i = isLetters ? 0 : 1; i < word.length; i++) {
    if (WITH_ARGUMENT.includes(word[i] as string)) return -1;
    if (word[i] === 'j') return i;
  }
  return -1;
}

function isNumber(word: string | undefined): boolean {
  return word !== undefined && /^\d+$/.test(word);
}
