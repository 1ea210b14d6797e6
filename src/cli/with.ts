// `stint with`: lends settings to the pool, or to a build, and becomes the command; the daemon watches the process, and what was
// lent is undone when it ends, however it ends. As with `stint run` no wrapper stays.
import { basename } from 'node:path';
import { MAX_CAPACITY, type OpenWith, type WithOpened } from '../api/schema.ts';
import { EXIT, StintError } from '../errors.ts';
import { parse, wholeNumber } from './args.ts';
import { call } from './client.ts';
import { print } from './print.ts';
import { poolAround, reach } from './reach.ts';
import { Successor } from './successor.ts';

const HELP = `Usage: stint with [OPTION]... [--] CMD [ARG]...
Run CMD with other settings, which are undone when it ends or is killed. Of several at once the smaller number and the
lower class count, in whatever order they come and go.

      --slots N     slots in the pool, 1 to ${MAX_CAPACITY}; for those who may change it
      --class CLASS 'background': only what nobody else waits for; 'normal'; 'interactive': before others of your builds
      --weight W    part beside others of your builds, 0.01 to 1000; 1 is the usual
      --user        the pool of this user, even where the machine has one
  -h, --help        this text

Class and weight are those of the build that CMD is started in; outside of any, of the builds that begin below CMD.
Exit status: that of CMD; 125 when stint itself fails; 126 when CMD cannot be run; 127 when it is not found.
`;

/** Characters of the command that people are shown. */
const MAX_LABEL = 60;
const CLASSES = ['interactive', 'normal', 'background'] as const;

export async function withSettings(args: readonly string[]): Promise<number> {
  const exit = EXIT.RUN_INTERNAL;
  const known = { slots: 'value', class: 'value', weight: 'value', user: 'flag' } as const;
  const { options, operands } = parse(args, known, 'with', exit);
  if (options.has('help')) return print(HELP);
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
