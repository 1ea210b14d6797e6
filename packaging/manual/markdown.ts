// Pages that are written as Markdown, the part of it that ours use: headings, paragraphs, lists, tables, blocks of commands, and
// code, stress and links within a line. A table becomes a list: the first cell of a row, and under it the others.
import { bold, escaped, italic, item, line, section, verbatim } from './roff.ts';

/** The lines below a heading, up to the next of its kind. @throws Error when there is none */
export function sectionOf(markdown: string, heading: string): string {
  const found = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(markdown)?.[1];
  if (found === undefined) throw new Error(`there is no heading '## ${heading}'`);
  return found;
}

/** What only links to another document. */
const ASIDE = /\s\(\[[^\]]*\]\((?!https?:)[^)]*\)\)/g;

/** Its body as roff; the heading of the whole is left out. */
export function fromMarkdown(markdown: string): string[] {
  const out: string[] = [];
  const lines = markdown.replace(ASIDE, '').split('\n');
  let at = 0;
  /** The lines from here on that `belong`. */
  const take = (belongs: (text: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && belongs(lines[at] as string)) at++;
    return lines.slice(from, at);
  };
  /** What begins here needs no new paragraph before it. */
  const begin = () => {
    while (out.at(-1) === '.PP') out.pop();
  };
  while (at < lines.length) {
    const text = lines[at] as string;
    if (text.startsWith('```')) {
      at++;
      begin();
      out.push(...verbatim(take((next) => !next.startsWith('```'))), '.PP');
      at++;
    } else if (text.startsWith('|')) {
      begin();
      out.push(...rowsOf(take((next) => next.startsWith('|'))), '.PP');
    } else if (/^(?:-|\d+\.) /.test(text)) {
      const [, mark = '', first = ''] = /^(-|\d+\.) +(.*)/.exec(text) ?? [];
      at++;
      begin();
      const more = take((next) => /^ +\S/.test(next));
      const tag = mark === '-' ? '.IP \\(bu 3' : `.IP ${mark} 4`;
      out.push(tag, ...[first, ...more].map((part) => line(inline(part.trim()))));
      if (!/^(?:-|\d+\.) /.test(lines[at] ?? '')) out.push('.PP');
    } else if (text.startsWith('#')) {
      at++;
      const [, hashes = '', heading = ''] = /^(#+) (.*)/.exec(text) ?? [];
      begin();
      if (hashes.length === 2) out.push(section(plain(heading)));
      if (hashes.length > 2) out.push(`.SS ${escaped(plain(heading))}`);
    } else {
      at++;
      if (text !== '') out.push(line(inline(text)));
      else if (out.length > 0 && !/^\.(?:PP|S[HS] )/.test(out.at(-1) as string)) out.push('.PP');
    }
  }
  begin();
  return out;
}

function rowsOf(rows: readonly string[]): string[] {
  const cells = rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const [head = [], , ...body] = cells;
  return body.flatMap(([first = '', ...others]) =>
    item(
      inline(first),
      others.flatMap((cell, at) => {
        if (cell === '') return [];
        const name = others.length > 1 && head[at + 1] ? `${inline(head[at + 1] as string)}: ` : '';
        return [line(`${name}${inline(cell)}`), '.br'];
      }),
    ).filter((text, place, all) => text !== '.br' || place < all.length - 1),
  );
}

/** A heading without its marks. */
const plain = (text: string): string => text.replace(/[`*]/g, '');

/** Code and stress as fonts; of a link its words. */
export function inline(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\(([^)]*)\)/g, (_, words: string, target: string) =>
      /^https?:/.test(target) ? `${words} <${target}>` : words,
    )
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)/)
    .map((part) => {
      if (/^`.+`$/.test(part)) return bold(part.slice(1, -1));
      if (/^\*\*.+\*\*$/.test(part)) return bold(part.slice(2, -2));
      if (/^\*.+\*$/.test(part)) return italic(part.slice(1, -1));
      return escaped(part);
    })
    .join('');
}
