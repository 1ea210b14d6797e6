// `stint --help`, `stint --version`, and what is said to a word that is no verb.
import { EXIT, nearest, StintError } from '../errors.ts';
import { print } from './print.ts';
import { VERSION } from './version.ts';

const HELP = `Usage: stint VERB [OPTION]...
One pool of job slots that all your builds share.

  stint run [OPTION]... [--] CMD [ARG]...  run CMD as a build that draws its job slots from the pool
  stint lease hold|show|resize             take several slots in one step, for scripts
  stint with [OPTION]... [--] CMD [ARG]... run CMD with other settings, which end with it
  stint status [--json], stint top         show the pool: who holds what, and who waits; top as it changes
  stint watch [--json], stint explain PID  tell what happens in the pool, and why a process waits
  stint web [OPTION]...                    show the pool as a page for the browser
  stint history [OPTION]...                show the builds of the past
  stint trace --build ID                   write what a build did with its slots, for a viewer of traces
  stint set KEY=VALUE..., stint get [KEY]  change the pool for good, and show what counts
  stint doctor [--json] [PID]              say what keeps builds from drawing their slots from the pool
  stint env [--for WHAT]                   print the settings of builds that 'stint run' does not start
  stint config check [FILE]                say what is wrong with a configuration of the machine's pool
  stint serve --user [OPTION]...           serve a pool in the foreground ('run' starts one by itself)
  stint upgrade                            have the daemon go on as the program that is installed now

  -h, --help     this text; 'stint VERB --help' tells of one verb
      --version  the version

Two terminals, one pool:
  stint run -- make
  stint run -- cargo build
`;

/** Answers everything that is no verb. @throws StintError with a suggestion */
export function help(args: readonly string[], verbs: readonly string[]): number {
  const word = args[0];
  if (word === '--version') return print(`stint ${VERSION}\n`);
  if (word === '--help' || word === '-h' || word === 'help') return print(HELP);
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
