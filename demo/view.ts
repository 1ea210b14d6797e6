// Shows live who holds what: a picture redrawn in place on a terminal, elsewhere a line when something has changed.
import type { End } from './command.ts';
import { seconds } from './table.ts';

/** One build. */
export interface Row {
  name: string;
  tool: string;
  /** Slots that it has now, the one of its first job included. */
  slots: number;
  /** Jobs begun so far. */
  jobs: number;
  /** How it ended, if it did. */
  end: End | undefined;
  /** Milliseconds that it took, once it has ended. */
  took: number;
}

export interface Picture {
  /** Milliseconds since the first build was started. */
  at: number;
  status: { capacity: number; free: number };
  rows: Row[];
}

export interface View {
  show(picture: Picture): void;
}

/** The view that suits the output. */
export function openView(out: NodeJS.WriteStream): View {
  return out.isTTY ? redrawn(out) : logged(out);
}

/** The picture for a terminal: a line for the pool and one for each build. */
export function drawing({ at, status, rows }: Picture): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [
    `pool of ${status.capacity}, ${status.free} free, ${seconds(at)}`,
    ...rows.map((row) => {
      const slots = '#'.repeat(row.slots).padEnd(status.capacity, '.');
      return `  ${row.name.padEnd(width)}  ${row.tool.padEnd(5)}  ${slots}  ${String(row.jobs).padStart(3)} jobs  ${state(row)}`;
    }),
  ];
}

/** The picture for a log. The same line means that nobody's slots have changed. */
export function logLine({ status, rows }: Picture): string {
  return [...rows.map((row) => `${row.name} ${state(row)}`), `free ${status.free}`].join(', ');
}

function state({ slots, end, took }: Row): string {
  if (end) return end.ok ? `done in ${seconds(took)}` : `failed: ${end.how}`;
  return slots === 0 ? 'waits' : `holds ${slots}`;
}

function redrawn(out: NodeJS.WriteStream): View {
  let height = 0;
  return {
    show(picture) {
      const lines = drawing(picture).map((line) => `\x1b[2K${line.slice(0, (out.columns || 80) - 1)}\n`);
      out.write((height > 0 ? `\x1b[${height}A` : '') + lines.join(''));
      height = lines.length;
    },
  };
}

function logged(out: NodeJS.WriteStream): View {
  let last = '';
  let lastAt = -Infinity;
  return {
    show(picture) {
      const line = logLine(picture);
      const allDone = picture.rows.every(({ end }) => end);
      if (line === last || (picture.at - lastAt < 1000 && !allDone)) return;
      last = line;
      lastAt = picture.at;
      out.write(`${seconds(picture.at).padStart(8)}  ${line}\n`);
    },
  };
}
