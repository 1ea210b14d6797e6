// What tools are told of their slots: the rules, the page that shows them, and the tools themselves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXPORTS, exportSlots, RUNNERS } from '../../src/cli/exports.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/leases.md'), 'utf8');

/** The variables that a command is given with 6 slots. */
const variables = (...command: string[]): Record<string, string> =>
  Object.fromEntries(exportSlots(command, 6).variables.map(({ name, value }) => [name, value]));

test('{slots} becomes the number in every argument, but not in the name of the program', () => {
  const { command } = exportSlots(['{slots}', '-n{slots}', 'a{slots}b{slots}', '{slot}', '$'], 12);
  assert.deepEqual(command, ['{slots}', '-n12', 'a12b12', '{slot}', '$']);
});

test('one process may have as many threads as there are slots, a worker one', () => {
  assert.equal(variables('./simulate').OMP_NUM_THREADS, '6');
  assert.equal(variables('./simulate', '--workers={slots}').OMP_NUM_THREADS, '1');
  for (const command of [
    '/usr/bin/pytest',
    'python3 -m pytest',
    'python3.12 -m pytest -q',
    'ctest',
    'cargo test',
    'cargo +nightly t',
    'cargo nextest run',
  ]) {
    const found = variables(...command.split(' '));
    assert.deepEqual([found.OMP_NUM_THREADS, found.PYTEST_XDIST_AUTO_NUM_WORKERS], ['1', '6'], command);
  }
  assert.equal(variables('cargo', 'run').RAYON_NUM_THREADS, '6');
  assert.equal(variables('go', 'test', './...').GOMAXPROCS, '6');
});

test('what would change the work of other programs is set only for its own', () => {
  assert.equal(variables('xz', '-9', 'file').XZ_DEFAULTS, '-T6');
  assert.equal(variables('dpkg-deb').XZ_DEFAULTS, undefined);
  assert.equal(variables('./gradlew', 'build').GRADLE_OPTS, '-Dorg.gradle.workers.max=6');
  assert.equal(variables('cmake', '--build', 'x').CMAKE_BUILD_PARALLEL_LEVEL, '6');
  const { variables: withMake } = exportSlots(['cmake', '--build', 'x'], 6, true);
  assert.ok(!withMake.some(({ name }) => name === 'CMAKE_BUILD_PARALLEL_LEVEL'));
  assert.equal(variables('make').CMAKE_BUILD_PARALLEL_LEVEL, undefined);
});

test('docs/leases.md shows the table of variables, and the programs with workers', () => {
  for (const row of EXPORTS) assert.ok(page.includes(rowOf(row)), `docs/leases.md has\n${rowOf(row)}`);
  const shown = [...page.matchAll(/^\| `([A-Z_]+)` \| .* \| .* \| .* \|$/gm)].map(([, name]) => name);
  assert.deepEqual(shown, EXPORTS.map(({ variable }) => variable).concat('STINT_SLOTS', 'STINT_LEASE'));
  for (const runner of RUNNERS) assert.ok(page.includes(`\`${runner.replace('-', ' ')}\``), runner);
});

function rowOf({ variable, value, programs, reader }: (typeof EXPORTS)[number]): string {
  const shown = value.replace('{slots}', 'slots').replace('{threads}', 'threads');
  const written = /^\w+$/.test(shown)
    ? shown
    : `\`${value.replace(/\{(\w+)\}/, '')}\` *${shown.match(/slots|threads/)?.[0]}*`;
  const whom = programs === undefined ? 'every command' : programs.map((name) => `\`${name}\``).join(', ');
  return `| \`${variable}\` | ${written} | ${whom} | ${reader} |`;
}
