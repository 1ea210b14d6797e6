// A command as a build of its own: `stint run` does it, which becomes the command.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { LAUNCHER } from '../paths.ts';

export interface RunOptions extends SpawnOptions {
  /** Slots that it takes in one step, and lets the command know of; default: it draws from the pool as it goes. */
  slots?: number | { min: number; max: number };
  /** What people will see; default: the command. */
  label?: string;
  /** Milliseconds after which it is ended. */
  timeLimit?: number;
  /** The pool of this user, even where the machine has one. */
  user?: boolean;
  /** Told of its process, as soon as there is one. */
  started?: (child: ChildProcess) => void;
}

/** How a command has ended: as its exit code, or by a signal. 125 to 127 may be of `stint run` itself: see its help. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Runs `command` with a jobserver that draws from the pool, and its own standard streams unless `stdio` says otherwise. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { slots, label, timeLimit, user, started, ...spawning } = options;
  const range = typeof slots === 'object' ? `${slots.min}..${slots.max}` : slots;
  const args = [
    ...(range === undefined ? [] : ['--slots', String(range)]),
    ...(label === undefined ? [] : ['--label', label]),
    ...(timeLimit === undefined ? [] : ['--timeout', `${timeLimit / 1000}s`]),
    ...(user ? ['--user'] : []),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(LAUNCHER, ['run', ...args, '--', ...command], { stdio: 'inherit', ...spawning });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
    started?.(child);
  });
}
