// Processes that a test has started. A pid is a number that the kernel gives to somebody else once its process is gone, and
// other work goes on beside a test: nothing here signals a process that is not known to be the test's own at that moment.
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** What everything that belongs to one test has in its environment, `NAME=value`. */
export type Mark = string;

export interface Result {
  /** Exit code as a shell shows it: 128 + n after signal n. */
  code: number;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A process group that a test has started. */
export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** When the process has ended and its output is closed. */
  readonly ended: Promise<Result>;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  /** Sends a signal to the process alone, if it still runs. */
  kill(signal: NodeJS.Signals): void;
  /** Sends a signal to what is left of the group. */
  killAll(signal: NodeJS.Signals): void;
}

/**
 * Follows a child that leads a group of its own and has `mark` in its environment.
 * @param what names it in messages
 * @param deadline milliseconds until the group is killed and `ended` rejects
 */
export function follow(
  child: ChildProcess,
  { what, mark, deadline }: { what: string; mark: Mark; deadline: number },
): Started {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  child.stdin?.on('error', () => {}); // it need not read all of its input
  const pid = child.pid ?? 0;
  const killAll = (signal: NodeJS.Signals) => {
    // Until it is reaped, the number is its own, and that of its group.
    if (pid > 0 && child.exitCode === null && child.signalCode === null) send(-pid, signal);
    else for (const member of marked(mark)) if (groupOf(member) === pid) send(member, signal);
  };
  const ended = new Promise<Result>((resolve, reject) => {
    const timer = setTimeout(() => {
      killAll('SIGKILL');
      reject(new Error(`did not end within ${deadline} ms: ${what}\nits output: ${JSON.stringify(output)}`));
    }, deadline);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? 128 + constants.signals[signal as NodeJS.Signals], signal, ...output });
    });
  });
  ended.catch(() => {}); // whoever awaits it hears of it
  return { child, pid, ended, output, kill: (signal) => void child.kill(signal), killAll };
}

/** Kills everything that has `mark`, and tells whether there was anything. */
export function killMarked(mark: Mark): boolean {
  const found = marked(mark);
  for (const pid of found) send(pid, 'SIGKILL');
  return found.length > 0;
}

/** Whether the process `pid` runs and has `mark`. */
export function isMarked(pid: number, mark: Mark): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark);
  } catch {
    return false; // it is gone, or somebody else's
  }
}

function marked(mark: Mark): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((pid) => isMarked(pid, mark));
}

function groupOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]); // after the name: state, parent, group
  } catch {
    return undefined;
  }
}

/** It may have ended by itself. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
