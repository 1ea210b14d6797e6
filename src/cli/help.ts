// `stint --help`, `stint --version`, and what is said to a word that is no verb.
import { EXIT, nearest, StintError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { print } from './print.ts';

const HEAD = `Usage: stint VERB [OPTION]...
One pool of job slots that all your builds share.

`;
const TAIL = `
  -h, --help     this text; 'stint VERB --help' tells of one verb
      --version  the version

Two terminals, one pool:
  stint run -- make
  stint run -- cargo build
`;

/** Answers everything that is no verb. @throws StintError with a suggestion */
export async function help(args: readonly string[], verbs: readonly string[]): Promise<number> {
  const word = args[0];
  if (word === '--version') return print(`stint ${VERSION}\n`);
  if (word === '--help' || word === '-h' || word === 'help') {
    const { overview } = await import('./verbs/text.ts');
    return print(`${HEAD}${overview()}${TAIL}`);
  }
  if (word === undefined) {
    throw new StintError('no verb given', {
      exit: EXIT.USAGE,
      hint: `say what to do: ${verbs.join(', ')}; or see: stint --help`,
    });
  }
  const kind = word.startsWith('-') ? 'option' : 'verb';
  const guess = nearest(word, kind === 'option' ? ['--help', '--version'] : verbs);
  throw new StintError(`unknown ${kind} ${word}`, {
    exit: EXIT.USAGE,
    hint:
      guess === undefined
        ? 'see: stint --help'
        : kind === 'verb'
          ? `did you mean 'stint ${guess}'?`
          : `did you mean ${guess}?`,
  });
}
