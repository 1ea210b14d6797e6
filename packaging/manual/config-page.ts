// stint.toml(5): what the commented default says, key by key, and from the table of keys what each may be.
import { KEYS } from '../../src/process/config/keys.ts';
import { inline } from './markdown.ts';
import { bold, escaped, item, line, section } from './roff.ts';

/** `default`: the text of docs/stint.toml. */
export function configPage(standard: string): string[] {
  const [head = '', ...blocks] = standard.trim().split(/\n\n+/);
  return [
    section('Name'),
    'stint.toml \\- the configuration of the machine\\(aqs pool of job slots',
    section('Synopsis'),
    `${bold('stint serve --config')} \\fIFILE\\fR`,
    section('Description'),
    'The file is in TOML. As it is installed, everything has its default in it, as a comment.',
    ...prose(head.replace(/^[\s\S]*?as a comment.*?\. /, '# ').split('\n')),
    ...blocks.flatMap(block),
    section('Values'),
    `What the keys may be that ${bold('stint set')} changes as well, and what counts where nobody says anything:`,
    ...Object.entries(KEYS).flatMap(([key, { allowed, standard, within }]) =>
      item(bold(key), [
        line(escaped(`${allowed}${within === undefined ? '' : `, and at most ${within}`}`)),
        '.br',
        `default: ${standard === null ? 'see above' : escaped(JSON.stringify(standard))}`,
      ]),
    ),
    section('Files'),
    ...item('/etc/stint/stint.toml', ['where packages put it']),
    section('See also'),
    '\\fBstint\\fR(1), \\fBstint\\-config\\fR(1), \\fBstint\\-serve\\fR(1), \\fBstint\\-set\\fR(1)',
  ];
}

/** What is said before one or more keys, or of a table with all its keys. */
function block(text: string): string[] {
  const lines = text.split('\n');
  const said = prose(lines.filter((given) => /^#(?: |$)/.test(given)));
  const set = lines.filter((given) => !/^#(?: |$)/.test(given)).map((given) => given.slice(1));
  const table = set.find((given) => given.startsWith('['));
  if (table !== undefined) return [`.SH ${escaped(table)}`, ...said];
  return [...(set[0]?.startsWith('jobs ') ? [section('Keys')] : []), ...item(set.map(bold).join(', '), said)];
}

/** Comments: text, or in a table `#   key   what it is`, the rest of which is further in. */
function prose(comments: readonly string[]): string[] {
  let inItem = false;
  return comments.flatMap((comment) => {
    const text = comment.replace(/^# ?/, '');
    const [, key, rest] = /^ {2}(\S.*?) {2,}(\S.*)$/.exec(text) ?? [];
    if (key !== undefined && rest !== undefined) {
      inItem = true;
      return item(bold(key), [line(inline(rest))]);
    }
    const goesOn = text.startsWith(' ');
    const begins = inItem && !goesOn;
    inItem = goesOn;
    return [...(begins ? ['.PP'] : []), line(inline(text.trim()))];
  });
}
