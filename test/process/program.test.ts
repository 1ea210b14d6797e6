import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lineageOf } from '../../src/process/lineage.ts';
import { programOf } from '../../src/process/program.ts';
import { Place } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

type Case = [comm: string, exe: string | undefined, args: string | undefined, program: string];

const CASES: Case[] = [
  ['make', '/usr/bin/make', undefined, 'make'],
  ['anything', '/opt/rust/bin/cargo', undefined, 'cargo'],
  ['build-script-bu', '/src/target/debug/build/zstd-1a2b/build-script-build', undefined, 'build-script-build'],
  ['make', undefined, undefined, 'make'],
  // Scripts that name their interpreter itself.
  ['emerge', '/usr/bin/python3.13', undefined, 'emerge'],
  ['pytest', '/usr/bin/python3', undefined, 'pytest'],
  ['configure', '/usr/bin/dash', undefined, 'configure'],
  ['a-name-of-more-', '/usr/bin/perl', 'perl /x/a-name-of-more-bytes -v', 'a-name-of-more-bytes'],
  ['fifteen-letters', '/usr/bin/perl', 'perl other', 'fifteen-letters'],
  // Scripts that env found the interpreter for, and those given to one.
  ['python3', '/usr/bin/python3.13', 'python3 /usr/bin/spack install zlib', 'spack'],
  ['python3', '/usr/bin/python3.13', 'python3 -m pytest -n 4', 'pytest'],
  ['python3', '/usr/bin/python3.13', 'python3 -Wd -X dev -W error -Im build.wheel', 'build.wheel'],
  ['python3', '/usr/bin/python3.13', 'python3 -c import_os x', 'python3'],
  ['python3', '/usr/bin/python3.13', 'python3 -', 'python3'],
  ['python3', '/usr/bin/python3.13', 'python3', 'python3'],
  ['python3', '/usr/bin/python3.13', undefined, 'python3'],
  ['bash', '/usr/bin/bash', 'bash -e -o pipefail ./build.sh all', 'build.sh'],
  ['sh', '/usr/bin/busybox', 'sh -ec make', 'sh'],
  ['sh', '/usr/bin/busybox', 'sh /x/configure', 'configure'],
  ['make', '/usr/bin/busybox', undefined, 'make'],
  ['perl', '/usr/bin/perl5.40.0', 'perl -w -I lib t/all.pl', 'all.pl'],
  ['perl', '/usr/bin/perl5.40.0', 'perl -ne print file', 'perl'],
  ['ruby', '/usr/bin/ruby3.3', 'ruby -r set rake', 'rake'],
  ['MainThread', '/usr/bin/node', 'node --require ./x.js --no-warnings /x/vite build', 'vite'],
  ['MainThread', '/usr/bin/node', 'node --eval=1', 'node'],
  ['MainThread', '/usr/bin/node-24', undefined, 'node-24'],
  ['ld-linux-x86-64', '/usr/lib64/ld-linux-x86-64.so.2', '/lib64/ld-linux-x86-64.so.2 ./ninja -v', 'ninja'],
  ['make', '/usr/bin/qemu-aarch64-static', undefined, 'make'],
  ['qemu-system-x86', '/usr/bin/qemu-system-x86_64', undefined, 'qemu-system-x86_64'],
];

for (const [comm, exe, args, program] of CASES) {
  test(`${comm} of ${exe ?? 'nothing that can be seen'}${args === undefined ? '' : ` by ${args}`} is ${program}`, async () => {
    assert.equal(await programOf({ comm, exe, args: async () => args?.split(' ') }), program);
  });
}

test('arguments are not asked for where the name is known without', async () => {
  const never = async (): Promise<never> => assert.fail('was asked');
  assert.equal(await programOf({ comm: 'make', exe: '/bin/make', args: never }), 'make');
  assert.equal(await programOf({ comm: 'emerge', exe: '/bin/python3', args: never }), 'emerge');
});

const SCRIPTS: [what: string, text: string, skip?: string | false][] = [
  ['sh', '#!/bin/sh\nread -r line\n'],
  ['a python that env finds', '#!/usr/bin/env python3\nimport sys\nsys.stdin.read()\n', missing('python3')],
  ['a node that env finds', '#!/usr/bin/env node\nprocess.stdin.resume();\n'],
];

for (const [what, text, skip = false] of SCRIPTS) {
  test(`a script for ${what} goes by its own name`, { skip }, async (t) => {
    const place = new Place(t);
    const file = join(place.folder, 'a-builder-of-our-own');
    writeFileSync(file, text);
    chmodSync(file, 0o755);
    const env = { PATH: `${join(process.execPath, '..')}:${process.env.PATH}` };
    const { pid } = place.spawn(file, [], { stdio: ['pipe', 'ignore', 'inherit'], env });
    await until('env has become it', async () => (await lineageOf(pid))?.program === 'a-builder-of-our-own');
  });
}

test('a program under another name goes by that, and one that becomes another goes by the other', async (t) => {
  const place = new Place(t);
  const file = join(place.folder, 'gmake');
  copyFileSync('/bin/sleep', file);
  const { pid, child } = place.spawn('sh', ['-c', `read -r line; exec '${file}' 600`], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const before = await until('it has a lineage', () => lineageOf(pid));
  assert.equal(before.program, 'sh');
  child.stdin?.end('go\n');
  const after = await until('it has become the other', async () => {
    const now = await lineageOf(pid);
    return now?.program === 'gmake' && now;
  });
  assert.equal(after.start, before.start);
});
