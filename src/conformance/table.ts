// A report for people.
import type { ClientReport } from './clients.ts';
import type { Figure } from './figures.ts';
import type { Checked, Report } from './kit.ts';

/** Lines of text. */
export function table({ path, node, slots, conforms, checks, figures, clients }: Report): string {
  const [required, beyond] = [checks.filter((one) => one.required), checks.filter((one) => !one.required)];
  return [
    `${path}: a ${node}, ${slots} slots`,
    '\nrequired',
    ...required.map((one) => checkLine(one, { yes: 'pass', no: 'FAIL' })),
    '\nbeyond that',
    ...beyond.map((one) => checkLine(one, { yes: 'yes', no: 'no' })),
    `\n${'figures'.padEnd(WIDTH + 2)}${['here', 'plain FIFO', 'ratio'].map((word) => word.padStart(12)).join('')}`,
    ...figures.map(figureLine),
    ...(clients.length === 0 ? [] : ['\nclients', ...clients.map(clientLine)]),
    conforms ? '\nall that is required holds\n' : '\nnot all that is required holds\n',
  ].join('\n');
}

const WIDTH = 62;

function checkLine({ title, passed, found }: Checked, { yes, no }: { yes: string; no: string }): string {
  const seen = passed || found === undefined ? '' : `: ${found}`;
  return `  ${(passed ? yes : no).padEnd(6)}${title}${seen}`;
}

function figureLine({ title, unit, value, fifo, ratio }: Figure): string {
  const cells = [
    formatValue(value, unit),
    ...(fifo === undefined ? [] : [formatValue(fifo, unit)]),
    ...(ratio === undefined ? [] : [formatRatio(ratio)]),
  ];
  const name = unit === 'share' ? title : `${title}, ${unit}`;
  return `  ${name.padEnd(WIDTH)}${cells.map((cell) => cell.padStart(12)).join('')}`;
}

function clientLine({ client, style, verdict, peak, killed }: ClientReport): string {
  const lost = verdict === 'ok' ? `; killed with ${killed.held} slots, ${killed.lost} lost` : '';
  return `  ${client} (${style}): ${verdict}, ${peak} jobs at once${lost}`;
}

/** Three digits that mean something. */
export function formatValue(value: number, unit: Figure['unit']): string {
  if (unit === 'share') return value.toFixed(2);
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

export const formatRatio = (ratio: number): string => (ratio >= 10 ? ratio.toFixed(0) : ratio.toPrecision(2));
