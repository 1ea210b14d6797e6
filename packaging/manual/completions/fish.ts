// The completion of fish: a line for each verb and each option, under the condition that it may stand there.
import { TREE } from '../../../src/cli/verbs/tree.ts';
import type { Choice } from '../../../src/cli/verbs/verb.ts';
import { BUILDS, briefly, KEY_NAMES, KEY_VALUES, LEASES, NESTED, PATHS, type Path } from './paths.ts';

export function fish(): string {
  const verbs = TREE.map(({ name, brief }) => `complete -c stint -n '__stint_at ""' -a ${name} -d ${quoted(brief)}`);
  const nested = Object.entries(NESTED).map(
    ([verb, words]) => `complete -c stint -n '__stint_at ${verb}' -a '${words.join(' ')}'`,
  );
  const valued = new Set(
    PATHS.flatMap(({ options }) =>
      Object.entries(options).flatMap(([name, { value }]) => (value === undefined ? [] : [`--${name}`])),
    ),
  );
  return `# Completion of stint for fish. Made by packaging/manual: change src/cli/verbs/ instead.

# Whether the words so far are the verb $argv and options of it, and no argument.
function __stint_at
    test "$(__stint_path)" = "$argv"
end

# The verb, or verb of a verb; with ' ARGUMENT' behind it when an argument has begun.
function __stint_path
    set -l path
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if contains -- "$path" '' ${Object.keys(NESTED).join(' ')}
            set path (string trim "$path $word")
        else if contains -- $word ${[...valued].join(' ')}
            set skip 1
        else if not string match -q -- '-*' $word; or test $word = --
            echo "$path ARGUMENT"
            return
        end
    end
    echo $path
end

function __stint_command
    set -l words (commandline -opc)
    set -l skip 1
    set -l rest
    for word in $words[3..]
        if test (count $rest) -gt 0
            set -a rest $word
        else if test $skip = 2
            set skip 1
        else if contains -- $word ${[...valued].join(' ')}
            set skip 2
        else if not string match -q -- '-*' $word
            set -a rest $word
        end
    end
    complete -C "$(string join ' ' -- (string escape -- $rest) (commandline -ct))"
end

function __stint_pool
    contains -- --user (commandline -opc); and echo --user
end

function __stint_builds
    set -l stint (commandline -opc)[1]
    set -l pool (__stint_pool)
    ${inFish(BUILDS)}
end

function __stint_leases
    set -l stint (commandline -opc)[1]
    set -l pool (__stint_pool)
    ${inFish(LEASES)}
end

complete -c stint -f
complete -c stint -n '__stint_at ""' -l help -s h -d 'the list of verbs'
complete -c stint -n '__stint_at ""' -l version -d 'the version'
${[...verbs, ...nested, ...PATHS.flatMap(linesOf)].join('\n')}
`;
}

function linesOf({ words, options, choice }: Path): string[] {
  const here = `complete -c stint -n '__stint_at ${words}'`;
  const lines = Object.entries(options).map(([name, { value, text, choice }]) => {
    const takes =
      value === undefined ? '' : ` ${choice === 'file' ? '-r' : '-x'}${choice === undefined ? '' : valuesOf(choice)}`;
    return `${here} -l ${name}${takes} -d ${quoted(briefly(text))}`;
  });
  if (choice === undefined) return lines;
  if (choice === 'command') {
    lines.push(`${here}${valuesOf(choice)}`);
    lines.push(`complete -c stint -n '__stint_at ${words} ARGUMENT' -F -a '(__stint_command)'`);
  } else lines.push(`${here}${valuesOf(choice)}`);
  if (choice === 'key=value') lines.push(`complete -c stint -n '__stint_at ${words} ARGUMENT'${valuesOf(choice)}`);
  return lines;
}

function valuesOf(choice: Choice): string {
  if (typeof choice !== 'string') return ` -a '${choice.join(' ')}'`;
  return {
    file: ' -F',
    folder: " -a '(__fish_complete_directories)'",
    command: " -a '(__fish_complete_command)'",
    process: " -a '(__fish_complete_pids)'",
    build: " -a '(__stint_builds)'",
    lease: " -a '(__stint_leases)'",
    key: ` -a '${KEY_NAMES.join(' ')}'`,
    'key=value': ` -a '${KEY_VALUES.join(' ')}'`,
  }[choice];
}

/** `{ a; b; } | c` in the words of fish, which also needs no quotes around variables. */
const inFish = (command: string): string =>
  command.replace(/^\{ /, 'begin; ').replace('; } ', '; end ').replaceAll('"$stint"', '$stint');

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
