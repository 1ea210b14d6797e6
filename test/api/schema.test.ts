// The JSON contract: what real daemons say fits docs/status.schema.json, and docs/json-output.md names every field of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Status } from '../../src/api/schema.ts';
import { type Place, startPool } from '../helpers/pool.ts';

const docs = join(import.meta.dirname, '../../docs');
const schema = JSON.parse(readFileSync(join(docs, 'status.schema.json'), 'utf8'));
// Strict: a field that the schema does not know would be one that the page does not explain.
const strict = structuredClone(schema, {});
for (const part of [
  strict,
  strict.properties.daemon,
  strict.$defs.build,
  strict.$defs.client,
  strict.$defs.with,
  strict.$defs.cap,
  strict.$defs.build.properties.lease,
])
  part.additionalProperties = false;
const validate = new Ajv2020({ allErrors: true }).compile<Status>(strict);

async function checked(place: Place): Promise<Status> {
  const { stdout, code } = await place.stint(['status', '--json']);
  assert.equal(code, 0);
  const status = JSON.parse(stdout);
  assert.ok(validate(status), JSON.stringify(validate.errors));
  return status;
}

test('an idle pool, a running, a starting and a left build fit the schema', async (t) => {
  const pool = await startPool(t, 1);
  assert.deepEqual((await checked(pool)).builds, []);

  const running = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const starting = pool.spawnRun(['--', 'true']);
  await pool.untilStatus(({ builds }) => builds.length === 2);
  const { builds, free } = await checked(pool);
  assert.deepEqual(
    builds.map(({ state }) => state),
    ['running', 'starting'],
  );
  assert.equal(free, 0);
  running.kill('SIGTERM');
  assert.equal((await starting.ended).code, 0);

  const left = pool.spawnRun(['--style', 'fds', '--', 'sh', '-c', 'sleep 1000 & exit 0']);
  await pool.untilStatus((status) => status.builds[0]?.state === 'left');
  assert.equal((await checked(pool)).free, 1);
  left.killAll('SIGKILL');
  await pool.stop();
});

interface Part {
  properties?: Record<string, Part>;
  items?: { $ref: string };
}

/** The names of all fields of an object, those of inner objects too: `daemon.pid`, `builds[]`, `builds[].id`. */
function fieldsOf({ properties = {} }: Part, prefix = ''): string[] {
  return Object.entries(properties).flatMap(([name, part]) => {
    const path = `${prefix}${name}`;
    if (part.properties !== undefined) return fieldsOf(part, `${path}.`);
    if (part.items === undefined) return [path];
    return [`${path}[]`, ...fieldsOf(schema.$defs[part.items.$ref.replace('#/$defs/', '')], `${path}[].`)];
  });
}

/** What the page says of `stint status`; `stint doctor` comes after it. */
const statusPage = (): string =>
  readFileSync(join(docs, 'json-output.md'), 'utf8').split('\n# The JSON of `stint doctor', 1)[0] as string;

test('docs/json-output.md explains every field of the schema, and no other', () => {
  const fields = fieldsOf(schema);
  const page = statusPage();
  const explained = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, field]) => field as string);
  assert.deepEqual(explained.sort(), fields.sort());
});

test('the examples in the documentation fit the schema', () => {
  const page = statusPage();
  const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text as string));
  assert.equal(examples.length, 2, 'one of user mode, one of system mode');
  const api = readFileSync(join(docs, 'api.md'), 'utf8');
  const status = JSON.parse(/## GET \/status[\s\S]*?```json\n([\s\S]*?)```/.exec(api)?.[1] as string);
  const { builds } = JSON.parse(/## GET \/builds\n[\s\S]*?```json\n([\s\S]*?)```/.exec(api)?.[1] as string);
  for (const example of [...examples, status, { ...status, builds }])
    assert.ok(validate(example), JSON.stringify(validate.errors));
});
