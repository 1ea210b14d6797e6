// Options on the command line: node's own tokenizer, with our errors. A verb describes its options; anything else is an
// error of one line, with the nearest known word as a suggestion.
import { EXIT, nearest, StintError } from '../errors.ts';
import type { Options, Verb } from './verbs/verb.ts';

// Not imported: that would load all of node:util, which takes longer than everything else here.
const { parseArgs } = process.getBuiltinModule('node:util');

export interface Parsed {
  /** The values of options, '' for those without one that were given; one that may be given again has a line for each. */
  options: ReadonlyMap<string, string>;
  /** From the first word that is no option, or after `--`. */
  operands: readonly string[];
}

/**
 * Parses `args` up to the first operand; what follows is left as it is.
 * @param exit the exit code of a usage error
 * @throws StintError on an unknown option, a missing value or a value given to an option that takes none
 */
export function parse(args: readonly string[], specs: Options, verb: string, exit: number = EXIT.USAGE): Parsed {
  const all: Options = { ...specs, help: { text: '' } };
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      ...Object.fromEntries(
        Object.entries(all).map(([name, { value }]) => [
          name,
          { type: value === undefined ? ('boolean' as const) : ('string' as const) },
        ]),
      ),
      help: { type: 'boolean', short: 'h' },
    },
  });
  const hint = `see: stint ${verb} --help`;
  const options = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') return { options, operands: args.slice(token.index) };
    if (token.kind === 'option-terminator') return { options, operands: args.slice(token.index + 1) };
    const option = Object.hasOwn(all, token.name) ? all[token.name] : undefined;
    if (option === undefined) {
      const guess = nearest(token.name, Object.keys(all));
      throw new StintError(`${verb}: unknown option ${token.rawName}`, {
        exit,
        hint: guess === undefined ? hint : `did you mean --${guess}?`,
      });
    }
    if (option.value !== undefined && token.value === undefined)
      throw new StintError(`${verb}: ${token.rawName} needs a value`, { exit, hint });
    if (option.value === undefined && token.value !== undefined) {
      throw new StintError(`${verb}: ${token.rawName} takes no value`, { exit, hint });
    }
    const before = option.many ? options.get(token.name) : undefined;
    options.set(token.name, before === undefined ? (token.value ?? '') : `${before}\n${token.value}`);
  }
  return { options, operands: [] };
}

/** Answers `--help`. */
export const showHelp = async (verb: Verb): Promise<number> => (await import('./verbs/text.ts')).printHelp(verb);

/** A whole number from an option's value. @throws StintError naming the range */
export function wholeNumber(
  options: Parsed['options'],
  name: string,
  range: { min: number; max: number; exit: number },
): number | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= range.min && number <= range.max) return number;
  throw new StintError(`--${name} must be a whole number from ${range.min} to ${range.max}, not '${text}'`, {
    exit: range.exit,
  });
}
