// What is said of `stint env`.
import type { Verb } from './verb.ts';

export const ENV = {
  name: 'env',
  usage: ['[--for WHAT]'],
  brief: "print the settings of builds that 'stint run' does not start",
  about: `Print the settings by which builds that 'stint run' does not start draw their slots from the pool of this machine:
  eval "$(stint env --for make)"`,
  options: {
    for: {
      value: 'WHAT',
      text: `who is to have them:
  make, ninja, cargo  a shell, by eval; without --for: what make and cargo need
  portage             make.conf
  docker              docker run or podman run: eval "docker run $(stint env --for docker) IMAGE"
  systemd             a unit
  ci                  NAME=VALUE, one a line: >>"$GITHUB_ENV", --env-file, EnvironmentFile=`,
      choice: ['make', 'ninja', 'cargo', 'portage', 'docker', 'systemd', 'ci'],
    },
  },
  notes: "The pool of one user has no such settings: start builds in it by 'stint run'.",
  exits: [
    [0, ''],
    [1, 'when a client on PATH is too old for them'],
    [2, 'when the arguments are wrong'],
    [3, 'when the machine has no pool'],
  ],
} satisfies Verb;
