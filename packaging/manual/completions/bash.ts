// The completion of bash: a function that goes through the words so far and says what the next may be.

import { TREE } from '../../../src/cli/verbs/tree.ts';
import type { Choice } from '../../../src/cli/verbs/verb.ts';
import { BUILDS, KEY_NAMES, KEY_VALUES, LEASES, NESTED, PATHS } from './paths.ts';

export function bash(): string {
  const nested = Object.entries(NESTED).map(([verb, words]) => `      ${verb}) nested='${words.join(' ')}' ;;`);
  const options = PATHS.map(
    ({ words, options }) =>
      `      '${words}') options='${Object.keys(options)
        .map((name) => `--${name}`)
        .join(' ')}'${valued(options)} ;;`,
  );
  const values = PATHS.flatMap(({ words, options }) =>
    Object.entries(options).flatMap(([name, { value, choice }]) =>
      value === undefined || choice === undefined ? [] : [`      '${words} --${name}') ${wordsOf(choice)} ;;`],
    ),
  );
  const operands = PATHS.flatMap(({ words, choice }) =>
    choice === undefined || choice === 'command' ? [] : [`      '${words}') ${wordsOf(choice)} ;;`],
  );
  const commands = PATHS.filter(({ choice }) => choice === 'command').map(({ words }) => `'${words}'`);
  return `# Completion of stint for bash. Made by packaging/manual: change src/cli/verbs/ instead.

_stint() {
  local stint=\${COMP_WORDS[0]} cur=\${COMP_WORDS[COMP_CWORD]} pool= path= option= operand= nested options valued i word
  COMPREPLY=()
  # bash takes '=' for a word of its own.
  [ "$cur" = = ] && cur=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    nested=
    case $path in
${nested.join('\n')}
    esac
    if [ -z "$path" ] || [ -n "$nested" ]; then
      path="\${path:+$path }$word"
      continue
    fi
    _stint_options
    if [ -n "$operand" ]; then
      continue
    elif [ -n "$option" ]; then
      [ "$word" = = ] || option=
    elif [ "$word" = -- ]; then
      operand=$((i + 1))
    elif [[ $valued == *" $word "* ]]; then
      option=$word
    elif [[ $word == -* ]]; then
      [ "$word" = --user ] && pool=--user
    else
      operand=$i
    fi
  done
  nested=
  case $path in
${nested.join('\n')}
  esac
  if [ -z "$path" ]; then
    _stint_words '${TREE.map(({ name }) => name).join(' ')} --help --version'
  elif [ -n "$nested" ]; then
    _stint_words "$nested --help"
  elif [ -n "$option" ]; then
    case "$path $option" in
${values.join('\n')}
    esac
  elif [[ -z $operand && $cur == -* ]]; then
    _stint_options
    _stint_words "$options"
  else
    case $path in
      ${commands.join(' | ')}) _stint_command "\${operand:-$COMP_CWORD}" ;;
${operands.join('\n')}
    esac
  fi
}

# Sets the options of $path, and those of them that have a value.
_stint_options() {
  options= valued=
  case $path in
${options.join('\n')}
  esac
}

_stint_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_stint_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_stint_commands() {
  mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
}

# KEY=VALUE, of which bash completes what stands behind the '='.
_stint_pairs() {
  local key=
  if [ "\${COMP_WORDS[COMP_CWORD]}" = = ]; then
    key=\${COMP_WORDS[COMP_CWORD - 1]}=
  elif [ "\${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
    key=\${COMP_WORDS[COMP_CWORD - 2]}=
  else
    compopt -o nospace 2>/dev/null
  fi
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$key$cur")
  COMPREPLY=("\${COMPREPLY[@]#"$key"}")
}

# The command that begins with word $1, with its own completion where there is one.
_stint_command() {
  if [ "$(type -t _command_offset)" = function ]; then
    _command_offset "$1"
  elif [ "$1" = "$COMP_CWORD" ]; then
    _stint_commands
  else
    _stint_files -f
  fi
}

complete -F _stint stint
`;
}

function valued(options: (typeof PATHS)[number]['options']): string {
  const names = Object.entries(options).flatMap(([name, { value }]) => (value === undefined ? [] : [`--${name}`]));
  return names.length === 0 ? '' : ` valued=' ${names.join(' ')} '`;
}

function wordsOf(choice: Choice): string {
  if (typeof choice !== 'string') return `_stint_words '${choice.join(' ')}'`;
  switch (choice) {
    case 'file':
      return '_stint_files -f';
    case 'folder':
      return '_stint_files -d';
    case 'command':
      return '_stint_commands';
    case 'process':
      return '_stint_words "$(cd /proc && echo [0-9]*)"';
    case 'build':
      return `_stint_words "$(${BUILDS})"`;
    case 'lease':
      return `_stint_words "$(${LEASES})"`;
    case 'key':
      return `_stint_words '${KEY_NAMES.join(' ')}'`;
    case 'key=value':
      return `_stint_pairs '${KEY_VALUES.join(' ')}'`;
  }
}
