// Whoever builds stint from the same commit gets the same bytes, wherever it stands.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../helpers/temporary.ts';

const root = join(import.meta.dirname, '../..');

/** Clones into `folder`, builds there, and makes all packages; the hash of each, and of each file that is installed. */
function hashesIn(folder: string): Record<string, string> {
  const [clone, to] = [join(folder, 'clone'), join(folder, 'to')];
  mkdirSync(to, { recursive: true });
  execFileSync('git', ['clone', '--quiet', '--local', root, clone]);
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  execFileSync(process.execPath, ['packaging/build.ts'], { cwd: clone });
  const env = { PATH: process.env.PATH, DESTDIR: join(to, 'installed'), PREFIX: '/usr', DEB_COMPRESS: '-Zzstd -z1' };
  execFileSync(join(clone, 'packaging/install.sh'), { env });
  execFileSync(join(clone, 'packaging/tarball.sh'), [to], { env });
  if (existsSync('/usr/bin/dpkg-deb')) execFileSync(join(clone, 'packaging/debian/build.sh'), [to], { env });
  const files = globSync('**', { cwd: to }).filter((name) => statSync(join(to, name)).isFile());
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(to, name)))
      .digest('hex');
  return Object.fromEntries(files.sort().map((name) => [name, hash(name)]));
}

test('two builds from two clean clones are the same to the byte', (t) => {
  const folder = temporaryFolder(t);
  const first = hashesIn(join(folder, 'a'));
  assert.ok(Object.keys(first).length > 50);
  assert.deepEqual(hashesIn(join(folder, 'another place/that is deeper')), first);
});
