// Every shell script of the project, as shellcheck(1) sees it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const scripts = globSync(['bin/*', '{packaging,toolchain,integrations,demo}/**'], { cwd: root }).filter(
  (name) =>
    statSync(join(root, name)).isFile() && /^#!\/bin\/(?:ba)?sh\b/.test(readFileSync(join(root, name), 'latin1')),
);
const { error } = spawnSync('shellcheck', ['--version']);

for (const script of scripts) {
  test(`${script} is sound`, { skip: error && 'no shellcheck' }, () => {
    // What dash knows beyond POSIX, such as -ef, other shells know too.
    const shell = readFileSync(join(root, script), 'latin1').startsWith('#!/bin/bash') ? 'bash' : 'dash';
    const { status, stdout } = spawnSync('shellcheck', ['--severity=warning', `--shell=${shell}`, script], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
  });
}
