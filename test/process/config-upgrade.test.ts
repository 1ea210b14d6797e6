// What an older version took as its configuration or kept of it, a newer one takes, too, and it means the same.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StoredSettings } from '../../src/daemon/stored.ts';
import { checkConfig, readConfig } from '../../src/process/config.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const file = join(import.meta.dirname, '../fixtures/config-1.toml');

test('a configuration of version 0.1.0 means what it meant', () => {
  assert.deepEqual(checkConfig(file), []);
  assert.partialDeepStrictEqual(readConfig(file), {
    settings: {
      jobs: 12,
      'share.first_slot': 'overcommit',
      'share.first_slot_max': 2,
      'share.newcomer_overcommit': 0.5,
      'share.client_max': 8,
      'share.build_max': 10,
      'share.user_max': 11,
      'share.class': 'normal',
      'limits.min_slots': 2,
      'limits.max_load': 24,
      'limits.max_cpu_pressure': 60,
      'limits.max_io_pressure': 50,
      'limits.max_memory_pressure': 10,
      'limits.min_memory': '2GiB',
      'limits.memory_per_job': '512MiB',
      'limits.memory_look_ahead': false,
      'limits.cgroup': false,
      'limits.ramp': 3,
    },
    rules: [
      {
        name: 'rule 1 (user 0, group 0, label emerge *, cgroup /system.slice/*)',
        user: 0,
        group: 0,
        label: 'emerge *',
        cgroup: '/system.slice/*',
        weight: 0.5,
        class: 'background',
        max: 6,
        buildMax: 4,
      },
    ],
    state: '/var/lib/stint',
    mount: '/run/stint',
    mode: 0o660,
    group: 0,
    apiGroup: 0,
    onTerm: 'wait',
    stopTimeout: 120,
    clients: [{ program: 'our-builder-*', node: 'pipe', implicit: true }],
  });
});

test('what `stint set` of version 0.1.0 has kept counts still', (t) => {
  const folder = temporaryFolder(t);
  const kept =
    '{\n  "settings": {\n    "jobs": 6,\n    "limits.min_memory": "1GiB",\n    "share.class": "background"\n  }\n}\n';
  writeFileSync(join(folder, 'settings.json'), kept);
  const stored = new StoredSettings(folder, (line) => assert.fail(line));
  assert.deepEqual(stored.read(), { jobs: 6, 'limits.min_memory': '1GiB', 'share.class': 'background' });
});
