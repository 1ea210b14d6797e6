// On which line of a TOML file a key stands. The parser does not say, so this looks for it: well enough for a file that people
// write, and where it finds nothing an error has no line. It takes no part in what the file means.

const HEADER = /^\s*\[{1,2}\s*["']?([^\]"']+?)["']?\s*\]/;
const KEY = /^\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*[.=]/;

/**
 * The line, from 1, of the key `path`: `['jobs']`, `['share', 'class']` in the table [share], or `['client', 1, 'node']` in the
 * second table [[client]]. Where it is not there, the line of the table it belongs to.
 */
export function lineOf(text: string, path: readonly PropertyKey[]): number | undefined {
  const lines = text.split('\n');
  const headers = lines.flatMap((line, at) => (HEADER.test(line) ? [at] : []));
  const [name, second] = path;
  const [index, inner] = typeof second === 'number' ? [second, path[2]] : [0, second];
  const tables = headers.filter((at) => HEADER.exec(lines[at] as string)?.[1] === name);
  const table = path.length > 1 ? tables[index] : undefined;
  if (table === undefined) {
    const found = keyLine(lines.slice(0, headers[0]), name) ?? tables[0];
    return found === undefined ? undefined : found + 1;
  }
  const end = headers.find((at) => at > table);
  const found = keyLine(lines.slice(table + 1, end), inner);
  return found === undefined ? table + 1 : table + found + 2;
}

/** Where `key` begins a line of `lines`, from 0. */
function keyLine(lines: readonly string[], key: PropertyKey | undefined): number | undefined {
  const at = lines.findIndex((line) => {
    const [, double, single, bare] = KEY.exec(line) ?? [];
    return key !== undefined && (double ?? single ?? bare) === key;
  });
  return at === -1 ? undefined : at;
}
