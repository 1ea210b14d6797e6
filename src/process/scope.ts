// Whether a process belongs to something that is a build of its own by nature: a CI job, a container, or a unit of the service
// manager. CI jobs are told by their environment, which is the process's own word and so counts only among processes of one user.

export interface Scope {
  kind: 'ci' | 'container' | 'unit';
  /** The same for all that belong together, and for nothing else on this machine. */
  key: string;
  /** For people. */
  name: string;
}

/** What is known of a process. */
export interface Surroundings {
  uid: number;
  cgroup: string | undefined;
  environment: ReadonlyMap<string, string> | undefined;
  /** Whether it has a controlling terminal. */
  terminal: boolean;
}

export function scopeOf({ uid, cgroup, environment, terminal }: Surroundings): Scope | undefined {
  return jobOf(environment, uid) ?? cgroupScope(cgroup ?? '', terminal);
}

interface Ci {
  /** Variables that tell jobs apart; those after `?` need not be there. */
  ids: readonly string[];
  /** Variables that make its name, as far as they are there. */
  name: readonly string[];
}

const CI: Readonly<Record<string, Ci>> = {
  // Gitea's and Forgejo's runners say the same. Jobs of a matrix share all but the runner.
  github: {
    ids: ['GITHUB_RUN_ID', 'GITHUB_JOB', '?GITHUB_RUN_ATTEMPT', '?RUNNER_NAME'],
    name: ['GITHUB_REPOSITORY', 'GITHUB_JOB'],
  },
  gitlab: { ids: ['CI_JOB_ID', '?CI_SERVER_HOST'], name: ['CI_PROJECT_PATH', 'CI_JOB_NAME'] },
  buildkite: { ids: ['BUILDKITE_JOB_ID'], name: ['BUILDKITE_PIPELINE_SLUG', 'BUILDKITE_BUILD_NUMBER'] },
  jenkins: { ids: ['BUILD_TAG', 'JENKINS_URL'], name: ['BUILD_TAG'] },
  azure: { ids: ['SYSTEM_JOBID', 'BUILD_BUILDID'], name: ['BUILD_DEFINITIONNAME', 'AGENT_JOBNAME'] },
  circle: { ids: ['CIRCLE_WORKFLOW_JOB_ID'], name: ['CIRCLE_PROJECT_REPONAME', 'CIRCLE_JOB'] },
  cirrus: { ids: ['CIRRUS_TASK_ID'], name: ['CIRRUS_REPO_FULL_NAME', 'CIRRUS_TASK_NAME'] },
  drone: { ids: ['DRONE_REPO', 'DRONE_BUILD_NUMBER', 'DRONE_STAGE_NUMBER'], name: ['DRONE_REPO', 'DRONE_STAGE_NAME'] },
  travis: { ids: ['TRAVIS_JOB_ID'], name: ['TRAVIS_REPO_SLUG', 'TRAVIS_JOB_NUMBER'] },
  woodpecker: {
    ids: ['CI_REPO', 'CI_PIPELINE_NUMBER', '?CI_WORKFLOW_NAME'],
    name: ['CI_REPO', 'CI_WORKFLOW_NAME'],
  },
};

function jobOf(environment: Surroundings['environment'], uid: number): Scope | undefined {
  if (environment === undefined) return undefined;
  for (const [system, { ids, name }] of Object.entries(CI)) {
    const values = ids.map((id) => environment.get(id.replace('?', '')) ?? '');
    const told = ids.every((id, n) => id.startsWith('?') || values[n] !== '');
    if (!told || values.some((value) => value.length > 256)) continue;
    const words = name.map((variable) => environment.get(variable)).filter(Boolean);
    // JSON keeps apart what a separator could not.
    return {
      kind: 'ci',
      key: `ci:${uid}:${system}:${JSON.stringify(values)}`,
      name: words.join(' ') || `${system} ${values[0]}`,
    };
  }
  return undefined;
}

/** The innermost part of a cgroup's path that is a container or a unit. */
function cgroupScope(path: string, terminal: boolean): Scope | undefined {
  const parts = path.split('/');
  for (let at = parts.length - 1; at > 0; at--) {
    const [part, above] = [parts[at] as string, parts[at - 1] as string];
    const container = containerIn(part, above);
    const name = container ?? unitIn(part, terminal);
    if (name === undefined) continue;
    const kind = container === undefined ? 'unit' : 'container';
    return { kind, key: `${kind}:${parts.slice(0, at + 1).join('/')}`, name };
  }
  return undefined;
}

function containerIn(part: string, above: string): string | undefined {
  // Docker, Podman, containerd, CRI-O: 64 digits, alone or as docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope ...
  const id = /^(?:.*[-:])?([0-9a-f]{64})(?:\.scope)?$/.exec(part)?.[1];
  if (id !== undefined) return /conmon/.test(part) ? undefined : id.slice(0, 12);
  if (above === 'buildkit' && /^[0-9a-z]{20,}$/.test(part)) return part.slice(0, 12); // a step of `docker build`
  if (above === 'lxc' || above === 'lxc.payload') return part;
  const [, lxc, nspawn, machine] =
    /^(?:lxc\.payload\.(.+)|systemd-nspawn@(.+)\.service|machine-(.+)\.scope)$/.exec(part) ?? [];
  return (
    lxc ?? (nspawn ?? machine)?.replace(/\\x([0-9a-f]{2})/g, (_, code) => String.fromCharCode(Number(`0x${code}`)))
  );
}

/** Scopes that hold what somebody started by hand, each from his session: logins, programs and tabs of a desktop. */
const HAND_SCOPE = /^(?:init|session-.*|app-.*|vte-spawn-.*|tmux-spawn-.*|snap\..*|gnome-.*|run-.*-bwrap)$/;
/** Services that hold what others start, not a build: logins, desktops, clocks, and servers of containers. */
const HOST_SERVICE = new RegExp(
  `^(?:${[
    'user@.*|.*getty(?:@.*)?|getty.*|sshd?(?:[@-].*)?|dropbear.*|login|agetty.*|tmux.*|screen.*|emacs.*|code-.*',
    'app-.*|dbus.*|gnome-.*|org\\..*|plasma-.*|xdg-.*|gdm.*|sddm.*|lightdm.*|xdm.*|display-manager',
    'cron|crond|cronie|fcron|dcron|anacron|atd|docker|containerd|podman|crio|kubelet|lxcfs?|lxd|incus',
  ].join('|')})$`,
);

function unitIn(part: string, terminal: boolean): string | undefined {
  const [, systemd, type] = /^(.+)\.(scope|service)$/.exec(part) ?? [];
  const name = systemd ?? /^openrc\.(.+)$/.exec(part)?.[1];
  if (name === undefined) return undefined;
  if (type === 'scope') return HAND_SCOPE.test(name) ? undefined : name;
  if (/^run-/.test(name)) return name; // systemd-run
  // A service that gives somebody a terminal is no build, whatever it is called.
  return terminal || HOST_SERVICE.test(name) ? undefined : name;
}
