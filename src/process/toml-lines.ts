// On which line of a TOML file something stands. The parser does not say, so it is asked how much of the file it takes until it
// knows of it: exact whatever the form, and slow enough to be used for errors only.
import { parse } from 'smol-toml';

/** Finds in `text`, which is TOML, the line, from 1, on which a path begins; of what is missing, that of the table around it. */
export function linesOf(text: string): (path: readonly PropertyKey[]) => number | undefined {
  let parts: { lines: number; table: unknown }[] | undefined;
  return (path) => {
    parts ??= partsOf(text);
    const known = parts.at(-1)?.table;
    let wanted = path;
    while (wanted.length > 0 && !has(known, wanted)) wanted = wanted.slice(0, -1);
    const at = wanted.length === 0 ? -1 : parts.findIndex(({ table }) => has(table, wanted));
    return at === -1 ? undefined : (parts[at - 1]?.lines ?? 0) + 1;
  };
}

/** The beginnings of the file that are TOML by themselves: after each line but those within a text or an array. */
function partsOf(text: string): { lines: number; table: unknown }[] {
  const lines = text.split('\n');
  return lines.flatMap((_, at) => {
    try {
      return [{ lines: at + 1, table: parse(`${lines.slice(0, at + 1).join('\n')}\n`) }];
    } catch {
      return [];
    }
  });
}

function has(table: unknown, path: readonly PropertyKey[]): boolean {
  let value = table;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return true;
}
