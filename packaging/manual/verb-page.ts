// The page of one verb, from what is said of it.
import { labelOf } from '../../src/cli/verbs/text.ts';
import type { Verb } from '../../src/cli/verbs/verb.ts';
import { bold, escaped, italic, item, line, section, verbatim } from './roff.ts';

/** The body of stint-VERB(1). `others`: names of the pages that are named at its end. */
export function verbPage(verb: Verb, others: readonly string[]): string[] {
  const text = (words: string) => filled(words, placeholders(verb));
  return [
    section('Name'),
    `stint\\-${verb.name} \\- ${escaped(verb.brief)}`,
    section('Synopsis'),
    ...verb.usage.flatMap((call, at) => [
      ...(at === 0 ? [] : ['.br']),
      `${bold(`stint ${verb.name}`)} ${marked(call, placeholders(verb))}`,
    ]),
    section('Description'),
    ...text(verb.about),
    section('Options'),
    ...Object.entries(verb.options).flatMap(([name, option]) =>
      item(marked(labelOf(name, option), placeholders(verb)), text(option.text)),
    ),
    ...item('\\fB\\-h\\fR, \\fB\\-\\-help\\fR', ['print a short text']),
    ...(verb.notes === undefined ? [] : [section('Notes'), ...text(verb.notes)]),
    section('Exit status'),
    ...verb.exits.flatMap(([code, when]) =>
      item(code === 'CMD' ? 'that of CMD' : bold(String(code)), when === '' ? ['when it ended'] : text(when)),
    ),
    section('See also'),
    others.map((other) => `\\fB${escaped(other).replace(/\(/, '\\fR(')}`).join(', '),
  ];
}

/** The words in capitals that stand for something else. */
function placeholders({ usage, options }: Verb): ReadonlySet<string> {
  const text = [...usage, ...Object.values(options).map(({ value = '' }) => value)].join(' ');
  return new Set(text.match(/\b[A-Z]{1,}\b/g));
}

/** Options in bold, placeholders in italics. */
function marked(text: string, placeholders: ReadonlySet<string>): string {
  return text
    .split(/(--?[a-z][a-z-]*|\b[A-Z]+\b)/)
    .map((part) => (/^--?[a-z]/.test(part) ? bold(part) : placeholders.has(part) ? italic(part) : escaped(part)))
    .join('');
}

/** Paragraphs; lines that begin with a blank stay as they are. */
function filled(text: string, placeholders: ReadonlySet<string>): string[] {
  const out: string[] = [];
  let still: string[] = [];
  const flush = () => {
    if (still.length > 0) out.push(...verbatim(still), '.PP');
    still = [];
  };
  for (const given of text.split('\n')) {
    if (given.startsWith(' ')) {
      still.push(given.slice(2));
      continue;
    }
    flush();
    out.push(given === '' ? '.PP' : line(marked(given, placeholders)));
  }
  flush();
  if (out.at(-1) === '.PP') out.pop();
  return out;
}
