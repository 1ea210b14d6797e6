// Containers of several kinds, started as docs/containers.md says: each with namespaces of its own for processes and mounts, and the
// directory of the machine's pool bound into it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../helpers/machine.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import type { Site } from './site.ts';

const NOBODY = 65_534;

export interface Container {
  name: string;
  /** Why it cannot be had here, or false. */
  skip: string | false;
  /** The user that the daemon sees. */
  uid: number;
  /** What to put before a command; `options`: what `stint env --for docker` printed. */
  args(machine: Machine, site: Site, options: readonly string[]): string[];
}

export const CONTAINERS: readonly Container[] = [
  {
    name: 'unshare',
    skip: false,
    uid: 0,
    args: () => ['unshare', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc'],
  },
  { name: 'bubblewrap', skip: missing('bwrap'), uid: 0, args: bubblewrap },
  {
    name: 'bubblewrap as another user, in a user namespace',
    skip: missing('bwrap'),
    uid: NOBODY,
    args: (machine, site) => [...asMember(site), ...bubblewrap(machine, site)],
  },
  { name: 'podman', skip: missing('podman', 'crun'), uid: 0, args: podman },
  {
    name: 'rootless podman',
    skip: missing('podman', 'crun'),
    uid: NOBODY,
    args: (machine, site, options) => podman(machine, site, options, asMember(site)),
  },
];

/** The group of the node. */
export const GROUP = 54_321;

/** Copies what containers run to where every user may read it. */
export function equip({ folder }: Site): string {
  const make = join(folder, 'make');
  copyFileSync(toolPath('make44'), make);
  chmodSync(folder, 0o777);
  return make;
}

/** As a user without rights who is in the node's group. */
const asMember = ({ folder }: Site): string[] => [
  'env',
  `HOME=${folder}`,
  `XDG_RUNTIME_DIR=${join(folder, 'podman')}`,
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  `--groups=${GROUP}`,
];

function bubblewrap({ mount }: Machine, { folder }: Site): string[] {
  const own = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--bind', folder, folder];
  return ['bwrap', ...own, '--bind', mount, mount, '--unshare-pid', '--die-with-parent'];
}

/** From a root of its own, without an image; what is not of interest here is left out, and what the machine here may not have. */
function podman({ folder }: Machine, site: Site, options: readonly string[], as: readonly string[] = []): string[] {
  const place = join(site.folder, 'podman');
  const root = join(place, 'rootfs');
  writeRoot(root);
  spawnSync('chown', ['-R', String(as.length > 0 ? NOBODY : 0), place]);
  const kept = ['--root', join(place, 'storage'), '--runroot', join(place, 'run'), '--tmpdir', join(place, 'tmp')];
  const plain = [
    '--cgroup-manager=cgroupfs',
    '--events-backend=none',
    '--storage-driver=vfs',
    '--log-level=error',
    ...kept,
  ];
  const small = ['--network=none', '--cgroups=disabled', '--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];
  const binds = ['--volume', '/usr:/usr:ro', '--volume', `${site.folder}:${site.folder}`];
  const own = ['--env', `TEST_PLACE=${folder}`, '--env', 'STINT_DEMO_LOG', '--env', 'STINT_DEMO_BUILD'];
  // Groups have no numbers in a namespace that maps one user: they are kept as they are.
  const said = as.length > 0 ? options.map((word) => (word === String(GROUP) ? 'keep-groups' : word)) : options;
  const run = ['podman', ...plain, 'run', '--rm', ...small, ...binds, ...own, ...said, '--rootfs', root];
  return [...inOneHierarchy(), ...as, ...run];
}

/** crun wants control groups of one version: in a mount namespace of its own there are. */
function inOneHierarchy(): string[] {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return [];
  const script = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
}

/** The folders of a root, and the machine's own links into /usr. */
function writeRoot(root: string): void {
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'etc', 'usr'])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ['bin', 'lib', 'lib64']) {
    const path = join('/', name);
    if (existsSync(path) && lstatSync(path).isSymbolicLink()) symlinkSync(readlinkSync(path), join(root, name));
  }
}

/** The number of a process in each of its pid namespaces, the outermost first. */
export function numbersOf(pid: number): number[] {
  const line = /^NSpid:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
  return line.split('\t').map(Number);
}

/** The first process of the innermost pid namespace that `pid` is in. */
export function initOf(pid: number): number {
  for (let at = pid; at > 1; ) {
    if (numbersOf(at).at(-1) === 1) return at;
    at = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${at}/status`, 'latin1'))?.[1]);
  }
  throw new Error(`process ${pid} is in no namespace of its own`);
}
