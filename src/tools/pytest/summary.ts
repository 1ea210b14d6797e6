// Results in words: the summary for people, and annotations as GitHub's runners read them.
import type { Results, TestResult } from './results.ts';

/** How many of the slowest tests are shown, and from how many seconds on. */
const SLOWEST = 5;
const SLOW = 0.5;
const MARKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/** Characters for the course of the run. */
const WIDTH = 40;

export function summary(results: Results, { junit, jobs }: { junit: string; jobs: number }): string {
  const { counts, waited, seconds, slotSeconds, slots, tests } = results;
  const words = (['passed', 'failed', 'error', 'skipped', 'flaky'] as const)
    .filter((outcome) => counts[outcome] > 0 || outcome === 'passed')
    .map((outcome) => `${counts[outcome]} ${outcome === 'error' ? 'with errors' : outcome}`);
  const reruns = tests.reduce((sum, test) => sum + test.reruns, 0);
  const most = Math.max(0, ...slots.map(({ count }) => count));
  const lines = [
    `stint: ${words.join(', ')}${reruns > 0 ? `, ${reruns} reruns` : ''}`,
    `  time     ${time(seconds)}, after ${time(waited)} of waiting; ${time(slotSeconds)} of slots`,
    `  workers  ${most} of ${jobs} asked for${slots.length > 1 ? `  ${course(results, most)}` : ''}`,
    `  report   ${junit}`,
  ];
  const slow = tests.filter((test) => test.seconds >= SLOW).sort((a, b) => b.seconds - a.seconds);
  for (const [at, test] of slow.slice(0, SLOWEST).entries())
    lines.push(`${at === 0 ? '  slowest ' : '          '} ${time(test.seconds).padStart(7)}  ${shown(test.id)}`);
  for (const test of tests.filter(({ outcome }) => outcome === 'flaky'))
    lines.push(`  flaky    ${shown(test.id)}: passed at attempt ${test.reruns + 1}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** How many slots were held over time, a character for each part. */
function course({ slots, seconds }: Results, most: number): string {
  let text = '';
  for (let i = 0; i < WIDTH; i++) {
    const count = slots.findLast(({ at }) => at <= ((i + 0.5) / WIDTH) * seconds)?.count ?? 0;
    text += MARKS[Math.max(0, Math.ceil((count / most) * MARKS.length) - 1)];
  }
  return text;
}

/** https://docs.github.com/actions: one line per failed or flaky test. */
export function annotations({ tests }: Results): string {
  return tests
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'error' || outcome === 'flaky')
    .map(annotation)
    .join('');
}

function annotation({ id, outcome, location: [file, line], reason }: TestResult): string {
  const level = outcome === 'flaky' ? 'warning' : 'error';
  const where = [`file=${property(file)}`, ...(line === null ? [] : [`line=${line + 1}`]), `title=${property(id)}`];
  const text = outcome === 'flaky' ? 'passed only after a rerun' : (reason ?? outcome);
  return `::${level} ${where.join(',')}::${message(text)}\n`;
}

const message = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string) => message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Ids are the tests' own words. */
const shown = (id: string) => id.replace(/\p{Cc}/gu, '?');

function time(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
