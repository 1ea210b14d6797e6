// A small machine of its own: a Linux that runs as a program (User-Mode Linux), has CUSE, and whose root is this machine's, read-only. So
// Node, make, cargo and the sources stand there as they stand here, and what a test does to devices, to services or to the kernel stays
// there. It has one processor, no network and no pressure files.
//
// toolchain/install.sh fetches it; `init` is its first process.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Place } from '../helpers/pool.ts';

const sources = join(import.meta.dirname, '../..');
const parts = join(sources, '.cache/vm');

interface Ends {
  after(done: () => Promise<void>): void;
}

interface Prints {
  diagnostic(message: string): void;
}

/** Why there is no such machine here, or false; `boot`: what it has to boot. */
export function noVm(boot: 'job' | 'systemd' = 'job'): string | false {
  if (process.getuid?.() !== 0) return 'only root can have a machine that sees the root of this one';
  if (!existsSync(join(parts, 'insmod'))) return 'no User-Mode Linux: run toolchain/install.sh';
  return boot === 'systemd' && !existsSync('/lib/systemd/systemd') && 'no systemd: run toolchain/install.sh';
}

interface Options {
  /** `systemd`: the command is a service of it, and the root can be written to. */
  boot?: 'job' | 'systemd';
  /** For all of it, milliseconds. */
  deadline?: number;
}

/**
 * Boots the machine, runs `command` as root where the sources are, and switches it off. Returns what it wrote.
 * @throws AssertionError when it ends with another code than 0; Error when it does not end
 */
export async function runInVm(
  t: Ends & Prints,
  command: string,
  { boot = 'job', deadline = 540_000 }: Options = {},
): Promise<string> {
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
    TEST_TIMEOUT: String(deadline),
    ...(STINT_ROUNDS !== undefined && { STINT_ROUNDS }),
  };
  const exports = Object.entries(env).map(([name, value]) => `export ${name}='${value}'\n`);
  writeFileSync(path('job'), `#!/bin/sh\n${exports.join('')}cd '${sources}' && ${command}\n`, { mode: 0o755 });
  const disk = ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro'];
  const console = ['con=null', 'con0=null,fd:1', 'quiet', 'loglevel=4', 'panic=-1'];
  const init = [
    `init=${join(import.meta.dirname, 'init')}`,
    `folder=${folder}`,
    `sources=${sources}`,
    `parts=${parts}`,
  ];
  const args = ['mem=4000M', ...disk, ...console, 'umid=vm', `uml_dir=${folder}`, ...init, `boot=${boot}`];
  const outside = { LD_PRELOAD: join(parts, 'xstate.so'), TMPDIR: folder };
  const { ended, output } = place.spawn(join(parts, 'linux'), args, { env: outside, deadline });
  await ended;
  const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');
  if (text('code') === '')
    throw new Error(
      `the virtual machine did not come to the end: ${JSON.stringify({ ...output, job: text('output') })}`,
    );
  const written = text('output');
  t.diagnostic(written);
  assert.equal(text('code'), '0\n', written);
  return written;
}
