// `stint trace`: what a build did with its slots, for a viewer of traces.
import { EXIT, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';
import { TRACE } from './verbs/trace.ts';

export async function trace(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, TRACE.options, 'trace');
  if (options.has('help')) return showHelp(TRACE);
  if (operands.length > 0) {
    throw new StintError(`trace: unexpected argument ${operands[0]}`, {
      exit: EXIT.USAGE,
      hint: `did you mean --build ${operands[0]}?`,
    });
  }
  const build = wholeNumber(options, 'build', { min: 1, max: Number.MAX_SAFE_INTEGER, exit: EXIT.USAGE });
  if (build === undefined)
    throw new StintError('trace: no build given', { exit: EXIT.USAGE, hint: "'stint history' lists them" });
  const runtime = findRuntime(process.env, { user: options.has('user') });
  return print(`${JSON.stringify(await question<unknown>(runtime, 'GET', `/builds/${build}/trace`))}\n`);
}
