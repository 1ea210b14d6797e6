// The completions, each in its own shell: the same words are typed in all of them, and the same ones are offered.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { PATHS } from '../../packaging/manual/completions/paths.ts';
import { files } from '../../packaging/manual/files.ts';
import { TREE } from '../../src/cli/verbs/tree.ts';
import { KEYS } from '../../src/process/config/keys.ts';
import { Place, STINT, type Started } from '../helpers/pool.ts';
import { missing, type ToolName } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

/** For each line of its arguments a shell prints `> LINE` and then what it offers, one a line. */
const SHELLS: { shell: ToolName; file: string; ask: string }[] = [
  {
    shell: 'bash',
    file: 'share/bash-completion/completions/stint',
    // bash splits at '=' as well.
    ask: `for line; do
  read -r -a COMP_WORDS <<<"\${line//=/ = }"
  case $line in *\\ ) COMP_WORDS+=("") ;; esac
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  _stint
  printf '> %s\\n' "$line"
  printf '%s\\n' "\${COMPREPLY[@]}"
done`,
  },
  {
    shell: 'fish',
    file: 'share/fish/vendor_completions.d/stint.fish',
    ask: `for line in $argv
  echo "> $line"
  complete -C $line
end`,
  },
  {
    shell: 'zsh',
    file: 'share/zsh/site-functions/_stint',
    // A shell on a terminal of its own, in which compadd writes down what it is given.
    ask: `zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'PS1= fpath=(\${FILE:h} $fpath); autoload -Uz compinit; compinit -D -u
compadd() {
  [[ \${@[1,(i)(-|--)]} == *-[OAD]\\ * ]] && { builtin compadd "$@"; return }
  local -a hits
  builtin compadd -A hits "$@"
  builtin compadd "$@"
  (($#hits)) && print -rl -- $hits >>$HITS
}
ask() { zle complete-word; print -r -- "< end" >>$HITS; BUFFER=; zle send-break }
zle -N ask; bindkey "^I" ask; print -r -- "< end" >>$HITS'
wait_for() {
  local drop i
  for ((i = 0; i < 3000; i++)); do
    zpty -r -t inner drop
    [[ $(<$HITS) == *"< end"* ]] && return
    sleep 0.02
  done
  exit 1
}
: >$HITS; wait_for
for line; do
  : >$HITS
  zpty -w -n inner "$line"$'\\t'
  wait_for
  print -r -- "> $line"
  grep -v '^< end' $HITS
done
zpty -d inner
exit 0`,
  },
];

const place = new Place({ after });
/** What runs meanwhile, so that there is something to offer: a lease, which is a build too. */
let held: Started;
let id: string;

before(async () => {
  const bin = join(place.folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'spin-the-wheel'), '#!/bin/sh\n');
  chmodSync(join(bin, 'spin-the-wheel'), 0o755);
  writeFileSync(join(place.folder, 'wheel.toml'), '');
  held = place.spawn(STINT, ['lease', 'hold', '--user', '1'], { stdio: ['pipe', 'pipe', 'pipe'] });
  id = await until(
    'a lease is held',
    async () => /^lease (\d+): has/.exec((await place.stint(['lease', 'show', '--user'])).stdout)?.[1],
  );
});
after(() => held.child.stdin?.end());

/** What is typed, and what is offered. */
const cases = (): [line: string, offered: string[]][] => [
  ['stint ', TREE.map(({ name }) => name)],
  ['stint st', ['status']],
  ['stint lease ', ['hold', 'resize', 'show']],
  ['stint config c', ['check']],
  ['stint run --style ', ['auto', 'fds', 'fifo']],
  ['stint run --style=f', ['fds', 'fifo']],
  ['stint run --user --timeout-clock h', ['held']],
  ['stint with --class b', ['background']],
  ['stint env --for p', ['portage']],
  ['stint get share.u', ['share.user_max']],
  ['stint get ', Object.keys(KEYS)],
  ['stint set share.class=', ['background', 'interactive', 'normal']],
  ['stint set limits.cgroup=f', ['false']],
  ['stint serve --config whe', ['wheel.toml']],
  ['stint config check whe', ['wheel.toml']],
  ['stint run spin-th', ['spin-the-wheel']],
  ['stint run --label x -- spin-th', ['spin-the-wheel']],
  ['stint with --slots 2 spin-th', ['spin-the-wheel']],
  ['stint run -- spin-the-wheel whe', ['wheel.toml']],
  ['stint trace --user --build ', [id]],
  ['stint lease show --user ', [id]],
  [`stint doctor ${process.pid}`, [String(process.pid)]],
  ...PATHS.map(({ words, options }): [string, string[]] => [
    `stint ${words} --`,
    Object.keys(options).map((name) => `--${name}`),
  ]),
];

for (const { shell, file, ask } of SHELLS) {
  test(`${shell} offers verbs, options, their values, files and what the daemon tells`, {
    skip: missing(shell),
  }, async () => {
    const script = join(place.folder, file, '..', shell === 'zsh' ? '_stint' : 'stint');
    mkdirSync(dirname(script), { recursive: true });
    writeFileSync(script, files().get(file) as string);
    const asked = cases();
    const program = join(place.folder, `ask.${shell}`);
    writeFileSync(program, shell === 'zsh' ? ask : `source ${script}\n${ask}\n`);
    const before = shell === 'bash' ? ['--norc'] : shell === 'fish' ? ['--no-config'] : ['-f'];
    const { code, stdout, stderr } = await place.spawn(shell, [...before, program, ...asked.map(([line]) => line)], {
      cwd: place.folder,
      env: {
        PATH: `${join(place.folder, 'bin')}:${dirname(STINT)}:${process.env.PATH}`,
        HOME: place.folder,
        TERM: 'xterm',
        FILE: script,
        HITS: join(place.folder, 'hits'),
      },
      deadline: 120_000,
    }).ended;
    assert.deepEqual([code, stderr], [0, '']);
    for (const [at, part] of stdout.split(/^> /m).slice(1).entries()) {
      const [line = '', ...offers] = part.trimEnd().split('\n');
      const [, wanted] = asked[at] as [string, string[]];
      const found = offers
        .map((offer) => offer.replace(/\t.*/, '').replace(/^.*=(?=.)/, ''))
        .filter((offer) => offer !== '');
      const same = wanted.some((word) => word.startsWith('-')) ? found : found.filter((word) => !word.startsWith('-'));
      assert.deepEqual([...new Set(same)].sort(), [...wanted].sort(), `${shell}: ${line}`);
    }
  });
}
