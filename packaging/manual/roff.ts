// What pages of the manual are written in: man(7), as groff and mandoc read it. Lines come in as texts and go out with everything
// escaped that means something to those.

/** Characters that roff takes for something else, or that it would print as a typographic one. */
const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
};

/** Text as it stands. */
export const escaped = (text: string): string =>
  text
    .replace(/[\\\-'`^~"]/g, (found) => SPECIAL[found] as string)
    .replace(
      /[^\x20-\x7e\n]/gu,
      (found) => `\\[u${(found.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}]`,
    );

export const bold = (text: string): string => `\\fB${escaped(text)}\\fR`;
export const italic = (text: string): string => `\\fI${escaped(text)}\\fR`;

/** A line of text that must not be taken for a request. */
export const line = (roff: string): string => (/^[.']/.test(roff) ? `\\&${roff}` : roff);

/** Lines that stay as they are, indented. */
export const verbatim = (lines: readonly string[]): string[] => [
  '.PP',
  '.RS 4',
  '.nf',
  ...lines.map((text) => line(escaped(text))),
  '.fi',
  '.RE',
];

/** A word, or a few, and what is said of it. */
export const item = (tag: string, body: readonly string[]): string[] => ['.TP', line(tag), ...body];

/** The head of a page, on which no word is torn apart. `date`: of the release, '' for none. */
export const title = (name: string, section: number, { version, date }: { version: string; date: string }): string =>
  `.TH ${escaped(name.toUpperCase())} ${section} "${date}" "${escaped(`stint ${version}`)}" "stint"\n.nh\n.ad l`;

export const section = (name: string): string => `.SH ${escaped(name.toUpperCase())}`;
