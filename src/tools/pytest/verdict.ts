// Pure, but for a project's own settings: what a run's status should be, and what its user should hear beside pytest's own words.
import { readFileSync } from 'node:fs';
import { EXIT } from '../../errors.ts';
import { few } from './few.ts';
import { pluginOfFixture, pluginsOfOptions } from './hints.ts';
import type { Results } from './results.ts';

/** pytest's own statuses. */
const COLLECTION = 2;
const USAGE = 4;
const NOTHING = 5;

interface Verdict {
  status: number;
  notes: string[];
}

export function verdict(results: Results, code: number, { allowUnawaited }: { allowUnawaited: boolean }): Verdict {
  const { unawaited, missing, broken, counts } = results;
  const notes: string[] = [];
  if (unawaited.length > 0) {
    notes.push(`${unawaited.length} tests are coroutines, which nothing ran: ${few(unawaited)}`);
    notes.push('hint: put the plugin that runs them into the list, as pytest-asyncio or anyio, and see to its mode');
  }
  for (const fixture of missing) {
    const plugin = pluginOfFixture(fixture);
    if (plugin !== undefined) notes.push(`hint: the fixture '${fixture}' comes with ${plugin}: --plugins ${plugin}`);
  }
  if (code === USAGE) {
    for (const plugin of pluginsOfOptions(projectOptions()))
      notes.push(`hint: the project's own addopts have an option of ${plugin}: --plugins ${plugin}`);
  }
  if (code === COLLECTION && broken.length > 0) notes.push(`cannot be collected: ${few(broken.map(({ id }) => id))}`);
  if (code === NOTHING) notes.push('no test was found, or all were left out');
  if (counts.flaky > 0) notes.push(`${counts.flaky} tests passed only after a rerun`);
  const failed = unawaited.length > 0 && !allowUnawaited && code === EXIT.OK;
  return { status: failed ? EXIT.FAILED : code, notes };
}

/** What a project adds to each command line, wherever it keeps that. */
function projectOptions(): string {
  let found = '';
  for (const name of ['pytest.ini', '.pytest.ini', 'pytest.toml', 'pyproject.toml', 'tox.ini', 'setup.cfg']) {
    try {
      found += ` ${/^\s*addopts\s*=((?:[^\n]|\n[ \t]+|\n(?=["']))*)/m.exec(readFileSync(name, 'utf8'))?.[1] ?? ''}`;
    } catch {
      // Not there.
    }
  }
  return found;
}
