// Every shell script of the project, as shellcheck(1) sees it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const text = (name: string) => readFileSync(join(root, name), 'latin1');
/** Variables of these are set or read by what runs them. */
const FRAMED = /\.(?:ebuild|initd)$/;
const scripts = globSync(['bin/*', '{packaging,toolchain,integrations,demo}/**'], { cwd: root }).filter(
  (name) => statSync(join(root, name)).isFile() && (FRAMED.test(name) || /^#!\/bin\/(?:ba)?sh\b/.test(text(name))),
);
const { error } = spawnSync('shellcheck', ['--version']);

for (const script of scripts) {
  test(`${script} is sound`, { skip: error && 'no shellcheck' }, () => {
    // What dash knows beyond POSIX, such as -ef, other shells know too.
    const shell = script.endsWith('.ebuild') || text(script).startsWith('#!/bin/bash') ? 'bash' : 'dash';
    const framed = FRAMED.test(script) ? ['--exclude=SC2034,SC2154'] : [];
    const args = ['--severity=warning', `--shell=${shell}`, ...framed, script];
    const { status, stdout } = spawnSync('shellcheck', args, { cwd: root, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });
}
