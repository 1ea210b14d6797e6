// A command that this process is to become: found at once, so that a wrong name costs nothing, and become when all is ready. Of what
// Node and bin/stint did to the process nothing is left then.
import { closeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import os from 'node:os';
import {
  blockSignals,
  defaultSignal,
  ignoreSignal,
  keepOnExec,
  keepStreamFlags,
  setOpenFilesLimit,
} from '../kernel/exec.ts';
import { type Launch, parseLaunch, rawArguments, userEnvironment } from '../process/launch.ts';
import { becomeCommand, findCommand } from './command.ts';
import { Environment } from './environment.ts';

const { signals } = os.constants;

export class Successor {
  /** The command and its arguments, one byte per character (latin1). */
  args: string[];
  readonly environment = new Environment(userEnvironment());
  readonly #launch = parseLaunch(process.env.STINT_LAUNCH);
  readonly #resetStreamFlags: () => void;
  readonly #file: string;

  /** @param count how many of this process's last arguments are the command. @throws StintError when there is no such command */
  constructor(count: number) {
    for (const number of this.#launch.ignored) ignoreSignal(number); // Node has undone it, and the wait may be long
    this.#resetStreamFlags = keepStreamFlags();
    this.args = rawArguments(count);
    this.#file = findCommand(this.args[0] as string, this.environment.get('PATH'));
  }

  /** @throws StintError when the kernel does not take it */
  become(): never {
    flushCompileCache(); // what Node does at an exit that never comes
    this.#resetStreamFlags();
    restoreProcess(this.#launch);
    return becomeCommand(this.#file, this.args, this.environment.entries());
  }
}

function restoreProcess(launch: Launch): void {
  for (const number of [signals.SIGPIPE, signals.SIGXFSZ]) defaultSignal(number); // Node ignores them
  for (const number of launch.ignored) ignoreSignal(number); // they may be among these
  blockSignals(launch.blocked);
  if (launch.openFiles !== undefined) setOpenFilesLimit(launch.openFiles);
  for (const fd of launch.fds) keepOnExec(fd);
  for (const fd of launch.closed) closeSync(fd);
}
