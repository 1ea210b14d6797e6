// The facts of the journal as text: one line for each, of which the last with a key counts. A line begins with its checksum; the
// first line says which format it is. Pure.
import { crc32 } from 'node:zlib';

/** The format that is written; older ones are read. */
export const FORMAT = 1;

/** What is known under each key, as it was when it was read. */
export type Facts = Map<string, unknown>;

export interface Decoded {
  facts: Facts;
  /** Of the format, 0 when there is no head. */
  format: number;
  /** Lines that were damaged, without the last: that one can be torn. */
  damaged: number;
}

/** The first line. `counters`: the key under which the counters that belong to the facts are kept. */
export const encodeHead = (counters: string): string => line(['stint', { format: FORMAT, counters }]);

/** The line that says that `key` is `value` from now on; undefined: it is no more. */
export const encodeFact = (key: string, value: unknown): string => line(value === undefined ? [key] : [key, value]);

/** Reads what can be read. */
export function decodeFacts(bytes: Uint8Array): Decoded {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const facts: Facts = new Map();
  const lines = text.split('\n');
  const torn = lines.pop();
  let damaged = 0;
  let format = 0;
  for (const one of lines) {
    const fact = decodeLine(one);
    if (fact === undefined) {
      damaged++;
      continue;
    }
    const [key, value] = fact;
    facts.delete(key); // what was said last comes last
    if (value !== undefined) facts.set(key, value);
    if (key === 'stint') format = formatOf(value);
  }
  if (torn !== undefined && torn.length > 0 && lines.length === 0) damaged++;
  return { facts, format, damaged };
}

/** 0: it is no head. */
function formatOf(head: unknown): number {
  const { format, counters } = (head ?? {}) as { format?: unknown; counters?: unknown };
  return typeof format === 'number' && typeof counters === 'string' ? format : 0;
}

/** The key under which the counters that belong to facts are kept. */
export const countersOf = (facts: Facts): string => (facts.get('stint') as { counters: string }).counters;

function decodeLine(text: string): [string, unknown?] | undefined {
  const json = text.slice(9);
  if (text[8] !== ' ' || checksum(json) !== text.slice(0, 8)) return undefined;
  try {
    const fact = JSON.parse(json) as [string, unknown?];
    return Array.isArray(fact) && typeof fact[0] === 'string' ? fact : undefined;
  } catch {
    return undefined;
  }
}

function line(fact: [string, unknown?]): string {
  const json = JSON.stringify(fact);
  return `${checksum(json)} ${json}\n`;
}

const checksum = (json: string): string => crc32(json).toString(16).padStart(8, '0');
