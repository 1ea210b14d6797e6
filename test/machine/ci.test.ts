// CI runners on the machine's pool, by the files of integrations/ci and the variables that those runners set: each job is a build of its
// own, by its name, and so is a scope of the service manager.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { goodPath } from '../helpers/doctor.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { STINT } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const CI = join(import.meta.dirname, '../../integrations/ci');
const read = (name: string) => readFileSync(join(CI, name), 'utf8');
const skip = noMachine() ?? missing('make44', 'ninja', 'ctest');

interface Runner {
  name: string;
  env: Record<string, string>;
  label: string;
  /** What it does before a job's own commands, in a shell; the job's environment is what comes of it. */
  before: string;
}

const HOOK = `GITHUB_ENV=$PWD/github-env; : >"$GITHUB_ENV"; export GITHUB_ENV; sh -e ${CI}/github-job-started.sh
while IFS= read -r line; do export "$line"; done <"$GITHUB_ENV"`;
/** As a runner sets what stands in its configuration. */
const exported = (lines: readonly string[]) => lines.map((line) => `export '${line}'`).join('\n');
const github = { GITHUB_RUN_ID: '77', GITHUB_RUN_ATTEMPT: '1', GITHUB_JOB: 'test', GITHUB_REPOSITORY: 'ada/engine' };

const RUNNERS: Runner[] = [
  { name: 'GitHub', env: github, label: 'ada/engine test', before: HOOK },
  {
    name: 'GitLab, shell executor',
    env: { GITLAB_CI: 'true', CI_JOB_ID: '12', CI_PROJECT_PATH: 'ada/loom', CI_JOB_NAME: 'build' },
    label: 'ada/loom build',
    before: gitlab(0).pre_build_script as string,
  },
  {
    name: 'GitLab, docker executor',
    env: { GITLAB_CI: 'true', CI_JOB_ID: '13', CI_PROJECT_PATH: 'ada/loom', CI_JOB_NAME: 'test' },
    label: 'ada/loom test',
    before: exported(gitlab(1).environment as string[]),
  },
  {
    name: 'Forgejo',
    env: { ...github, GITHUB_RUN_ID: '3', GITHUB_REPOSITORY: 'bo/forge', FORGEJO_ACTIONS: 'true' },
    label: 'bo/forge test',
    before: exported(
      [...read('forgejo-config.yaml').matchAll(/^ +(\w*MAKEFLAGS): "(.*)"$/gm)].map(([, k, v]) => `${k}=${v}`),
    ),
  },
];

function gitlab(index: number): Record<string, unknown> {
  return (parse(read('gitlab-config.toml')).runners as Record<string, unknown>[])[index] as Record<string, unknown>;
}

for (const { name, env, label, before } of RUNNERS) {
  test(`a job of ${name} draws from the pool by its name`, { skip }, async (t) => {
    const machine = await startMachine(t, 8);
    const PATH = `${dirname(STINT)}:${goodPath(machine)}`;
    writeFileSync(join(machine.folder, 'Makefile'), 'all: a b c\na b c:\n\t@sleep 1000\n');
    // The files have the usual place of the pool in them.
    const script = `${before.replaceAll('/run/stint', machine.mount)}\nexec make`;
    const bare = machine.spawn('sh', ['-ec', script], { env: { ...env, PATH } });
    const { builds } = await machine.untilStatus(({ free }) => free === 5);
    assert.deepEqual(
      builds.map((build) => [build.label, build.clients?.map(({ program, held }) => [program, held])]),
      [[`${label} make`, [['make', 2]]]],
    );
    bare.killAll('SIGKILL');
    await machine.untilIdle();

    const named = machine.spawn(join(CI, 'stint-job'), ['--slots', '2', '--', 'sleep', '1000'], {
      env: { ...env, PATH },
    });
    const lease = await machine.untilStatus(({ free }) => free === 6);
    assert.deepEqual(
      lease.builds.map((build) => build.label),
      [label],
    );
    named.killAll('SIGKILL');
    await machine.stop();
  });
}

test('the hook of GitHub lets a job go on where there is no pool', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  await machine.stop();
  const PATH = `${dirname(STINT)}:${goodPath(machine)}`;
  const { code, stdout } = await machine.spawn('sh', ['-ec', `${HOOK}\necho "made by: $MAKEFLAGS"`], { env: { PATH } })
    .ended;
  assert.equal(code, 0);
  assert.match(stdout, /^::warning::.*\nmade by: \n$/);
});

test('a scope of the service manager is a build of its own', { skip: skip || noScopes() }, async (t) => {
  const machine = await startMachine(t, 4);
  const scope = join(scopes() as string, `stint-test-${process.pid}.scope`);
  mkdirSync(scope);
  t.after(async () => {
    await until('the scope is empty', () => {
      rmdirSync(scope);
      return true;
    });
  });
  const script = `echo $$ >${scope}/cgroup.procs; exec make`;
  writeFileSync(join(machine.folder, 'Makefile'), 'all: a b\na b:\n\t@sleep 1000\n');
  const env = { PATH: goodPath(machine), MAKEFLAGS: machine.makeflags() };
  const inside = machine.spawn('sh', ['-c', script], { env });
  const beside = machine.spawn('make', [], { env });
  const { builds } = await machine.untilStatus(({ free }) => free === 0);
  assert.deepEqual(builds.map(({ label }) => label.split(' ')[0]).sort(), ['make', `stint-test-${process.pid}`]);
  for (const build of [inside, beside]) build.killAll('SIGKILL');
  await machine.stop();
});

/** Where a service manager would make them. */
function scopes(): string | undefined {
  return ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup'].find((top) => existsSync(join(top, 'cgroup.procs')));
}

function noScopes(): string | false {
  return scopes() === undefined ? 'no hierarchy of control groups that a service manager would use' : false;
}
