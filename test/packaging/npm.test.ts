// The npm package, as somebody without root has it: packed, installed into an empty folder, and used.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Place } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const root = join(import.meta.dirname, '../..');

test('npx runs the packed program in an empty folder', async (t) => {
  const folder = temporaryFolder(t);
  const home = join(folder, 'home');
  mkdirSync(home);
  // Nothing is fetched: what it depends on is packed, too.
  const parts = ['dist', 'node_modules/koffi', `node_modules/@koromix/koffi-linux-${process.arch}`];
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync('npm', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  npm(folder, 'pack', '--silent', ...parts.map((part) => join(root, part)));
  const packed = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  assert.equal(packed.length, parts.length);
  writeFileSync(join(home, 'package.json'), '{}');
  npm(
    home,
    'install',
    '--offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...packed.map((name) => `../${name}`),
  );

  writeFileSync(join(home, 'Makefile'), 'all:\n\t@echo "$(MAKEFLAGS)"\n');
  const place = new Place(t);
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const { code, stdout, stderr } = await place.spawn('npx', ['--offline', 'stint', 'run', '--', 'make'], {
    cwd: home,
    env: { PATH: path },
  }).ended;
  assert.equal(stderr, '');
  assert.equal(code, 0);
  assert.match(stdout, /--jobserver-auth=/);
  await place.finish();
});
