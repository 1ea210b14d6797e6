// What a keeper leaves to the one that systemd starts after it: descriptors in the service manager's store (FDSTORE of sd_notify(3)), each
// under a name with its number. They lie there only while the unit is restarted: at all other times the store is empty, so that what
// a keeper holds is gone when it is killed.
import { execFile } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { closeOnExec } from '../kernel/fds.ts';
import { connectNotify, notifyAt } from '../kernel/notify.ts';

/** The first descriptor that systemd passes: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_FD = 3;
/** The descriptor by which the others are found. */
const LEFT = 'stint-left';
/** Before the numbers of the others. */
const PREFIX = 'stint-';

/** systemctl is given so long to answer, and systemd to store what it has been sent, milliseconds. */
const ASKING = 5000;
const STORING = 15_000;
const PAUSE = 20;

export interface HandedOver {
  /** The list of what there is; undefined when that got lost. */
  left: number | undefined;
  /** Which descriptors those are now that it names by their old numbers. */
  fds: Map<number, number>;
}

/** The unit that this process runs in, if systemd is about to start it again and keeps descriptors for it meanwhile. */
export async function restartedUnit(): Promise<string | undefined> {
  const unit = /\/([^/\n]+\.service)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (unit === undefined || process.env.NOTIFY_SOCKET === undefined) return undefined;
  const jobs = await systemctl('list-jobs', '--plain', '--no-legend');
  const isRestart = jobs.split('\n').some((line) => {
    const [, name, type] = line.trim().split(/\s+/);
    return name === unit && type === 'restart';
  });
  return isRestart && (await property(unit, 'FileDescriptorStoreMax')) > 0 ? unit : undefined;
}

/** Resolves when systemd has all of them. @throws Error when it does not take them; then it has none */
export async function handOver(unit: string, left: number, fds: readonly number[]): Promise<void> {
  const max = await property(unit, 'FileDescriptorStoreMax');
  if (fds.length >= max) throw new Error(`${fds.length + 1} descriptors, and systemd keeps ${max}`);
  const all = [...fds.map((fd) => [`${PREFIX}${fd}`, fd] as const), [LEFT, left] as const];
  const socket = connectNotify();
  if (socket === undefined) throw new Error('systemd does not listen');
  try {
    // FDPOLL=0: else it drops what has ended, such as a pidfd.
    for (const [name, fd] of all)
      if (!notifyAt(socket, `FDSTORE=1\nFDPOLL=0\nFDNAME=${name}`, [fd])) throw new Error('systemd does not read');
    const until = performance.now() + STORING;
    for (let stored = -1; stored !== all.length; ) {
      stored = await property(unit, 'NFileDescriptorStore');
      if (performance.now() > until) throw new Error(`systemd keeps ${stored} of ${all.length} descriptors`);
      if (stored !== all.length) await pause(PAUSE);
    }
  } catch (error) {
    for (const [name] of all) forget(socket, name);
    throw error;
  } finally {
    closeSync(socket);
  }
}

/** What the keeper before this one has left, which systemd then has no more. Undefined: nothing. */
export function takeHandedOver(): HandedOver | undefined {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
  if (LISTEN_PID !== String(process.pid) || LISTEN_FDNAMES === undefined) return undefined;
  const handed: HandedOver = { left: undefined, fds: new Map() };
  const socket = connectNotify();
  for (const [at, name] of LISTEN_FDNAMES.split(':').entries()) {
    if (!name.startsWith(PREFIX)) continue;
    if (socket !== undefined) forget(socket, name);
    if (at >= Number(LISTEN_FDS)) continue;
    const fd = FIRST_FD + at;
    closeOnExec(fd);
    if (name === LEFT) handed.left = fd;
    else handed.fds.set(Number(name.slice(PREFIX.length)), fd);
  }
  if (socket !== undefined) closeSync(socket);
  return handed.left === undefined && handed.fds.size === 0 ? undefined : handed;
}

const forget = (socket: number, name: string) => notifyAt(socket, `FDSTOREREMOVE=1\nFDNAME=${name}`);

const property = async (unit: string, name: string): Promise<number> =>
  Number(await systemctl('show', '--value', `--property=${name}`, '--', unit));

function systemctl(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('systemctl', args, { timeout: ASKING }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(error);
    });
  });
}
