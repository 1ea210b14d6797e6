// What is said of a verb: its options and arguments, what it does, how it ends. Its help text, its man page, the completions of
// shells and the parser of its options are all made from this; nothing here does anything.

/** What a word on the command line may be: one of these, or what completions look up. */
export type Choice =
  | readonly string[]
  | 'file'
  | 'folder'
  | 'command'
  | 'process'
  | 'build'
  | 'lease'
  | 'key'
  | 'key=value';

export interface Option {
  /** What its value stands for; without: it takes none. */
  value?: string;
  /** It may be given again, and all its values count. */
  many?: true;
  /** What it does. Lines that begin with a blank stay as they are. */
  text: string;
  /** What its value may be; without: anything. */
  choice?: Choice;
}

/** By long name, without `--`. `-h` and `--help` are every verb's. */
export type Options = Readonly<Record<string, Option>>;

export interface Verb {
  /** As it is typed. */
  name: string;
  /** What follows it, for each way to use it. */
  usage: readonly string[];
  /** In a few words, without a full stop, for lists. */
  brief: string;
  /** What it does. Lines that begin with a blank stay as they are, others are filled; an empty line ends a paragraph. */
  about: string;
  options: Options;
  /** What stands after the options. */
  notes?: string;
  /** Exit codes: when each is; '' for what needs no words. `CMD`: that of the command. */
  exits: readonly (readonly [code: number | 'CMD', when: string])[];
  /** What an argument may be; without: anything, or there are none. */
  choice?: Choice;
  /** The verbs of a verb: the options that each takes, and what its argument may be. */
  words?: Readonly<Record<string, { options: Options; choice?: Choice }>>;
}

/** The option of nearly every verb. */
export const USER: Option = { text: 'the pool of this user, even where the machine has one' };

/** Some of `options`. */
export const pick = (options: Options, ...names: readonly string[]): Options =>
  Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)));
