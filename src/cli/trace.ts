// `stint trace`: what a build did with its slots, for a viewer of traces.
import { EXIT, StintError } from '../errors.ts';
import { findRuntime } from '../process/runtime-dir.ts';
import { parse, wholeNumber } from './args.ts';
import { question } from './client.ts';
import { print } from './print.ts';

const HELP = `Usage: stint trace --build ID [--user] >FILE
Write what a build did with its slots, as a trace in Chrome's format: open FILE at https://ui.perfetto.dev or in
chrome://tracing. There is a lane for each slot, and an arrow from each wait to the slot that it got. The build may be
running still, or one of those that 'stint history' lists; timelines are kept of the newest 500.

      --build ID  its number, as 'stint status' and 'stint history' show it
      --user      the pool of this user, even where the machine has one
  -h, --help      this text

Exit status: 0; 1 when there is no such build, or nothing is known of it any more; 2 for bad usage; 3 when no daemon is
running.
`;

export async function trace(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, { build: 'value', user: 'flag' }, 'trace');
  if (options.has('help')) return print(HELP);
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
