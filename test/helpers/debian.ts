// A fresh Debian 12 without Node, which toolchain/install.sh has made, in a container without a network. All that is done in it is
// gone when the test ends, and so is everything that was started in it.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noMachine } from './machine.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '../../.cache/debian-12');
/** A machine that is busy with other things takes its time, milliseconds. */
const PATIENCE = 120_000;

interface Ends {
  after(done: () => Promise<void>): void;
}

/** Why there can be none here, or undefined. */
export function noDebian(): string | undefined {
  const missing = noMachine();
  if (missing !== undefined) return missing;
  if (!existsSync(ROOT)) return 'no fresh Debian 12: run toolchain/install.sh as root';
  const { error } = spawnSync('systemd-nspawn', ['--version']);
  return error && 'no systemd-nspawn: install systemd-container';
}

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

interface DebianOptions {
  /** Whether its systemd runs; else nothing does. */
  boot: boolean;
  /** A folder of this machine that stands at /mnt there. */
  folder: string;
}

export class Debian {
  /** The first process in it. */
  readonly #first: number;

  private constructor(first: number) {
    this.#first = first;
  }

  static async start(t: Ends, { boot, folder }: DebianOptions): Promise<Debian> {
    const name = `stint-test-${process.pid}-${performance.now().toFixed()}`;
    const apart = ['--volatile=overlay', '--register=no', '--keep-unit', '--private-network', '--link-journal=no'];
    const args = ['--quiet', `--directory=${ROOT}`, `--machine=${name}`, ...apart];
    const what = boot ? ['--boot'] : ['--as-pid2', 'sleep', 'infinity'];
    const container = spawn(
      'systemd-nspawn',
      [...args, '--bind=/dev/fuse', `--bind-ro=${folder}:/mnt`, '--console=pipe', ...what],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    container.stderr?.on('data', (text) => (said += text));
    const over = () => container.exitCode !== null || container.signalCode !== null;
    t.after(async () => {
      for (const pid of childrenOf(container.pid as number)) process.kill(pid, 'SIGKILL');
      await until('the container is gone', over);
    });
    const first = await until(
      'the container runs',
      () => leaderOf(container.pid as number) ?? (over() && -1),
      PATIENCE,
    );
    assert.ok(first > 0, `the container did not start: ${said}`);
    const debian = new Debian(first);
    await until('it can be entered', async () => (await debian.sh('test -e /mnt/.')).code === 0, PATIENCE);
    if (boot) await debian.sh('systemctl is-system-running --wait');
    return debian;
  }

  /** Runs `script` in it, as root if nobody is named. */
  sh(script: string, user?: string): Promise<Said> {
    return new Promise((resolve) => {
      const [file, ...args] = this.#command(script, user);
      execFile(file as string, args, { timeout: PATIENCE }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      });
    });
  }

  /** The same, and that it ends with 0; what it printed. */
  async does(script: string, user?: string): Promise<string> {
    const { code, stdout, stderr } = await this.sh(script, user);
    assert.equal(code, 0, `${script}: ${code}\n${stdout}\n${stderr}`);
    return stdout.trim();
  }

  /** Starts `script` in it, which ends with it at the latest. */
  start(script: string, user?: string): ChildProcess {
    const [file, ...args] = this.#command(script, user);
    return spawn(file as string, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** The paths of all that is in it but what users have and what any use of it writes, in order. */
  async files(): Promise<string[]> {
    const roots = '/etc /usr /var /opt';
    const noise = [
      /^\/var\/(?:lib\/(?:dpkg|systemd)|log|cache\/ldconfig|tmp)\b/,
      /^\/etc\/(?:.*-|\.pwd\.lock|subuid|subgid)$/,
    ];
    const all = (await this.does(`find ${roots} -xdev`)).split('\n');
    return all.filter((path) => !noise.some((one) => one.test(path))).sort();
  }

  #command(script: string, user: string | undefined): string[] {
    const target = ['--target', String(this.#first), '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    const as = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups'];
    const home = user === undefined ? '/root' : `/home/${user}`;
    const env = ['env', '-i', `HOME=${home}`, 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
    return ['nsenter', ...target, '--root', '--wd', ...env, ...as, 'sh', '-c', `cd ${home} && ${script}`];
  }
}

/** The first process of the container: a child of nspawn that has a root of its own. */
function leaderOf(container: number): number | undefined {
  return childrenOf(container).find((pid) => /^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
}

function childrenOf(pid: number): number[] {
  try {
    const all = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return all
      .trim()
      .split(' ')
      .filter((one) => one !== '')
      .map(Number);
  } catch {
    return []; // it has gone
  }
}
