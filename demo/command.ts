// Runs the programs that the demo needs, and keeps what they print for the case that they fail.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface Place {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/** How a program ended: "exit 2", "signal SIGINT", "not started: …". */
export interface End {
  ok: boolean;
  how: string;
}

/** Runs a program to its end and returns what it printed. @throws Error with the last lines when it fails. */
export async function run(argv: string[], place: Place = {}): Promise<string> {
  const child = spawn(argv[0] ?? '', argv.slice(1), { ...place, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let all = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    all += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    all += text;
  });
  const end = await ended(child);
  if (!end.ok) throw new Error(`${argv.slice(0, 3).join(' ')}: ${end.how}\n${tail(all)}`);
  return out;
}

/** Starts a program in a process group of its own, with all it prints going to a file. */
export function start(argv: string[], log: string, place: Place = {}): ChildProcess {
  const fd = openSync(log, 'w', 0o600);
  try {
    return spawn(argv[0] ?? '', argv.slice(1), { ...place, detached: true, stdio: ['ignore', fd, fd] });
  } finally {
    closeSync(fd);
  }
}

export async function ended(child: ChildProcess): Promise<End> {
  return await new Promise((resolve) => {
    child.on('error', (error) => resolve({ ok: false, how: `not started: ${error.message}` }));
    child.on('close', (code, signal) => resolve({ ok: code === 0, how: signal ? `signal ${signal}` : `exit ${code}` }));
  });
}

/** Sends a signal to a process, or with -pid to a group; false when there is none any more. */
export function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export function tailOf(file: string): string {
  return tail(readFileSync(file, 'utf8'));
}

function tail(text: string, lines = 15): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n').replace(/^/gm, '    ');
}
