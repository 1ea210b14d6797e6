import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeFor } from '../../src/process/clients.ts';

const FILE = [
  ...['make', 'gmake', 'gnumake', 'make-4.4', 'gmake-4.4.1'],
  ...['cargo', 'cargo-nextest', 'cargo-1.80.0', 'rustc', 'rustc-bin-1.80.0', 'rustdoc', 'clippy-driver'],
  ...['build-script-build', 'build-script-main', 'build_script_build-0f1e2d3c', 'wild', 'mrustc', 'minicargo'],
  ...['gcc', 'g++', 'cc', 'c++', 'gcc-13', 'x86_64-linux-gnu-gcc-13', 'x86_64-pc-linux-gnu-g++-14.2.1'],
  ...[
    'arm-none-eabi-gcc',
    'aarch64-linux-gnu-gfortran',
    'i686-w64-mingw32-gcc',
    'armv7a-hardfloat-linux-gnueabihf-gcc',
  ],
  ...['cc1', 'cc1plus', 'lto1', 'lto-wrapper', 'ctest', 'cmake', 'cmake3'],
  ...['clang', 'clang++', 'clang-17', 'clang++-17', 'clang-linker-wrapper', 'clang-cl', 'x86_64-pc-linux-gnu-clang-19'],
  ...[
    'lld',
    'ld.lld',
    'ld64.lld',
    'lld-link',
    'wasm-ld',
    'ld.lld-17',
    'opt',
    'opt-17',
    'llc',
    'llvm-lto2',
    'flang-new',
  ],
  ...['spack', 'pytest', 'py.test', 'jobclient'],
];

test('clients that take any file get one that accounts for them', () => {
  for (const program of FILE) assert.deepEqual(nodeFor(program), { node: 'file', implicit: true }, program);
});

test('ninja gets one FIFO: what it returns it takes at once', () => {
  for (const program of ['ninja', 'ninja-build', 'ninja-1.13.2'])
    assert.deepEqual(nodeFor(program), { node: 'pipe', implicit: true, looks: true }, program);
});

test('whatever nobody knows gets a FIFO', () => {
  const unknown = [
    'python3',
    'node',
    'sh',
    'cat',
    '',
    '*',
    'makeinfo',
    'cmakelint',
    'mymake',
    'remake',
    'scons',
    'optipng',
  ];
  const more = [
    'rustup',
    'ld',
    'mold',
    'lldb',
    'gccgo-wrapper',
    'build-script',
    'ninja2',
    'make\n',
    ' make',
    'MAKE',
    '-13',
  ];
  for (const program of [...unknown, ...more, 'constructor', '__proto__'])
    assert.deepEqual(nodeFor(program), { node: 'pipe', implicit: true }, program);
});

test('wrappers that take a slot for their command, and a server of compilers, run no job of their own', () => {
  for (const program of ['gm-run', 'stevie', 'sccache']) assert.equal(nodeFor(program).implicit, false, program);
});

test('Portage runs a job without a token only if MAKEFLAGS came from its environment', () => {
  assert.deepEqual(nodeFor('emerge'), { node: 'file', implicit: 'makeflags' });
});

test('the first rule that fits goes before the table', () => {
  const rules = [
    { program: 'make-*', node: 'pipe', implicit: false },
    { program: 'make*', node: 'split' },
    { program: 'make', node: 'file' },
    { program: 'emerge', node: 'pipe' },
    { program: 'our-??-builder', node: 'file', implicit: false },
  ] as const;
  assert.deepEqual(nodeFor('make-4.4', rules), { node: 'pipe', implicit: false });
  assert.deepEqual(nodeFor('make', rules), { node: 'split', implicit: true });
  assert.deepEqual(nodeFor('our-01-builder', rules), { node: 'file', implicit: false });
  assert.deepEqual(nodeFor('cargo', rules), { node: 'file', implicit: true });
});

test('a rule that says nothing of a job without a token leaves that as it is known', () => {
  assert.deepEqual(nodeFor('emerge', [{ program: 'e*', node: 'pipe' }]), { node: 'pipe', implicit: 'makeflags' });
  assert.deepEqual(nodeFor('stevie', [{ program: '*', node: 'pipe' }]), { node: 'pipe', implicit: false });
});

const GLOBS: [glob: string, fits: string[], fitsNot: string[]][] = [
  ['*', ['', 'a', 'a*'], []],
  ['a', ['a'], ['', 'b', 'aa', 'A']],
  ['a*', ['a', 'ab', 'a*'], ['', 'ba']],
  ['*a', ['a', 'ba', 'aa', 'aba'], ['', 'ab']],
  ['?', ['a', '?', '*'], ['', 'aa']],
  ['a?c*', ['abc', 'a?cd'], ['ac', 'abd']],
  ['*a*b*', ['ab', 'xaxbx', 'aab'], ['ba', 'a', 'b']],
  ['*-gcc-*', ['x-gcc-13', '-gcc-gcc-', 'a-gcc-gcc-b'], ['gcc-13', 'x-gcc']],
  ['a.c', ['a.c'], ['abc']],
  ['[a]+($)', ['[a]+($)'], ['a']],
];

for (const [program, fits, fitsNot] of GLOBS) {
  test(`the glob ${program} stands for what it does in a shell`, () => {
    const node = (name: string): string => nodeFor(name, [{ program, node: 'split' }]).node;
    for (const name of fits) assert.equal(node(name), 'split', `for ${name}`);
    for (const name of fitsNot) assert.notEqual(node(name), 'split', `not for ${name}`);
  });
}

test('no name makes a glob slow', { timeout: 60_000 }, () => {
  const rules = [{ program: '*a'.repeat(100), node: 'file' as const }];
  assert.equal(nodeFor(`${'a'.repeat(4000)}b`, rules).node, 'pipe');
});
