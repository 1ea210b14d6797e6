// Turns the events of node:test into lines for people: what failed and why, what was skipped and why, one line per file.
// Counts leaves only: a suite, or a test with subtests, is what its leaves are.
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What all the files came to. */
export interface Totals extends Counts {
  /** One text per failed test: its file, its name, and how its error begins. */
  failures: string[];
}

interface Result {
  name: string;
  nesting: number;
  /** The test's file; also the name of the result that stands for the file's process. */
  file?: string;
  skip?: string | boolean;
  todo?: string | boolean;
  details: { type?: string; error?: Failure };
}

type Failure = Error & { failureType?: string; exitCode?: number; signal?: string };

/** Gives the lines for one test file's events, and adds its tests to `totals`. `name` is how the lines call the file. */
export async function* report(events: AsyncIterable<TestEvent>, name: string, totals: Totals): AsyncGenerator<string> {
  const counts: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const started = performance.now();
  const path: string[] = [];
  /** How many results came at each depth since the last result above it. */
  const children: number[] = [];

  for await (const { type, data } of events as AsyncIterable<{ type: string; data: unknown }>) {
    if (type === 'test:stdout' || type === 'test:stderr') yield (data as { message: string }).message;
    else if (type === 'test:start') {
      const { name, nesting } = data as Result;
      path.splice(nesting, path.length, name);
    } else if (type === 'test:pass' || type === 'test:fail') {
      const result = data as Result;
      const parent = (children[result.nesting + 1] ?? 0) > 0 || result.details.type === 'suite';
      children.length = result.nesting + 1;
      children[result.nesting] = (children[result.nesting] ?? 0) + 1;
      const title = [...path.slice(0, result.nesting), result.name].join(' › ');
      yield* lines(type === 'test:pass', result, { parent, title, counts });
    }
  }

  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const mark = counts.failed > 0 ? '✗' : '✓';
  yield `${mark} ${name}: ${words(counts)} (${seconds} s)\n`;
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  totals.failures.push(...counts.failures.map((failure) => `${name}: ${failure}`));
}

/** `3 passed, 0 failed, 1 skipped` */
export const words = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

interface Place {
  parent: boolean;
  title: string;
  counts: Totals;
}

/** How many lines of an error are told again at the end of the run. */
const ERROR_HEAD = 8;

function* lines(passed: boolean, result: Result, { parent, title, counts }: Place): Generator<string> {
  const { skip, todo, details } = result;
  const put = skip ?? todo;
  if (put !== undefined && put !== false) {
    counts.skipped++;
    yield `  - ${title}: ${skip === undefined ? 'to do' : 'skipped'}: ${put === true ? 'no reason given' : put}\n`;
  } else if (passed) {
    if (!parent && result.name !== result.file) counts.passed++;
  } else if (!parent || details.error?.failureType !== 'subtestsFailed') {
    counts.failed++;
    const error = indent(explain(details.error));
    counts.failures.push(`${title}\n${error.split('\n', ERROR_HEAD).join('\n')}\n`);
    yield `  ✗ ${title}\n${error}\n`;
  }
}

/** The whole error, without the runner's own wrapping and stack frames. */
function explain(error: Failure | undefined): string {
  if (error?.signal) return `ended by ${error.signal}`;
  if (error?.exitCode) return `exited with code ${error.exitCode}`;
  const cause = error?.cause ?? error;
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 6, colors: process.stdout.isTTY === true });
  return text.replace(/\n\s+at [^\n]*\bnode:(?:internal\/|async_hooks)[^\n]*?(?=\n| \{\n|$)/g, '');
}

const indent = (text: string): string => text.replace(/^/gm, '    ');
