// What `stint doctor` may say is written down: an entry for each kind of finding, each field of its JSON.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SEVERITIES } from '../../src/cli/doctor/finding.ts';
import { isReport, reportSchema } from '../helpers/doctor.ts';

const read = (page: string) => readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');
const jsonPage = () => read('json-output.md').split('\n# The JSON of `stint doctor')[1] as string;

test('docs/troubleshooting.md has an entry for each finding, and no other, with how bad it is', () => {
  const entries = [...read('troubleshooting.md').matchAll(/^### (\S+)\n\n(Error|Warning)\. /gm)];
  assert.deepEqual(Object.fromEntries(entries.map(([, id, severity]) => [id, severity?.toLowerCase()])), SEVERITIES);
  assert.equal(entries.length, [...read('troubleshooting.md').matchAll(/^### /gm)].length);
});

test('each planted mistake stands in a test: no kind of finding is without one', () => {
  const tests = ['doctor.test.ts', '../machine/doctor.test.ts', '../machine/portage.test.ts'].map((path) =>
    readFileSync(join(import.meta.dirname, path), 'utf8'),
  );
  for (const id of Object.keys(SEVERITIES))
    assert.ok(
      tests.some((text) => text.includes(`'${id}'`)),
      id,
    );
});

test('docs/json-output.md explains every field of the report, and no other', () => {
  const { properties, $defs } = reportSchema;
  const fields = Object.keys(properties).flatMap((name) => {
    const of = properties[name].items?.$ref.replace('#/$defs/', '');
    return of === undefined
      ? [name]
      : [`${name}[]`, ...Object.keys($defs[of].properties).map((at) => `${name}[].${at}`)];
  });
  const explained = [...jsonPage().matchAll(/^\| `([^`]+)` \|/gm)].map(([, field]) => field as string);
  assert.deepEqual(explained.sort(), fields.sort());
});

test('the example in the documentation fits the schema', () => {
  const [, example] = /```json\n([\s\S]*?)```/.exec(jsonPage()) ?? [];
  assert.ok(isReport(JSON.parse(example as string)), JSON.stringify(isReport.errors));
});
