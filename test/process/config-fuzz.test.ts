// Configurations that nobody would write: the keys there are with values of any kind, in tables where they do not belong, and the
// file in docs/ with pieces missing, doubled and replaced. Each is a configuration or has problems, and every problem names the
// file and is said in the same words by `stint config check` and by `stint serve`. Nothing else is ever thrown.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { StintError } from '../../src/errors.ts';
import { PLACES } from '../../src/process/config/schema.ts';
import { checkConfig, readConfig } from '../../src/process/config.ts';
import { rounds } from '../helpers/rounds.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../docs/stint.toml'), 'utf8').replace(/^# ?(?=[\w[])/gm, '');

const value: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('0', '1', '-1', '4096', '4097', '1.5', 'inf', '-inf', 'nan', '1e400', '0x10', '9007199254740993'),
  fc.constantFrom(
    'true',
    '"5%"',
    '"1GiB"',
    '"0666"',
    '"wait"',
    '"/x"',
    '""',
    '"é"',
    "'''\nx'''",
    '1979-05-27T07:32:00Z',
    '07:32:00',
  ),
  fc.constantFrom('[]', '[1, "a"]', '{}', '{ a = 1 }', '[[1], [2]]', '{ user = "root" }', '[{ max = 1 }]', '', '?'),
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.double().map(String),
);
const place = fc.constantFrom(
  ...Object.keys(PLACES),
  '[rule]',
  '[client]',
  '[[share]]',
  '[limits.ramp]',
  '[x]',
  '[[',
  '["share"]',
);
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...Object.values(PLACES).flat()) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('__proto__', 'constructor', 'share.class', 'rule', '"jobs"', '""', 'a b', 'jobs '),
  },
);
const line = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(key, value).map(([name, is]) => `${name} = ${is}`) },
  { weight: 1, arbitrary: place },
);
const written = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
const altered = fc
  .array(
    fc.record({
      at: fc.nat(EXAMPLE.length),
      less: fc.nat(40),
      more: fc.oneof(value, fc.string({ unit: 'binary', maxLength: 9 })),
    }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((changes) =>
    changes.reduce((text, { at, less, more }) => text.slice(0, at) + more + text.slice(at + less), EXAMPLE),
  );

test('a configuration is taken, or refused with words that name the file', (t) => {
  const file = join(temporaryFolder(t), 'stint.toml');
  let taken = 0;
  const property = fc.property(fc.oneof(written, altered), (text) => {
    writeFileSync(file, text);
    const problems = checkConfig(file);
    for (const { message, line: at } of problems) {
      assert.ok(message.startsWith(`${file}:`), message);
      assert.ok(at === undefined || (at >= 1 && at <= text.split('\n').length + 1), `line ${at}`);
    }
    try {
      readConfig(file);
      taken++;
      assert.deepEqual(problems, []);
    } catch (error) {
      assert.ok(error instanceof StintError, String(error));
      assert.equal(error.message, problems[0]?.message);
    }
  });
  fc.assert(property, rounds(t, 600));
  t.diagnostic(`${taken} were taken`);
});
