// Pure: lists of tests as people keep them: arrays of bash, TOML, plain lines. What is there already keeps its order, its comments and its spelling.
import { StintError } from '../../errors.ts';

export const FORMATS = ['bash', 'toml', 'json', 'plain'] as const;
export type Format = (typeof FORMATS)[number];

export interface Lists {
  deselect: readonly string[];
  ignore: readonly string[];
}

/** A line of a list that exists: its text as it is, and the entries in it. */
interface Line {
  text: string;
  entries: string[];
}

export interface Existing {
  deselect: Line[];
  ignore: Line[];
}

const NAMES = { deselect: 'EPYTEST_DESELECT', ignore: 'EPYTEST_IGNORE' } as const;
const KINDS = ['deselect', 'ignore'] as const;

/** The words of a list that exists, in its order. */
export const entriesOf = (lines: readonly Line[]): string[] => lines.flatMap(({ entries }) => entries);

/** What `text` has: arrays of bash, or a plain list of lines, all of which are deselected. @throws StintError on quotes that do not end */
export function parseLists(text: string): Existing {
  const found: Existing = { deselect: [], ignore: [] };
  let any = false;
  for (const kind of KINDS) {
    const head = new RegExp(`(?:^|[\\s;])${NAMES[kind]}\\+?=\\(`, 'g');
    for (const match of text.matchAll(head)) {
      any = true;
      found[kind].push(...linesOf(text.slice(match.index + match[0].length)));
    }
  }
  if (!any)
    found.deselect = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => ({ text: line.trim(), entries: line.trim().startsWith('#') ? [] : [line.trim()] }));
  return found;
}

/** The lines of an array of bash, from behind its opening parenthesis to the one that closes it. */
function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let line: Line = { text: '', entries: [] };
  const end = () => {
    const trimmed = line.text.trim();
    if (trimmed !== '') lines.push({ text: trimmed, entries: line.entries });
    line = { text: '', entries: [] };
  };
  for (let at = 0; at < text.length; ) {
    const c = text[at] as string;
    if (c === ')') {
      end();
      return lines;
    }
    if (c === '\n') {
      end();
      at++;
    } else if (c === '#') {
      const to = text.indexOf('\n', at);
      line.text += text.slice(at, to === -1 ? text.length : to);
      at = to === -1 ? text.length : to;
    } else if (/\s/.test(c)) {
      line.text += c;
      at++;
    } else {
      const { word, to } = wordAt(text, at);
      line.text += text.slice(at, to);
      line.entries.push(word);
      at = to;
    }
  }
  throw new StintError('deselect: the list does not end: there is no closing )');
}

/** The word of bash that begins at `from`, without its quotes. */
function wordAt(text: string, from: number): { word: string; to: number } {
  let word = '';
  let at = from;
  const until = (quote: string): number => {
    const to = text.indexOf(quote, at);
    if (to === -1) throw new StintError(`deselect: a quote does not end: ${text.slice(from, from + 40)}`);
    return to;
  };
  while (at < text.length && !/[\s)]/.test(text[at] as string)) {
    const c = text[at++] as string;
    if (c === '\\') word += text[at++] ?? '';
    else if (c === "'") {
      const to = until("'");
      word += text.slice(at, to);
      at = to + 1;
    } else if (c === '"') {
      for (; text[at] !== '"'; at++) {
        if (at >= text.length) until('"');
        if (text[at] === '\\' && /["\\$`\n]/.test(text[at + 1] ?? '')) at++;
        word += text[at];
      }
      at++;
    } else word += c;
  }
  return { word, to: at };
}

/** The lists in a format; what exists comes first, as it was written. */
export function formatLists(lists: Lists, format: Format, existing: Existing = { deselect: [], ignore: [] }): string {
  if (format === 'json') {
    const all = (kind: 'deselect' | 'ignore') => [...entriesOf(existing[kind]), ...lists[kind]];
    return `${JSON.stringify({ deselect: all('deselect'), ignore: all('ignore') }, undefined, 2)}\n`;
  }
  const parts = KINDS.filter((kind) => existing[kind].length + lists[kind].length > 0).map((kind) => {
    const own = lists[kind];
    if (format === 'plain')
      return [...existing[kind].map(({ text }) => text), ...own].map((word) => `${word}\n`).join('');
    if (format === 'bash')
      return `${NAMES[kind]}=(\n${[...existing[kind].map(({ text }) => text), ...own.map(forBash)].map((line) => `\t${line}\n`).join('')})\n`;
    const lines = existing[kind].flatMap(({ text, entries }) =>
      entries.length === 0 ? [text] : entries.map((word) => `${forToml(word)},`),
    );
    return `${kind} = [\n${[...lines, ...own.map((word) => `${forToml(word)},`)].map((line) => `  ${line}\n`).join('')}]\n`;
  });
  return `${format === 'toml' && parts.length > 0 ? '[tool.stint.test]\n' : ''}${parts.join('')}`;
}

export const forBash = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A basic string: as in JSON, but that DEL has to be escaped too. */
const forToml = (word: string): string => JSON.stringify(word).replaceAll('\x7f', '\\u007f');
