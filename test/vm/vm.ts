// A small machine of its own: a Linux that runs as a program (User-Mode Linux), has CUSE, and whose root is this machine's, read-only. So
// Node, make, cargo and the sources stand there as they stand here, and what a test does to devices, to services or to the kernel stays
// there. It has one processor, no network and no pressure files.
//
// toolchain/install.sh fetches it; `init` is its first process.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Place } from '../helpers/pool.ts';

const sources = join(import.meta.dirname, '../..');
const parts = join(sources, '.cache/vm');

interface Ends {
  after(done: () => Promise<void>): void;
}

/** Why there is no such machine here, or false; `boot`: what it has to boot. */
export function noVm(boot: 'job' | 'systemd' = 'job'): string | false {
  if (process.getuid?.() !== 0) return 'only root can have a machine that sees the root of this one';
  if (!existsSync(join(parts, 'insmod'))) return 'no User-Mode Linux: run toolchain/install.sh';
  return boot === 'systemd' && !existsSync('/lib/systemd/systemd') && 'no systemd: run toolchain/install.sh';
}

/** How the command ended, and all that it wrote. */
interface Outcome {
  code: number;
  output: string;
}

/**
 * Boots the machine, runs `script` as root in sh, in a folder that the host sees, too, and switches it off.
 * @param boot `systemd`: the script is a service of it, and the root can be written to
 * @param deadline milliseconds for all of it
 * @throws Error when it does not come to an end
 */
export async function inVm(
  t: Ends,
  script: string,
  { boot = 'job', deadline = 240_000 }: { boot?: 'job' | 'systemd'; deadline?: number } = {},
): Promise<Outcome> {
  const place = new Place(t);
  const { folder } = place;
  const path = (name: string) => join(folder, name);
  const PATH = [...new Set([join(sources, 'node_modules/.bin'), ...(place.env().PATH ?? '').split(':')])].join(':');
  const { HOME = '/root', STINT_ROUNDS } = process.env;
  const env = {
    HOME,
    LANG: 'C.UTF-8',
    PATH,
    TEST_DEADLINE: '120000',
    ...(STINT_ROUNDS !== undefined && { STINT_ROUNDS }),
  };
  const head = `#!/bin/sh\nexport ${Object.entries(env)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ')}\n`;
  writeFileSync(path('job'), `${head}${script}\n`, { mode: 0o755 });
  const disk = ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro'];
  const console = ['con=null', 'con0=null,fd:1', 'quiet', 'loglevel=4', 'panic=-1'];
  const init = [
    `init=${join(import.meta.dirname, 'init')}`,
    `folder=${folder}`,
    `sources=${sources}`,
    `parts=${parts}`,
  ];
  const args = ['mem=1500M', ...disk, ...console, 'umid=vm', `uml_dir=${folder}`, ...init, `boot=${boot}`];
  const outside = { LD_PRELOAD: join(parts, 'xstate.so'), TMPDIR: folder };
  const { ended, output } = place.spawn(join(parts, 'linux'), args, { env: outside, deadline });
  await ended;
  const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');
  if (text('code') === '')
    throw new Error(
      `the virtual machine did not come to the end: ${JSON.stringify({ ...output, job: text('output') })}`,
    );
  return { code: Number(text('code')), output: text('output') };
}
