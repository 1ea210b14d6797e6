// `stint config check`: everything that is wrong with a configuration, without a daemon.
import { EXIT, StintError } from '../errors.ts';
import { parse } from './args.ts';
import { note, print } from './print.ts';

const HELP = `Usage: stint config check [FILE]
Read a configuration of the machine's daemon as 'stint serve --config FILE' and SIGHUP would, and say everything that is
wrong with it. Default: /etc/stint/stint.toml

  -h, --help  this text

Exit status: 0 when it is in order; 1 when it is not, or cannot be read; 2 when the arguments are wrong.
`;

const USUAL = '/etc/stint/stint.toml';

export async function config(args: readonly string[]): Promise<number> {
  const [word = ''] = args;
  if (word === '--help' || word === '-h') return print(HELP);
  if (word !== 'check') {
    const what = word === '' ? 'nothing to do given' : `cannot '${word}'`;
    throw new StintError(`config: ${what}`, { exit: EXIT.USAGE, hint: 'say: stint config check [FILE]' });
  }
  const { options, operands } = parse(args.slice(1), {}, 'config check');
  if (options.has('help')) return print(HELP);
  if (operands.length > 1)
    throw new StintError(`config check: unexpected argument ${operands[1]}`, { exit: EXIT.USAGE });
  const file = operands[0] ?? USUAL;
  const { checkConfig } = await import('../process/config.ts');
  const problems = checkConfig(file);
  if (problems.length === 0) return print(`${file} is in order\n`);
  for (const { message, hint } of problems) note(hint === undefined ? message : `${message}\nhint: ${hint}`);
  return EXIT.FAILED;
}
