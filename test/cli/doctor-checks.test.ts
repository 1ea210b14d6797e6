// The checks of `stint doctor` are pure: whatever the facts are, they say the same of them each time, in whole sentences.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ENVIRONMENT_CHECKS } from '../../src/cli/doctor/environment-checks.ts';
import type { Facts, Place, Pool } from '../../src/cli/doctor/facts.ts';
import { HOST_CHECKS } from '../../src/cli/doctor/host-checks.ts';
import { JOBSERVER_CHECKS } from '../../src/cli/doctor/jobserver-checks.ts';
import { POOL_CHECKS } from '../../src/cli/doctor/pool-checks.ts';
import { PORTAGE_CHECKS } from '../../src/cli/doctor/portage-checks.ts';
import { PROCESS_CHECKS } from '../../src/cli/doctor/process-checks.ts';
import { reportOf, text } from '../../src/cli/doctor/report.ts';
import { isReport } from '../helpers/doctor.ts';

const CHECKS = [
  ...POOL_CHECKS,
  ...JOBSERVER_CHECKS,
  ...ENVIRONMENT_CHECKS,
  ...PORTAGE_CHECKS,
  ...PROCESS_CHECKS,
  ...HOST_CHECKS,
];
const VARIABLES = [
  'MAKEFLAGS',
  'CARGO_MAKEFLAGS',
  'GNUMAKEFLAGS',
  'MAKEOPTS',
  'NINJAOPTS',
  'CARGO_BUILD_JOBS',
  'PATH',
  'FEATURES',
];
const PATHS = ['/run/stint/jobserver', '/tmp/stint-7/fifo-9-1', '/tmp/stint-7/fifo-x', '/dev/steve'];

const word = fc.constantFrom(
  ...[
    '-j',
    '-j8',
    'kj',
    '8',
    '--',
    ' ',
    '--jobs=',
    'A=-j',
    '--jobserver-auth=3,4',
    '--jobserver-auth=-2,-2',
    '\x1b[31m',
  ],
  ...PATHS.map((path) => `--jobserver-auth=fifo:${path}`),
);
const variables = fc.dictionary(
  fc.constantFrom(...VARIABLES),
  fc.oneof(
    fc.array(word, { maxLength: 5 }).map((words) => words.join(' ')),
    fc.string({ unit: 'binary' }),
  ),
);
const place: fc.Arbitrary<Place> = fc.record(
  {
    kind: fc.constantFrom('missing', 'denied', 'dead', 'hangs', 'unknown', 'fifo', 'file', 'device', 'other'),
    mode: fc.constantFrom(0o10660, 0o10666),
    gid: fc.nat(3),
    open: fc.boolean(),
  },
  { requiredKeys: ['kind'] },
);
const pid = fc.integer({ min: 1, max: 12 });
const state = fc.constantFrom('none', 'dead', 'stale', 'hangs', 'unfit', 'serves');

const pool = (system: boolean): fc.Arbitrary<Pool> =>
  fc.tuple(state, pid, pid, place, fc.nat(1000)).map(([now, daemon, rootPid, node, openFiles]): Pool => {
    const dir = system ? '/run/stint' : '/tmp/stint-7';
    const at = { system, dir, socket: `${dir}/api.sock`, fifo: system ? `${dir}/jobserver` : `${dir}/fifo-` };
    if (now !== 'serves') return { place: at, state: now };
    const builds = [{ id: 1, label: 'make', kind: 'run', rootPid, stranded: rootPid % 2 }];
    const status = { daemon: { pid: daemon, version: '0.1.0' }, capacity: 4, builds };
    return { place: at, state: now, status: status as never, openFiles, ...(system && { node }) };
  });

const process = fc.record({
  pid,
  ppid: pid, // some are their own grandparents
  comm: fc.constantFrom('make', 'cc1', 'sh', 'ninja', 'node'),
  uid: fc.constantFrom(0, 7),
  args: fc.array(word, { maxLength: 4 }),
});

const facts: fc.Arbitrary<Facts> = fc
  .record({
    machine: pool(true),
    own: pool(false),
    sources: fc.array(variables, { maxLength: 2 }),
    paths: fc.tuple(place, place, place, place),
    processes: fc.uniqueArray(process, { selector: (one) => one.pid, maxLength: 12 }),
    servers: fc.array(fc.record({ pid, inner: pid, dir: fc.constantFrom('/run/stint', '/elsewhere') }), {
      maxLength: 2,
    }),
    about: fc.option(pid, { nil: undefined }),
    flags: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
    fuseTimeout: fc.nat(1),
    portage: fc.option(
      fc.record({
        settings: variables.map((one) => ({ name: '/etc/portage/make.conf', variables: new Map(Object.entries(one)) })),
        user: fc.record({ name: fc.constant('portage'), groups: fc.array(fc.nat(3)) }),
        sandbox: fc.array(fc.constantFrom('/run/stint', '/dev/null')),
      }),
      { nil: undefined },
    ),
  })
  .map(({ machine, own, portage, sources, paths, processes, servers, about, flags, fuseTimeout }) => ({
    version: '0.1.1',
    machine,
    own,
    elsewhere: [],
    ...(portage !== undefined && { portage }),
    target: {
      ...(about !== undefined && { pid: about }),
      uid: 7,
      gid: 7,
      groups: [1],
      joinsLater: flags[0],
      sandboxed: flags[1],
      sources: sources.map((one) => ({
        name: 'this environment',
        variables: new Map(Object.entries(one)),
        descriptors: new Map(),
      })),
      paths: new Map(PATHS.map((path, at) => [path, paths[at] as Place])),
    },
    tools: [{ name: 'make', path: '/usr/bin/make', version: [4, 3], takes: 'descriptors' }],
    processes,
    servers,
    kernel: { pressure: flags[2], pidfd: flags[3], fuseTimeout },
  }));

test('whatever the facts are, the findings are whole, and the same each time', () => {
  fc.assert(
    fc.property(facts, (one) => {
      const findings = CHECKS.flatMap((check) => check(one));
      assert.deepEqual(
        CHECKS.flatMap((check) => check(one)),
        findings,
      );
      const report = reportOf(one, findings);
      assert.ok(isReport(report), JSON.stringify(isReport.errors));
      for (const { on, what, hint } of findings) assert.doesNotMatch(`${on}${what}${hint}`, /undefined|NaN|\[object/);
      assert.doesNotMatch(text(report), /(?!\n)\p{Cc}/u, 'nothing in it commands a terminal');
      const severities = report.findings.map(({ severity }) => severity);
      assert.deepEqual(severities, severities.toSorted(), 'errors come first');
    }),
  );
});
