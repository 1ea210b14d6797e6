// What bin/stint wrote down of the process, and the way back. That bin/stint writes it right is in test/launcher.test.ts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseLaunch } from '../../src/process/launch.ts';

describe('STINT_LAUNCH', () => {
  it('tells limit, ignored signals and descriptors', () => {
    const text = 'nofile=1024 sigblk=0000000000000200 sigign=0000000000001001 fds=3,7 closed=0';
    assert.deepEqual(parseLaunch(text), {
      openFiles: 1024n,
      ignored: new Set([1, 13]),
      blocked: new Set([10]),
      fds: [3, 7],
      closed: [0],
    });
  });

  it('may have empty lists', () => {
    const { fds, closed } = parseLaunch('nofile=1024 sigign=0000000000000000 fds= closed=');
    assert.deepEqual([fds, closed], [[], []]);
  });

  it('may say that the limit is none', () => {
    assert.equal(parseLaunch('nofile=unlimited').openFiles, undefined);
  });

  it('knows signal 64, the last bit', () => {
    assert.deepEqual(parseLaunch('sigign=8000000000000000').ignored, new Set([64]));
  });

  const plain = { openFiles: undefined, ignored: new Set(), blocked: new Set(), fds: [], closed: [] };
  for (const text of [
    undefined,
    '',
    ' ',
    'nofile= sigign= fds= closed=',
    'nofile=-1 sigign=zz fds=a,,b closed=x',
    'fds',
  ]) {
    it(`is as in a plain shell when it is ${JSON.stringify(text)}`, () => assert.deepEqual(parseLaunch(text), plain));
  }

  it('is read as it was written', () => {
    const signals = fc
      .uniqueArray(fc.integer({ min: 1, max: 64 }))
      .map((numbers) => new Set(numbers.sort((a, b) => a - b)));
    const mask = (numbers: Set<number>) =>
      [...numbers]
        .reduce((bits, n) => bits | (1n << BigInt(n - 1)), 0n)
        .toString(16)
        .padStart(16, '0');
    const numbers = fc.uniqueArray(fc.nat(4096));
    const property = fc.property(
      fc.nat(),
      signals,
      signals,
      numbers,
      numbers,
      (nofile, ignored, blocked, fds, closed) => {
        const text = `nofile=${nofile} sigblk=${mask(blocked)} sigign=${mask(ignored)} fds=${fds} closed=${closed}`;
        assert.deepEqual(parseLaunch(text), { openFiles: BigInt(nofile), ignored, blocked, fds, closed });
      },
    );
    fc.assert(property);
  });

  it('may be any garbage', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseLaunch(text)));
  });
});

describe('what the command gets', () => {
  const LAUNCH = new URL('../../src/process/launch.ts', import.meta.url).href;

  /** Evaluates `expression` in a child of sh, with `assignments` before it and `args` behind. Text is latin1. */
  function inChild(expression: string, { assignments = '', args = '' } = {}): unknown {
    const code = `import { userEnvironment, rawArguments } from '${LAUNCH}'; console.log(JSON.stringify(${expression}));`;
    const script = `${assignments} exec "$NODE" --input-type=module -e "$CODE" -- ${args}`;
    const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', script], {
      encoding: 'utf8',
      timeout: 20_000,
      env: { NODE: process.execPath, CODE: code, PATH: '/usr/bin:/bin' },
    });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  }

  it('has the environment without what the launcher put there, and with the names of the user restored', () => {
    const assignments = `export STINT_LAUNCH='fds=' NODE_COMPILE_CACHE=/ours STINT_USER_NODE_COMPILE_CACHE=/theirs STINT_USER_NODE_OPTIONS= A==b STINT_BUILD=7;`;
    const environment = inChild('userEnvironment()', { assignments }) as string[];
    assert.deepEqual(environment.filter((entry) => /^(?:STINT|NODE_|A=)/.test(entry)).sort(), [
      'A==b',
      'NODE_COMPILE_CACHE=/theirs',
      'NODE_OPTIONS=',
      'STINT_BUILD=7',
    ]);
  });

  it('has bytes that are no UTF-8 as they were', () => {
    const assignments = `BAD=$(printf '\\377\\300') && export BAD;`;
    const environment = inChild(`userEnvironment()`, { assignments }) as string[];
    assert.ok(environment.includes('BAD=\xff\xc0'));
  });

  it('has the last arguments, also empty ones and bytes that are no UTF-8', () => {
    const args = `run -- cmd '' "$(printf '\\377')" 'a b' "$(printf 'x\\ny')"`;
    assert.deepEqual(inChild('rawArguments(5)', { args }), ['cmd', '', '\xff', 'a b', 'x\ny']);
    assert.deepEqual(inChild('rawArguments(1)', { args: `a ''` }), ['']);
    assert.deepEqual(inChild('rawArguments(0)', { args }), []);
  });
});
