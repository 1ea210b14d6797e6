// What can become of a journal: lines that are torn, lost, doubled, in another order or altered, with their checksums right or
// wrong; counters with other words in them, or as an older version wrote them.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { HEAD, RECORD, unpacked } from '../../../src/engine/journal/layout.ts';
import type { MemoryFile } from '../simulation/machine.ts';

/** One damage; what is picked by a number is picked among what there is. */
export type Damage =
  | { to: 'line'; what: 'torn' | 'flipped' | 'lost' | 'doubled' | 'moved' | 'older'; which: number; at: number }
  /** A number in it is another, and its checksum is right. */
  | { to: 'line'; what: 'number'; which: number; at: number; value: number }
  | { to: 'line'; what: 'noise'; which: number; text: string }
  | { to: 'counters'; what: 'word'; which: number; value: number }
  | { to: 'counters'; what: 'older' };

const number = fc.oneof(fc.constantFrom(-1, 0, 1, 2, 2 ** 31 - 1, -(2 ** 31), 1e15), fc.nat(40));

export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({
    to: fc.constant('line' as const),
    what: fc.constantFrom('torn' as const, 'flipped', 'lost', 'doubled', 'moved', 'older'),
    which: fc.nat(30),
    at: fc.nat(200),
  }),
  fc.record({
    to: fc.constant('line' as const),
    what: fc.constant('number' as const),
    which: fc.nat(30),
    at: fc.nat(12),
    value: number,
  }),
  fc.record({
    to: fc.constant('line' as const),
    what: fc.constant('noise' as const),
    which: fc.nat(30),
    text: fc.string({ unit: 'binary', maxLength: 30 }),
  }),
  fc.record({
    to: fc.constant('counters' as const),
    what: fc.constant('word' as const),
    which: fc.nat(700),
    value: fc.oneof(number, fc.integer()),
  }),
  fc.constant({ to: 'counters' as const, what: 'older' as const }),
);

/** Damages the facts; their head stays as it is unless a line of any kind is lost. */
export function damageFacts(file: MemoryFile, one: Extract<Damage, { to: 'line' }>): void {
  const lines = file.bytes.toString('latin1').split('\n').slice(0, -1);
  const at = one.which % lines.length;
  const line = lines[at] ?? '';
  let end = '\n';
  switch (one.what) {
    case 'torn':
      lines[lines.length - 1] = lines.at(-1)?.slice(0, one.at) ?? '';
      end = '';
      break;
    case 'flipped':
      lines[at] = `${line.slice(0, one.at % line.length)}?${line.slice((one.at % line.length) + 1)}`;
      break;
    case 'lost':
      lines.splice(at, 1);
      break;
    case 'doubled':
      lines.push(line);
      break;
    case 'moved':
      lines.splice(one.at % lines.length, 0, ...lines.splice(at, 1));
      break;
    case 'older':
      lines[at] = withJson(line, (json) => json.replace(/,"said":\{[^}]*\}/, ''));
      break;
    case 'number': {
      const count = line.slice(9).match(NUMBER)?.length ?? 0;
      let left = count === 0 ? -1 : one.at % count;
      lines[at] = withJson(line, (json) => json.replace(NUMBER, (old) => (left-- === 0 ? `${one.value}` : old)));
      break;
    }
    case 'noise':
      lines.splice(at, 0, one.text.replaceAll('\n', ' '));
  }
  file.bytes = Buffer.from(lines.map((text, i) => text + (i === lines.length - 1 ? end : '\n')).join(''), 'latin1');
}

/** Damages the counters. */
export function damageCounters(file: MemoryFile, one: Extract<Damage, { to: 'counters' }>): void {
  const head = file.left[0]?.words;
  if (head === undefined) return;
  if (one.what === 'word') {
    let at = one.which % file.left.reduce((sum, { words }) => sum + words.length, 0);
    for (const { words } of file.left) {
      if (at >= 0 && at < words.length) words[at] = one.value;
      at -= words.length;
    }
    return;
  }
  const from = head[HEAD.recordsAt] as number;
  for (let at = from; at < head.length; at += RECORD.words)
    head[at + RECORD.value] = unpacked(head[at + RECORD.value] as number);
  head[HEAD.version] = 1;
  head[HEAD.waitsAt] = head[HEAD.waitsEnd] = 0;
}

/** Numbers that stand by themselves: what is no key. */
const NUMBER = /(?<=[:[,])-?\d+(?:\.\d+)?(?=[,\]}])/g;

function withJson(line: string, change: (json: string) => string): string {
  const json = change(Buffer.from(line.slice(9), 'latin1').toString());
  const bytes = Buffer.from(json);
  return `${crc32(json).toString(16).padStart(8, '0')} ${bytes.toString('latin1')}`;
}
