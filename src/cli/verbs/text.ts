// The help text of a verb, and of all of them, from what is said of them. Loaded only when somebody asks.
import { print } from '../print.ts';
import { TREE } from './tree.ts';
import type { Option, Verb } from './verb.ts';

/** Characters in a line. */
const WIDTH = 120;
/** Where options begin, and the widest that has its text beside it. */
const INDENT = 6;
const WIDEST = 20;

/** `stint VERB --help`. */
export const printHelp = (verb: Verb): number => print(helpOf(verb));

/** What `stint --help` says of each verb. */
export function overview(): string {
  const width = Math.max(...TREE.map(({ name }) => name.length));
  return TREE.map(({ name, brief }) => `  stint ${name.padEnd(width)}  ${brief}\n`).join('');
}

function helpOf({ name, usage, about, options, notes, exits }: Verb): string {
  const calls = usage.map((call, at) => `${at === 0 ? 'Usage:' : '      '} stint ${name} ${call}`);
  const blocks = [[...calls, ...filled(about)], optionLines(options), notes === undefined ? [] : filled(notes)];
  const codes = exits.map(([code, when]) => `${code === 'CMD' ? 'that of CMD' : code}${when && ` ${when}`}`).join('; ');
  blocks.push(filled(`Exit status: ${codes}.`));
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`;
}

function optionLines(options: Verb['options']): string[] {
  const rows: [label: string, text: string][] = Object.entries(options).map(([name, option]) => [
    `${' '.repeat(INDENT)}${labelOf(name, option)}`,
    option.text,
  ]);
  rows.push(['  -h, --help', 'this text']);
  const beside = rows.map(([label]) => label.length).filter((length) => length <= INDENT + WIDEST);
  const column = Math.max(...beside) + 2;
  return rows.flatMap(([label, text]) => {
    const lines = filled(text, WIDTH - column).map((line) => `${' '.repeat(column)}${line}`);
    if (label.length + 2 > column) return [label, ...lines];
    return [label.padEnd(column) + (lines[0] as string).slice(column), ...lines.slice(1)];
  });
}

/** `--jobs N`. */
export const labelOf = (name: string, { value }: Option): string =>
  value === undefined ? `--${name}` : `--${name} ${value}`;

/** Lines of at most `width` characters; those that begin with a blank stay as they are. */
function filled(text: string, width = WIDTH): string[] {
  const lines: string[] = [];
  let last: string | undefined; // the line that goes on
  for (const given of text.split('\n')) {
    if (given === '' || given.startsWith(' ')) {
      if (last !== undefined) lines.push(last);
      last = undefined;
      lines.push(given);
      continue;
    }
    for (const word of given.split(' ')) {
      if (last !== undefined && last.length + 1 + word.length > width) {
        lines.push(last);
        last = undefined;
      }
      last = last === undefined ? word : `${last} ${word}`;
    }
  }
  if (last !== undefined) lines.push(last);
  return lines;
}
