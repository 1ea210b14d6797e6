// `stint run`: registers this process as the root of a build, waits for its first slot, and becomes the command. No wrapper
// stays: signals, the terminal, job control and the exit status are the command's own, and the daemon watches its process.
import { basename } from 'node:path';
import { MAX_CAPACITY } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { currentDirectory } from '../process/cwd.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { demandsOf } from './demands.ts';
import { giveJobserver, giveSlots, join } from './join.ts';
import { Successor } from './successor.ts';
import { RUN } from './verbs/run.ts';

const JOBS = { min: 1, max: MAX_CAPACITY, exit: EXIT.RUN_INTERNAL };

export async function run(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, RUN.options, 'run', EXIT.RUN_INTERNAL);
  if (options.has('help')) return showHelp(RUN);
  const style = options.get('style') ?? 'auto';
  if (style !== 'auto' && style !== 'fifo' && style !== 'fds') {
    throw new StintError(`--style must be auto, fifo or fds, not '${style}'`, { exit: EXIT.RUN_INTERNAL });
  }
  const jobs = wholeNumber(options, 'jobs', JOBS);
  const demands = demandsOf(options, EXIT.RUN_INTERNAL);
  if (operands.length === 0) {
    throw new StintError('run: no command given', { exit: EXIT.RUN_INTERNAL, hint: 'for example: stint run -- make' });
  }
  const command = new Successor(operands.length);
  const { environment } = command;
  try {
    const runtime = findRuntime(process.env, { user: options.has('user') });
    const label = options.get('label') ?? labelOf(operands);
    const build = await join(runtime, environment, { ...demands, jobs, user: options.has('user'), label });
    const { slots } = build;
    if (slots !== undefined) command.args = await giveSlots(environment, command.args, { ...build, slots });
    await giveJobserver(environment, build, style, { args: command.args, cache: runtime.tools });
  } catch (error) {
    // Whatever it would be for another verb: for this one it is a failure of stint, not of the command.
    if (error instanceof StintError && error.exit !== EXIT.RUN_TIMED_OUT) error.exit = EXIT.RUN_INTERNAL;
    throw error;
  }
  return command.become();
}

const labelOf = ([command]: readonly string[]): string =>
  `${basename(command as string)} ${basename(currentDirectory())}`.trimEnd();
