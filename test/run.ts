// Runs test files, some at a time, and then one after the other those that measure the machine that they share:
//   node test/run.ts [-t PATTERN] [FILE | FOLDER | GLOB]...      (all of test/**/*.test.ts when none is named)
// Exits 1 when a test failed, when there was none, and with CI=true when one was skipped.
import { globSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import '../packaging/build.ts'; // tests start the program as it is installed
import { report, type Totals, words } from './helpers/reporter.ts';

/** A test that hangs fails after this many ms; a file that then does not end is killed a little later. */
const patience = Number(process.env.TEST_TIMEOUT ?? 300_000);

/** How much longer a file may take to end, in ms. */
const grace = Math.min(patience, 10_000);

/** What these measure, or what they find on the machine, is not to be that of a test beside them. */
const ALONE = [
  'test/cli/doctor',
  'test/cli/top',
  'test/clients/newcomers',
  'test/demo',
  'test/kernel/pressure',
  ...['bearing', 'crowds', 'doctor', 'idle', 'limits', 'memory', 'quiet', 'users', 'weights'].map(
    (name) => `test/machine/${name}`,
  ),
  'test/sensors/',
  'test/toolchain',
  'test/web/',
];
/** How many files run at the same time: most of what they do is to wait. */
const LANES = 3;

const root = resolve(import.meta.dirname, '..');
const { values, positionals } = parseArgs({ options: { t: { type: 'string', short: 't' } }, allowPositionals: true });

process.exitCode = await main(positionals.length > 0 ? positionals : [join(root, 'test/**/*.test.ts')]);

async function main(names: string[]): Promise<number> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const files = [...new Set(names.flatMap(filesOf))];
  const alone = files.filter((file) => ALONE.some((part) => relative(root, file).startsWith(part)));
  const waiting = files.filter((file) => !alone.includes(file));
  const lane = async (queue: string[], told: boolean) => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file, totals, told);
  };
  await Promise.all(Array.from({ length: LANES }, () => lane(waiting, files.length === 1)));
  await lane(alone, true);
  if (files.length > 1) for (const failure of totals.failures) process.stdout.write(`\n✗ ${failure}`);
  process.stdout.write(`${words(totals)}\n`);
  const none = totals.passed + totals.failed + totals.skipped === 0;
  return none || totals.failed > 0 || (process.env.CI === 'true' && totals.skipped > 0) ? 1 : 0;
}

/** Runs one file; what it says is shown as it comes, or in one piece at its end. */
async function runFile(file: string, totals: Totals, asItComes: boolean): Promise<void> {
  const events = run({
    files: [file],
    timeout: patience,
    signal: AbortSignal.timeout(patience + grace),
    ...(values.t === undefined ? {} : { testNamePatterns: [new RegExp(values.t)] }),
  });
  let text = '';
  for await (const line of report(events, relative(root, file), totals))
    if (asItComes) process.stdout.write(line);
    else text += line;
  process.stdout.write(text);
}

/** The test files that `name`, a file, a folder or a glob, stands for. */
function filesOf(name: string): string[] {
  const path = resolve(name);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile()) return [path];
  const found = globSync(stat?.isDirectory() ? join(path, '**/*.test.ts') : path).sort();
  if (found.length === 0) process.stderr.write(`test: no test files in ${name}\n`);
  return found;
}
