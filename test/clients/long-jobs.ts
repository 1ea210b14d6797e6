// Projects of jobs that take 0.1 to 0.3 s each, for what has to happen while a build runs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolPath } from '../helpers/toolchain.ts';
import type { Kind, Workplace } from './projects.ts';

const JOBS = 24;

/** Jobs without order among them, for `name`. */
export function longJobs(name: 'make43' | 'make44' | 'ninja'): Kind {
  const make = ({ folder, trace, random }: Workplace) => {
    const commands = Array.from({ length: JOBS }, () => `${trace} sleep 0.${100 + random(200)}`);
    const [file, text] = name === 'ninja' ? ninjaRules(commands) : makeRules(commands);
    writeFileSync(join(folder, file), text);
    return { args: [toolPath(name)], env: {}, jobs: JOBS };
  };
  return { name, needs: [name], ...(name === 'make43' && { inherits: true as const }), make };
}

function makeRules(commands: string[]): [string, string] {
  const rules = commands.map((command, i) => `j${i}:\n\t@${command}\n`);
  return ['Makefile', `all: ${rules.map((_, i) => `j${i}`).join(' ')}\n${rules.join('')}`];
}

function ninjaRules(commands: string[]): [string, string] {
  const edges = commands.map((command, i) => `build j${i}: job\n  job = ${command}\n`);
  return ['build.ninja', `rule job\n  command = $job\n${edges.join('')}`];
}
