import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Surroundings, scopeOf } from '../../src/process/scope.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER = 'fedcba9876543210'.repeat(4);
const USER = '/user.slice/user-1000.slice/user@1000.service';

function scope(cgroup: string | undefined, more: Partial<Surroundings> & { env?: Record<string, string> } = {}) {
  const { env, ...rest } = more;
  const environment = env && new Map(Object.entries(env));
  return scopeOf({ uid: 1000, cgroup, environment, terminal: false, ...rest });
}

const CONTAINERS: [what: string, cgroup: string, name: string][] = [
  ['Docker', `/docker/${ID}`, '0123456789ab'],
  ['Docker with systemd', `/system.slice/docker-${ID}.scope`, '0123456789ab'],
  ['a container in which systemd runs', `/system.slice/docker-${ID}.scope/init.scope`, '0123456789ab'],
  ['Docker in Docker', `/docker/${OTHER}/docker/${ID}`, '0123456789ab'],
  ['a step of docker build', '/system.slice/docker.service/buildkit/j7x2k9w0q1m4n5b6v7c8z9a0s', 'j7x2k9w0q1m4'],
  ['Podman', `/machine.slice/libpod-${ID}.scope/container`, '0123456789ab'],
  ['Podman of a user', `${USER}/user.slice/libpod-${ID}.scope/container`, '0123456789ab'],
  ['containerd', `/system.slice/nerdctl-${ID}.scope`, '0123456789ab'],
  ['containerd without systemd', `/default/${ID}`, '0123456789ab'],
  ['Kubernetes', `/kubepods/besteffort/podb2f0a1c3-11aa-22bb-33cc-445566778899/${ID}`, '0123456789ab'],
  [
    'Kubernetes with systemd',
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podb2f0.slice/cri-containerd-${ID}.scope`,
    '0123456789ab',
  ],
  ['CRI-O', `/kubepods.slice/kubepods-podb2f0.slice/crio-${ID}.scope`, '0123456789ab'],
  [
    'containerd in Kubernetes',
    `/system.slice/containerd.service/kubepods-podb2f0.slice:cri-containerd:${ID}`,
    '0123456789ab',
  ],
  ['LXC', '/lxc/builder-1', 'builder-1'],
  ['LXC of today', '/lxc.payload.builder-1/init.scope', 'builder-1'],
  ['a user in LXC', '/lxc.payload.builder-1/user.slice/user-0.slice/session-c1.scope', 'builder-1'],
  ['systemd-nspawn', '/machine.slice/systemd-nspawn@stage3.service/payload/init.scope', 'stage3'],
  ['systemd-nspawn by hand', '/machine.slice/machine-stage3\\x2damd64.scope/payload', 'stage3-amd64'],
];

for (const [what, cgroup, name] of CONTAINERS) {
  test(`a container of ${what} is a scope`, () => {
    const found = scope(cgroup);
    assert.equal(found?.kind, 'container');
    assert.equal(found.name, name);
    assert.ok(cgroup.startsWith(found.key.slice('container:'.length)));
    assert.deepEqual(scope(cgroup, { terminal: true }), found, 'with a terminal too');
  });
}

const UNITS: [cgroup: string, name: string][] = [
  ['/system.slice/builder.service', 'builder'],
  ['/system.slice/builder@12.service', 'builder@12'],
  ['/system.slice/gitlab-runner.service/supervisor', 'gitlab-runner'],
  ['/system.slice/actions.runner.ada-engine.host1.service', 'actions.runner.ada-engine.host1'],
  ['/system.slice/run-r0123456789abcdef.scope', 'run-r0123456789abcdef'],
  ['/system.slice/run-u77.service', 'run-u77'],
  [`${USER}/app.slice/run-p4711-i4712.scope`, 'run-p4711-i4712'],
  [`${USER}/app.slice/nightly.service`, 'nightly'],
  ['/system.slice/my-build.scope', 'my-build'],
  ['/openrc.buildbot-worker', 'buildbot-worker'],
  [`/machine.slice/systemd-nspawn@stage3.service/payload/system.slice/tinderbox.service`, 'tinderbox'],
];

for (const [cgroup, name] of UNITS) {
  test(`the unit ${name} in ${cgroup} is a scope`, () => {
    const found = scope(cgroup);
    assert.equal(found?.kind, 'unit');
    assert.equal(found.name, name);
  });
}

const NONE = [
  undefined,
  '',
  '/',
  '/init.scope',
  '/user.slice/user-1000.slice/session-3.scope',
  USER,
  `${USER}/init.scope`,
  `${USER}/app.slice/app-org.kde.konsole-4711.scope`,
  `${USER}/app.slice/app-org.gnome.Terminal.slice/vte-spawn-b2f0a1c3.scope`,
  `${USER}/app.slice/app-ghostty@77.service`,
  `${USER}/app.slice/gnome-terminal-server.service`,
  `${USER}/app.slice/dbus-:1.2-org.example.Editor@0.service`,
  `${USER}/app.slice/snap.code.code-b2f0a1c3.scope`,
  `${USER}/tmux-spawn-b2f0a1c3.scope`,
  `${USER}/session.slice/org.gnome.Shell@wayland.service`,
  '/system.slice/ssh.service',
  '/system.slice/sshd.service',
  '/system.slice/system-sshd.slice/sshd@1-10.0.0.1:22-10.0.0.2:4711.service',
  '/system.slice/system-getty.slice/getty@tty1.service',
  '/system.slice/cron.service',
  '/system.slice/containerd.service',
  '/openrc.sshd',
  '/some/folder/of/0123456789abcdef0123456789abcdef',
];

for (const cgroup of NONE) {
  test(`what runs in ${cgroup ?? 'no cgroup'} is told by its session`, () => {
    assert.equal(scope(cgroup), undefined);
  });
}

test('a service that gives somebody a terminal is no scope, but what systemd-run starts on one is', () => {
  assert.equal(scope('/system.slice/my-terminals.service', { terminal: true }), undefined);
  assert.equal(scope('/system.slice/run-u5.service', { terminal: true })?.name, 'run-u5');
  assert.equal(scope(`${USER}/app.slice/big.scope`, { terminal: true })?.name, 'big');
});

test('everything in one container has one key, and another container or unit has another, also by the same name', () => {
  const key = (cgroup: string): string | undefined => scope(cgroup)?.key;
  assert.equal(key(`/system.slice/docker-${ID}.scope/init.scope`), key(`/system.slice/docker-${ID}.scope`));
  assert.equal(key('/lxc.payload.a/user.slice/user-0.slice/session-1.scope'), key('/lxc.payload.a/init.scope'));
  const others = [
    `/docker/${ID}`,
    `/docker/${OTHER}`,
    '/x.service',
    '/a/x.service',
    '/lxc.payload.a/x.service',
    '/lxc/x',
  ];
  assert.equal(new Set(others.map(key)).size, others.length);
});

const GITHUB = { GITHUB_RUN_ID: '77', GITHUB_JOB: 'build', GITHUB_REPOSITORY: 'ada/engine', RUNNER_NAME: 'host-1' };
const JOBS: [what: string, env: Record<string, string>, name: string][] = [
  ['GitHub', GITHUB, 'ada/engine build'],
  ['GitLab', { CI_JOB_ID: '5', CI_PROJECT_PATH: 'ada/engine', CI_JOB_NAME: 'test' }, 'ada/engine test'],
  ['Jenkins', { BUILD_TAG: 'jenkins-engine-12', JENKINS_URL: 'http://ci/' }, 'jenkins-engine-12'],
  ['Buildkite', { BUILDKITE_JOB_ID: 'b2f0-a1c3' }, 'buildkite b2f0-a1c3'],
  ['Azure', { SYSTEM_JOBID: 'b2f0', BUILD_BUILDID: '9', AGENT_JOBNAME: 'Linux' }, 'Linux'],
  ['CircleCI', { CIRCLE_WORKFLOW_JOB_ID: 'b2f0', CIRCLE_JOB: 'build' }, 'build'],
  ['Cirrus', { CIRRUS_TASK_ID: '8', CIRRUS_TASK_NAME: 'main' }, 'main'],
  ['Drone', { DRONE_REPO: 'ada/engine', DRONE_BUILD_NUMBER: '3', DRONE_STAGE_NUMBER: '1' }, 'ada/engine'],
  ['Travis', { TRAVIS_JOB_ID: '6' }, 'travis 6'],
  ['Woodpecker', { CI_REPO: 'ada/engine', CI_PIPELINE_NUMBER: '4' }, 'ada/engine'],
];

for (const [what, env, name] of JOBS) {
  test(`a job of ${what} is a scope, wherever it runs`, () => {
    const found = scope('/system.slice/runner.service', { env });
    assert.equal(found?.kind, 'ci');
    assert.equal(found.name, name);
    assert.deepEqual(scope(`/docker/${ID}`, { env: { ...env, PATH: '/bin' } }), found);
  });
}

test('every job has a key of its own, also in a matrix and at a second try', () => {
  const jobs = [
    ...JOBS.map(([, env]) => env),
    { ...GITHUB, RUNNER_NAME: 'host-2' },
    { ...GITHUB, GITHUB_RUN_ATTEMPT: '2' },
    { ...GITHUB, GITHUB_JOB: 'build:77' },
    { CI_JOB_ID: '6' },
    { CI_JOB_ID: '6', CI_SERVER_HOST: 'other' },
  ];
  assert.equal(new Set(jobs.map((env) => scope('/', { env })?.key)).size, jobs.length);
});

test('what an environment says counts only among processes of one user', () => {
  assert.notEqual(scope('/', { env: GITHUB })?.key, scope('/', { env: GITHUB, uid: 1001 })?.key);
});

test('half of what tells a job, or more than anybody needs, tells none', () => {
  for (const env of [
    { GITHUB_RUN_ID: '77' },
    { BUILD_TAG: 'mine' },
    { CI: 'true', CI_JOB_ID: '' },
    { CI_JOB_ID: 'x'.repeat(1000) },
    {},
  ]) {
    assert.equal(scope('/', { env: env as unknown as Record<string, string> }), undefined);
  }
});
