// The toolchain gives the clients that the other tests need, each in the version that they are about.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { missing, type ToolName, tool, toolPath } from './helpers/toolchain.ts';

const root = join(import.meta.dirname, '..');

const versions: [name: ToolName, version: RegExp][] = [
  ['make43', /4\.3$/],
  ['make44', /4\.4\.1$/],
  ['ninja', /^1\.13\.2/],
  ['ctest', /4\.3\.1/],
  ['gcc', /^gcc /],
  ['emerge', /^Portage 3\.0\.83 /],
  ['pytest', /^pytest 9\./],
  ['cargo', /^cargo 1\./],
];

for (const [name, version] of versions) {
  test(`${name} is there`, { skip: missing(name) }, () => {
    const found = tool(name);
    assert.match(found.path === undefined ? found.reason : found.version, version);
    assert.equal(toolPath(name), found.path);
  });
}

test('installing what is already there is quick and silent', () => {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(join(root, 'toolchain/install.sh'), { encoding: 'utf8' });
  assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
  // What only root can install, and only by apt-get, is told each time.
  assert.match(stderr, /^(?:toolchain: missing: .*\n)*$/);
  assert.ok(performance.now() - started < 2000);
});

test('a command is freed from the jobserver of whatever started it', () => {
  const env = {
    ...process.env,
    MAKEFLAGS: ' -j2',
    MAKELEVEL: '1',
    CARGO_MAKEFLAGS: '-j2',
    STINT_SLOTS: '2',
    KEPT: 'a b',
  };
  const { stdout } = spawnSync(join(root, 'toolchain/without-jobserver.sh'), ['env'], { encoding: 'utf8', env });
  assert.doesNotMatch(stdout, /^(MAKEFLAGS|MAKELEVEL|CARGO_MAKEFLAGS|STINT_SLOTS)=/m);
  assert.match(stdout, /^KEPT=a b$/m);
});
