// The file in which versions of tools are kept: what somebody else has put in its place is neither believed nor followed.
import assert from 'node:assert/strict';
import { chmodSync, lchownSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Versions } from '../../src/cli/versions.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const NOBODY = 65534;

/** A folder, a tool in another one, and a file that nobody but us may write to. */
function scene(t: Parameters<typeof temporaryFolder>[0]) {
  const base = temporaryFolder(t);
  const [folder, bin, precious] = [join(base, 'stint'), join(base, 'bin'), join(base, 'precious')];
  mkdirSync(folder, { mode: 0o700 });
  mkdirSync(bin);
  writeFileSync(join(bin, 'tool'), '#!/bin/sh\necho tool 7.3\n', { mode: 0o755 });
  writeFileSync(precious, 'precious');
  return { folder, bin, precious, cache: join(folder, 'tools.json') };
}

test('a version is asked for once, and then known', (t) => {
  const { cache, bin } = scene(t);
  assert.deepEqual(new Versions(cache).of('tool', bin), [7, 3]);
  assert.match(readFileSync(cache, 'utf8'), /\[7,3\]/);
});

test('in a folder of another user no file is believed, and no link followed', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, (t) => {
  const { folder, bin, precious, cache } = scene(t);
  new Versions(cache).of('tool', bin);
  writeFileSync(cache, readFileSync(cache, 'utf8').replace('[7,3]', '[1,0]'));
  symlinkSync(precious, `${cache}.${process.pid}`);
  lchownSync(folder, NOBODY, NOBODY);
  assert.deepEqual(new Versions(cache).of('tool', bin), [7, 3]);
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
});

test('a link that stands where the file is drafted is not followed, whoever has put it there', (t) => {
  const { folder, bin, precious, cache } = scene(t);
  symlinkSync(precious, `${cache}.${process.pid}`);
  assert.deepEqual(new Versions(cache).of('tool', bin), [7, 3]);
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
  chmodSync(folder, 0o755);
  assert.deepEqual(new Versions(cache).of('tool', bin), [7, 3]);
  assert.deepEqual(readdirSync(folder), []);
});
