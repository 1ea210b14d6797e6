// argv → command. The only place that prints an error and sets the exit code.
import { EXIT, StintError } from './errors.ts';
import { complain } from './stderr.ts';

/** A verb: takes the arguments after it and returns the exit code. */
type Verb = (args: readonly string[]) => number | Promise<number>;

/** Not for people: what `stint serve` and `stint test` start. */
const HIDDEN = new Set(['engine', 'plain', 'pytest-start']);

const VERBS: Record<string, () => Promise<Verb>> = {
  config: async () => (await import('./cli/config.ts')).config,
  conformance: async () => (await import('./cli/conformance.ts')).conformance,
  deselect: async () => (await import('./tools/pytest/deselect.ts')).deselect,
  doctor: async () => (await import('./cli/doctor.ts')).doctor,
  engine: async () => (await import('./cli/engine.ts')).engine,
  env: async () => (await import('./cli/env.ts')).env,
  explain: async () => (await import('./cli/explain.ts')).explain,
  get: async () => (await import('./cli/get.ts')).get,
  history: async () => (await import('./cli/history.ts')).history,
  lease: async () => (await import('./cli/lease.ts')).lease,
  plain: async () => (await import('./cli/plain.ts')).plain,
  run: async () => (await import('./cli/run.ts')).run,
  serve: async () => (await import('./cli/serve.ts')).serve,
  set: async () => (await import('./cli/set.ts')).set,
  status: async () => (await import('./cli/status.ts')).status,
  'pytest-start': async () => (await import('./tools/pytest/start.ts')).start,
  test: async () => (await import('./tools/pytest/test.ts')).test,
  top: async () => (await import('./cli/top.ts')).top,
  trace: async () => (await import('./cli/trace.ts')).trace,
  upgrade: async () => (await import('./cli/upgrade.ts')).upgrade,
  watch: async () => (await import('./cli/watch.ts')).watch,
  web: async () => (await import('./cli/web.ts')).web,
  with: async () => (await import('./cli/with.ts')).withSettings,
};

async function main(args: readonly string[]): Promise<number> {
  const word = args[0];
  const verb = word !== undefined && Object.hasOwn(VERBS, word) ? VERBS[word] : undefined;
  if (verb !== undefined) return (await verb())(args.slice(1));
  return (await import('./cli/help.ts')).help(
    args,
    Object.keys(VERBS).filter((name) => !HIDDEN.has(name)),
  );
}

function report(error: unknown): number {
  const known = error instanceof StintError;
  const text = known ? error.message : `internal error: ${(error as Error)?.stack ?? error}`;
  const hint = known && error.hint !== undefined ? `hint: ${error.hint}\n` : '';
  complain(`stint: ${text}\n${hint}`, 'error');
  return known ? error.exit : /^(?:run|with)$/.test(process.argv[2] ?? '') ? EXIT.RUN_INTERNAL : EXIT.FAILED;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
