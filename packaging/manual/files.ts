// What is installed beside the program, and made from what is said of its verbs: pages of the manual, completions of shells. By their
// path below PREFIX, where man and the shells look for them.
import { bash } from './completions/bash.ts';
import { fish } from './completions/fish.ts';
import { zsh } from './completions/zsh.ts';
import { pages } from './pages.ts';

export const files = (): ReadonlyMap<string, string> =>
  new Map([
    ...[...pages()].map(([name, text]): [string, string] => [`share/man/man${name.at(-1)}/${name}`, text]),
    ['share/bash-completion/completions/stint', bash()],
    ['share/zsh/site-functions/_stint', zsh()],
    ['share/fish/vendor_completions.d/stint.fish', fish()],
  ]);
