// Reading our documents: their blocks, their headings, and the commands in them.
import { TREE } from '../../src/cli/verbs/tree.ts';

export interface Block {
  /** `sh`, `json` … */
  language: string;
  /** What stands behind it. */
  mark: string;
  text: string;
}

export const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', mark = '', text = '']) => ({
    language,
    mark,
    text,
  }));

/** What links to its headings are called. */
export function slugsOf(markdown: string): ReadonlySet<string> {
  const slugs = new Set<string>();
  for (const [, heading = ''] of markdown.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    let free = slug;
    for (let at = 1; slugs.has(free); at++) free = `${slug}-${at}`;
    slugs.add(free);
  }
  return slugs;
}

/** Whether some line of `output` is `line`, in which … stands for anything. */
export function outputFits(output: string, line: string): boolean {
  const pattern = line
    .split('…')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/ +/g, ' +'))
    .join('.*');
  return new RegExp(`^${pattern}$`, 'm').test(output);
}

/** The options of a verb, or of a verb of a verb (`lease hold`); undefined: there is none. */
export function optionsOf(verb: string): ReadonlySet<string> | undefined {
  const [name, word] = verb.split(' ');
  const found = TREE.find((one) => one.name === name);
  const options = word === undefined ? found?.options : found?.words?.[word]?.options;
  return options && new Set([...Object.keys(options), 'help'].map((option) => `--${option}`));
}

interface Command {
  verb: string;
  options: string[];
}

/** The commands of stint in code and in blocks of commands. */
export function commandsIn(markdown: string): Command[] {
  const blocks = blocksOf(markdown);
  const texts = blocks
    .filter(({ language }) => ['sh', 'bash'].includes(language))
    .flatMap(({ text }) => text.split('\n').map((line) => line.replace(/(?:^| +)#.*/, '')));
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  for (const [, code = ''] of prose.matchAll(/`([^`]+)`/g)) texts.push(code.replaceAll('\n', ' '));
  return texts.flatMap((text) =>
    [...text.matchAll(/(?<![\w./-])stint ([^|;&)]+)/g)].flatMap(([, rest = '']) => commandOf(rest)),
  );
}

function commandOf(text: string): Command[] {
  const words = text.trim().split(/\s+/);
  const [name = ''] = words;
  if (name === 'VERB' || !/^[a-z]/.test(name)) return [];
  const found = TREE.find((one) => one.name === name);
  const nested = found?.words !== undefined && words[1] !== undefined && Object.hasOwn(found.words, words[1]);
  const verb = nested ? `${name} ${words[1]}` : name;
  const options: string[] = [];
  for (let at = nested ? 2 : 1; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') break;
    const [, option] = /^\[?(--[a-z][\w-]*)/.exec(word) ?? [];
    if (option === undefined) {
      if (found?.choice === 'command' && !word.startsWith('[')) break;
      continue;
    }
    options.push(option);
    const takes = found?.options[option.slice(2)]?.value !== undefined;
    if (takes && !word.includes('=')) at++;
  }
  return [{ verb, options }];
}
