// `stint with`: lends settings to the pool, or to a build, and becomes the command; the daemon watches the process, and what was
// lent is undone when it ends, however it ends. As with `stint run` no wrapper stays.
import { basename } from 'node:path';
import { MAX_CAPACITY, type OpenWith, type WithOpened } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { call } from './client.ts';
import { poolAround, reach } from './reach.ts';
import { Successor } from './successor.ts';
import { WITH } from './verbs/with.ts';

/** Characters of the command that people are shown. */
const MAX_LABEL = 60;
const CLASSES = ['interactive', 'normal', 'background'] as const;

export async function withSettings(args: readonly string[]): Promise<number> {
  const exit = EXIT.RUN_INTERNAL;
  const { options, operands } = parse(args, WITH.options, 'with', exit);
  if (options.has('help')) return showHelp(WITH);
  const slots = wholeNumber(options, 'slots', { min: 1, max: MAX_CAPACITY, exit });
  const terms = {
    ...(slots !== undefined && { slots }),
    ...classOf(options.get('class')),
    ...weightOf(options.get('weight')),
  };
  if (Object.keys(terms).length === 0)
    throw new StintError('with: none of --slots, --class and --weight given', { exit, hint: 'see: stint with --help' });
  if (operands.length === 0)
    throw new StintError('with: no command given', { exit, hint: 'for example: stint with --slots 5 -- make' });
  const command = new Successor(operands.length);
  const line = [basename(operands[0] as string), ...operands.slice(1)].join(' ');
  const label = line.length > MAX_LABEL ? `${line.slice(0, MAX_LABEL - 1)}…` : line;
  const body: OpenWith = { label, ...terms };
  const user = options.has('user');
  try {
    const ask = (place: Parameters<typeof call>[0]) => call<WithOpened>(place, 'POST', '/with', body);
    await reach(poolAround({ user }), { jobs: undefined, user, ask });
  } catch (error) {
    if (error instanceof StintError) error.exit = exit;
    throw error;
  }
  return command.become();
}

function classOf(given: string | undefined): Pick<OpenWith, 'class'> {
  if (given === undefined) return {};
  const found = CLASSES.find((one) => one === given);
  if (found !== undefined) return { class: found };
  throw new StintError(`--class must be interactive, normal or background, not '${given}'`, {
    exit: EXIT.RUN_INTERNAL,
  });
}

function weightOf(given: string | undefined): Pick<OpenWith, 'weight'> {
  if (given === undefined) return {};
  const weight = /^\d{1,4}(?:\.\d{1,6})?$/.test(given) ? Number(given) : Number.NaN;
  if (weight >= 0.01 && weight <= 1000) return { weight };
  throw new StintError(`--weight must be a number from 0.01 to 1000, not '${given}'`, { exit: EXIT.RUN_INTERNAL });
}
