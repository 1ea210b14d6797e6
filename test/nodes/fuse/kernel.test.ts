// The tests' own idea of the kernel's messages, and the numbers in wire.ts, held against the header of the kernel.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as wire from '../../../src/nodes/fuse/wire.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { tool } from '../../helpers/toolchain.ts';
import { fieldsOf, REQUESTS, STRUCTS, type Struct, sizeOf } from './kernel.ts';

const HEADER = '/usr/include/linux/fuse.h';

const minor = (() => {
  try {
    return Number(/define FUSE_KERNEL_MINOR_VERSION (\d+)/.exec(readFileSync(HEADER, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
})();
const gcc = tool('gcc');

function reason(): string | false {
  if (minor === undefined) return `no ${HEADER}: install linux-libc-dev`;
  if (minor < 31) return `${HEADER} is of protocol 7.${minor}`;
  return gcc.path === undefined && gcc.reason;
}
const skip = reason();

/** The values of C expressions, as the compiler finds them. */
function valuesOf(t: TestContext, expressions: string[]): Map<string, number> {
  const folder = temporaryFolder(t);
  const lines = expressions.map((text) => `  printf("%lld\\n", (long long)(${text}));\n`).join('');
  writeFileSync(
    join(folder, 'values.c'),
    `#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <linux/fuse.h>\nint main(void) {\n${lines}}\n`,
  );
  const compiled = spawnSync(gcc.path as string, ['-o', join(folder, 'values'), join(folder, 'values.c')], {
    encoding: 'utf8',
  });
  assert.equal(compiled.status, 0, compiled.stderr);
  const { stdout } = spawnSync(join(folder, 'values'), { encoding: 'utf8' });
  const values = stdout.trim().split('\n').map(Number);
  assert.equal(values.length, expressions.length);
  return new Map(expressions.map((text, i) => [text, values[i] as number]));
}

test("every struct of the tests' kernel lies in memory as the header says", { skip }, (t) => {
  const expected = new Map<string, number>();
  for (const struct of Object.keys(STRUCTS) as Struct[]) {
    // fuse_init_in grew with 7.36.
    if (struct !== 'fuse_init_in' || (minor as number) >= 36) expected.set(`sizeof(struct ${struct})`, sizeOf(struct));
    for (const { name, at, size } of fieldsOf(struct)) {
      if (/(^|\.)_/.test(name)) continue;
      expected.set(`offsetof(struct ${struct}, ${name})`, at);
      expected.set(`sizeof(((struct ${struct} *)0)->${name})`, size);
    }
  }
  assert.deepEqual(valuesOf(t, [...expected.keys()]), expected);
});

test('the numbers of requests and flags are those of the header', { skip }, (t) => {
  const expected = new Map<string, number>();
  for (const [name, { code }] of Object.entries(REQUESTS)) expected.set(`FUSE_${name}`, code);
  for (const [name, code] of Object.entries(wire.OP)) expected.set(`FUSE_${name}`, code);
  const newer: Record<string, number> = { FOPEN_NOFLUSH: 35, FOPEN_PARALLEL_DIRECT_WRITES: 38, FUSE_NOTIFY_RESEND: 40 };
  for (const [name, value] of Object.entries(wire)) {
    const known = /^FUSE_(?!OLDEST|NEWEST)|^FOPEN_/.test(name) && (newer[name] ?? 0) <= (minor as number);
    if (known && typeof value === 'number') expected.set(name, value);
  }
  expected.set('CUSE_INIT', wire.CUSE_INIT);
  expected.set('sizeof(struct fuse_in_header)', wire.IN_HEADER);
  expected.set('sizeof(struct fuse_out_header)', wire.OUT_HEADER);
  expected.set('FATTR_MODE | FATTR_UID | FATTR_GID', 0b111);
  assert.deepEqual(valuesOf(t, [...expected.keys()]), expected);
});
