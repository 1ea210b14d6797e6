// What stands in integrations/ for Prometheus and Grafana, with a real Prometheus that scrapes a real pool through `stint web`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Place, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const INTEGRATIONS = join(import.meta.dirname, '../../integrations');
const read = (path: string) => readFileSync(join(INTEGRATIONS, path), 'utf8');
const skip = spawnSync('promtool', ['--version']).status !== 0 && 'needs prometheus';
const PATIENCE = 120_000;

interface Panel {
  id: number;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { expr: string }[];
}
const dashboard = JSON.parse(read('grafana/stint.json')) as { uid: string; panels: Panel[] };
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const alerts = [...read('prometheus/alerts.yml').matchAll(/expr: (?:>-\n)?([\s\S]*?)\n {8}(?:for|labels):/g)].map(
  ([, expr]) => (expr as string).replace(/\s+/g, ' ').trim(),
);

test('rules and scrape job are what promtool takes for right', { skip }, () => {
  for (const args of [
    ['rules', 'alerts.yml'],
    ['config', 'scrape.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', ...args], {
      cwd: join(INTEGRATIONS, 'prometheus'),
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  }
  assert.equal(alerts.length, [...read('prometheus/alerts.yml').matchAll(/alert:/g)].length);
});

test('a pool that is well raises no alert, and each alert is raised by what it is about', { skip }, () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(import.meta.dirname, 'alerts.yml')], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
});

test('no panel of the dashboard lies on another', () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const cells = new Set<string>();
  for (const { x, y, w, h } of dashboard.panels.map(({ gridPos }) => gridPos)) {
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        assert.ok(column < 24 && !cells.has(`${column} ${row}`), `${column} ${row}`);
        cells.add(`${column} ${row}`);
      }
    }
  }
});

test('a real Prometheus scrapes the pool, and every query of dashboard and alerts is about what it finds', {
  skip,
}, async (t) => {
  const pool = await startPool(t, 3);
  const web = pool.start(['web', '--metrics-only'], { deadline: 600_000 });
  const url = await until('it prints its address', () => /^http:\S+\n/.exec(web.output.stdout)?.[0].trim(), PATIENCE);
  const holder = pool.spawnRun(['sleep', '600'], { deadline: 600_000 });
  await pool.untilStatus(({ free }) => free === 2, PATIENCE);

  const text = await (await fetch(url)).text();
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.deepEqual([lint.status, lint.stdout + lint.stderr], [0, '']);
  const names = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
  for (const query of [...queries, ...alerts]) {
    for (const [name] of query.matchAll(/\b(?:stint|process)_\w+/g))
      assert.ok(names.has(name.replace(/_bucket$/, '')), `${name} in ${query}`);
  }

  const ask = await startPrometheus(pool, new URL(url).host);
  const value = (query: string) => async () => (await ask(query))[0]?.value[1];
  assert.equal(await until('the pool was scraped', value('stint_capacity_slots'), PATIENCE), '3');
  assert.equal(await until('the slots in use', value('sum(stint_slots{state=~"held|implicit"})'), PATIENCE), '1');
  assert.equal(await until('that it is up', value('up{job="stint"}'), PATIENCE), '1');
  for (const query of queries) {
    await ask(query.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'));
  }
  for (const alert of alerts) await ask(alert);

  holder.kill('SIGTERM');
  await holder.ended;
  web.kill('SIGTERM');
  assert.equal((await web.ended).code, 0);
  await pool.stop();
});

/** Scrapes `target`, as scrape.yml says but every second; what it returns asks it. */
async function startPrometheus(place: Place, target: string): Promise<(query: string) => Promise<Sample[]>> {
  const port = await freePort();
  const config = read('prometheus/scrape.yml').replace('127.0.0.1:9321', target).replace('15s', '1s');
  assert.match(config, /scrape_interval: 1s/);
  const file = join(place.folder, 'prometheus.yml');
  writeFileSync(file, `${config}\nrule_files: [${join(INTEGRATIONS, 'prometheus/alerts.yml')}]\n`);
  const started = place.spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(place.folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { deadline: 600_000 },
  );
  started.ended.catch(() => {}); // it is killed with the place
  const base = `http://127.0.0.1:${port}`;
  await until('prometheus is ready', async () => (await fetch(`${base}/-/ready`)).ok, PATIENCE);
  return async (query) => {
    const answer = await fetch(`${base}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query }) });
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data: { result: Sample[] };
    };
    assert.equal(status, 'success', `${query}: ${error}`);
    return data.result;
  };
}

interface Sample {
  /** A time, and the value as text. */
  value: [number, string];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
