// The completion of zsh: _arguments with what each verb takes.
import { TREE } from '../../../src/cli/verbs/tree.ts';
import type { Choice } from '../../../src/cli/verbs/verb.ts';
import { BUILDS, briefly, KEY_NAMES, KEY_VALUES, LEASES, NESTED, PATHS, type Path } from './paths.ts';

export function zsh(): string {
  const verbs = TREE.map(({ name, brief }) => `    ${quoted(`${name}:${brief}`)}`);
  const nested = Object.entries(NESTED).map(([verb, words]) => {
    const cases = PATHS.filter(({ words: path }) => path.startsWith(`${verb} `)).map(
      (path) => `        ${path.words.split(' ')[1]}) ${argumentsOf(path, 10)} ;;`,
    );
    return `    ${verb})
      if ((CURRENT == 2)); then
        compadd ${words.join(' ')}
        return
      fi
      shift words
      ((CURRENT--))
      case $words[1] in
${cases.join('\n')}
      esac
      ;;`;
  });
  const plain = PATHS.filter(({ words }) => !words.includes(' ')).map(
    (path) => `    ${path.words}) ${argumentsOf(path, 6)} ;;`,
  );
  return `#compdef stint
# Completion of stint for zsh. Made by packaging/manual: change src/cli/verbs/ instead.

_stint() {
  local stint=$words[1] pool= curcontext=$curcontext state line
  local -a verbs
  verbs=(
${verbs.join('\n')}
  )
  (($words[(Ie)--user])) && pool=--user
  if ((CURRENT == 2)); then
    _describe -t verbs verb verbs
    [[ $PREFIX == -* ]] && compadd -- --help --version
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${[...plain, ...nested].join('\n')}
  esac
}

_stint_builds() {
  local -a found
  found=(\${(f)"$(${BUILDS})"})
  _describe -t builds build found
}

_stint_leases() {
  local -a found
  found=(\${(f)"$(${LEASES})"})
  _describe -t leases lease found
}

_stint_processes() {
  compadd -- /proc/<->(N:t)
}

_stint_values() {
  compadd -S '' -- ${KEY_VALUES.join(' ')}
}

_stint "$@"
`;
}

function argumentsOf({ options, choice }: Path, indent: number): string {
  const specs = Object.entries(options).map(([name, { value, text, choice }]) => {
    const about = `[${briefly(text).replace(/[[\]\\:]/g, '\\$&')}]`;
    return value === undefined ? `--${name}${about}` : `--${name}=${about}:${value.toLowerCase()}:${actionOf(choice)}`;
  });
  if (choice === 'command') specs.push('(-)1: : _command_names -e', '*:: : _normal');
  else if (choice !== undefined)
    specs.push(
      `${choice === 'key=value' ? '*' : '1'}:${typeof choice === 'string' ? choice : 'word'}:${actionOf(choice)}`,
    );
  const gap = ` \\\n${' '.repeat(indent)}`;
  return `_arguments -S -A '-*'${specs.map((spec) => `${gap}${quoted(spec)}`).join('')}`;
}

function actionOf(choice: Choice | undefined): string {
  if (choice === undefined) return ' ';
  if (typeof choice !== 'string') return `(${choice.join(' ')})`;
  return {
    file: '_files',
    folder: '_files -/',
    command: '_command_names -e',
    process: '_stint_processes',
    build: '_stint_builds',
    lease: '_stint_leases',
    key: `(${KEY_NAMES.join(' ')})`,
    'key=value': '_stint_values',
  }[choice];
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
