// What a control group or an environment says of the work that a process belongs to: a container, a unit, a CI job. Pure.

export interface Scope {
  kind: 'ci' | 'container' | 'unit';
  /** Tells it from all others of this machine. */
  key: string;
  /** Short, for people. */
  name: string;
}

/** Variables that name a CI job, each system's first the one that tells its jobs apart. */
const CI_JOBS: readonly (readonly string[])[] = [
  ['GITHUB_RUN_ID', 'GITHUB_JOB', 'GITHUB_RUN_ATTEMPT', 'RUNNER_NAME'],
  ['CI_JOB_ID', 'CI_PROJECT_PATH'], // GitLab
  ['BUILDKITE_JOB_ID'],
  ['BUILD_TAG'], // Jenkins
  ['CIRCLE_WORKFLOW_JOB_ID'],
  ['DRONE_BUILD_NUMBER', 'DRONE_REPO', 'DRONE_STAGE_NAME'],
];

/** A container's id in the names that Docker, Podman, containerd, CRI-O and LXC give to control groups. */
const CONTAINER =
  /(?:^|\/)(?:docker|libpod|crio|cri-containerd|lxc\.payload|lxc|nspawn|machine)?[-./:]?([0-9a-f]{64})(?:\.scope)?(?:\/|$)/;
const LXC = /(?:^|\/)lxc(?:\.payload)?[./]([^/]+)/;
const MACHINE = /(?:^|\/)machine-([^/]+)\.scope(?:\/|$)/;
/** Units that stand for a login or a desktop, and not for a piece of work. */
const LOGIN =
  /^(?:session-.*|init|app-.*|user@.*|dbus.*|vte-spawn-.*|tmux-spawn-.*|gnome-.*|plasma-.*|ssh.*|getty@.*|cron.*|docker|containerd|podman.*)\.(?:scope|service)$/;

export function scopeOf(cgroup: string, environment: ReadonlyMap<string, string> | undefined): Scope | undefined {
  return ciJob(environment) ?? container(cgroup) ?? unit(cgroup);
}

function ciJob(environment: ReadonlyMap<string, string> | undefined): Scope | undefined {
  for (const names of CI_JOBS) {
    const first = environment?.get(names[0] as string);
    if (!first) continue;
    const values = names.map((name) => environment?.get(name) ?? '');
    return {
      kind: 'ci',
      key: `ci:${names[0]}:${values.join(':')}`,
      name: values.filter((value) => value !== '').join(' '),
    };
  }
  return undefined;
}

function container(cgroup: string): Scope | undefined {
  const id = CONTAINER.exec(cgroup)?.[1];
  if (id !== undefined) return { kind: 'container', key: `container:${id}`, name: id.slice(0, 12) };
  const name = LXC.exec(cgroup)?.[1] ?? MACHINE.exec(cgroup)?.[1];
  return name === undefined ? undefined : { kind: 'container', key: `container:${name}`, name: unescaped(name) };
}

/** The innermost unit that is a piece of work of its own. */
function unit(cgroup: string): Scope | undefined {
  const parts = cgroup.split('/').filter((part) => /\.(?:scope|service)$/.test(part));
  const last = parts.at(-1);
  if (last === undefined || LOGIN.test(last)) return undefined;
  return {
    kind: 'unit',
    key: `unit:${cgroup.slice(0, cgroup.lastIndexOf(last) + last.length)}`,
    name: unescaped(last),
  };
}

/** systemd writes `\x2d` for a dash in a unit's name. */
const unescaped = (name: string): string =>
  name.replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
