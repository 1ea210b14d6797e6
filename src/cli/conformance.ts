// `stint conformance`: measures any jobserver, ours or not.
import type { Report } from '../conformance/kit.ts';
import { EXIT, StintError } from '../errors.ts';
import { MAIN } from '../paths.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { print } from './print.ts';
import { CONFORMANCE } from './verbs/conformance.ts';

const SLOTS = { min: 2, max: 1000, exit: EXIT.USAGE };

export async function conformance(args: readonly string[]): Promise<number> {
  if (args[0] === AGENT) return (await import('../conformance/agent.ts')).agent(args[1]);
  const { options, operands } = parse(args, CONFORMANCE.options, 'conformance');
  if (options.has('help')) return showHelp(CONFORMANCE);
  const hint = 'see: stint conformance --help';
  if (operands.length > 0)
    throw new StintError(`conformance: unexpected argument ${operands[0]}`, { exit: EXIT.USAGE, hint });
  const path = options.get('path');
  const slots = wholeNumber(options, 'slots', SLOTS);
  if (path === undefined || slots === undefined)
    throw new StintError('conformance: --path and --slots must be given', { exit: EXIT.USAGE, hint });
  const report = await examine({ path, slots, quick: options.has('quick'), name: options.get('as') });
  if (options.has('json')) print(`${JSON.stringify(report, undefined, 2)}\n`);
  else print((await import('../conformance/table.ts')).table(report));
  return report.conforms ? EXIT.OK : EXIT.FAILED;
}

/** What stands first among the arguments of an agent. */
const AGENT = 'agent';

/** What it is given up by; then it leaves no process and no file, and ends by it. */
const LEAVE = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Wanted {
  path: string;
  slots: number;
  quick: boolean;
  name: string | undefined;
}

async function examine({ name, ...wanted }: Wanted): Promise<Report> {
  const { NoJobserver, runKit } = await import('../conformance/kit.ts');
  if (name !== undefined) process.title = name;
  const agent = [process.execPath, ...process.execArgv, MAIN, 'conformance', AGENT];
  const end = new AbortController();
  for (const name of LEAVE) process.once(name, () => end.abort(name));
  const shown = process.stderr.isTTY ? (what: string) => void process.stderr.write(`\r\x1b[K${what}`) : () => {};
  try {
    return await runKit({
      ...wanted,
      agent: [...agent, ...(name === undefined ? [] : [name])],
      progress: shown,
      signal: end.signal,
    });
  } catch (error) {
    if (end.signal.aborted) process.kill(process.pid, end.signal.reason);
    if (!(error instanceof NoJobserver)) throw error;
    throw new StintError(`no jobserver with ${wanted.slots} free slots at ${wanted.path}: ${error.message}`, {
      exit: EXIT.NO_DAEMON,
      hint: 'nobody else may use it meanwhile; of a pool of stint --slots is one less than it has',
      cause: error,
    });
  } finally {
    shown('');
  }
}
