// `stint deselect`: from reports of failed runs to a list of tests to leave out, with which the others pass, and no other one is lost.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, showHelp } from '../../cli/args.ts';
import { note, print } from '../../cli/print.ts';
import { DESELECT } from '../../cli/verbs/deselect.ts';
import { EXIT, reason, StintError } from '../../errors.ts';
import { collect, failsAlone } from './collect.ts';
import { few } from './few.ts';
import { type Findings, findIn } from './findings.ts';
import { type Selection, select } from './ids.ts';
import { readReport } from './junit.ts';
import { type Existing, entriesOf, FORMATS, type Format, formatLists, parseLists } from './lists.ts';
import { pythonOf, settingsFrom } from './options.ts';
import type { Settings } from './settings.ts';
import { askTarget } from './target.ts';

export async function deselect(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, DESELECT.options, 'deselect');
  if (options.has('help')) return showHelp(DESELECT);
  const end = operands.indexOf('--');
  const paths = end === -1 ? operands : operands.slice(0, end);
  const rest = end === -1 ? [] : operands.slice(end + 1);
  const format = (options.get('format') ?? 'bash') as Format;
  const usage = (what: string, hint: string) => new StintError(`deselect: ${what}`, { exit: EXIT.USAGE, hint });
  if (!FORMATS.includes(format))
    throw usage(`--format must be ${FORMATS.join(', ')}, not '${format}'`, 'see: stint deselect --help');
  if (paths.length === 0) throw usage('no report given', 'for example: stint deselect pytest-python3.11-1.xml');
  const merge = options.get('merge');
  if (options.has('write') && merge === undefined)
    throw usage('--write has no meaning without --merge', 'name the file: --merge FILE');
  const existing = merge === undefined ? undefined : parseLists(textOf(merge));

  const reports = paths.map(readReport);
  const asked = options.has('no-collect') ? undefined : askedOf(options, rest);
  const all = asked === undefined ? undefined : collect(asked);
  const findings = findIn(reports, all);
  for (const [path, count] of findings.unknown)
    note(`${path}: ${count} results are of tests that are not there; give the arguments of the run after --`);
  refuse(findings, options.has('force'));
  const failed = new Set(findings.failed);
  if (options.has('flaky')) for (const id of findings.flaky) failed.add(id);
  else tell('failed only in some runs, and are not listed', findings.flaky);
  crashes(findings, failed, asked, options.has('no-rerun'));

  const ignore = [...findings.broken].map(pathOf).sort();
  const collapse = {
    files: !options.has('no-files'),
    classes: !options.has('no-classes'),
    parameters: !options.has('no-parameters'),
  };
  const kept = existing === undefined ? undefined : prune(existing, all, options.has('prune'));
  const there =
    kept === undefined
      ? { deselect: [], ignore: [] }
      : { deselect: entriesOf(kept.deselect), ignore: entriesOf(kept.ignore) };
  const missing = new Set([...failed].filter((id) => !there.deselect.some((entry) => id.startsWith(entry))));
  const selection = select(
    missing,
    (all ?? []).filter((id) => !failed.has(id) || missing.has(id)),
    collapse,
  );
  const lists = { deselect: selection.selectors, ignore: ignore.filter((path) => !there.ignore.includes(path)) };
  const text = formatLists(lists, format, kept);
  if (merge !== undefined && options.has('write')) write(merge, text);
  else print(text);
  return judge(selection, {
    asked,
    all,
    failed,
    lists: { deselect: [...there.deselect, ...lists.deselect], ignore },
    own: there.deselect,
  });
}

function askedOf(options: ReadonlyMap<string, string>, rest: readonly string[]) {
  const settings: Settings = { ...settingsFrom(options), deselect: [], ignore: [] };
  return { settings, target: askTarget(pythonOf(options), 'deselect'), rest };
}

/** @throws StintError where a list would say nothing */
function refuse({ failed, broken, sound, interrupted }: Findings, force: boolean): void {
  if (force) return;
  const hint = 'for a list all the same: --force';
  if (interrupted.length > 0) {
    throw new StintError(`deselect: no test has run: pytest could not import ${few([...broken].map(pathOf))}`, {
      hint: `run again with --ignore for them, or --continue-on-collection-errors; ${hint}`,
    });
  }
  if (sound === 0 && failed.size > 0) {
    throw new StintError(`deselect: all ${failed.size} tests failed: that is hardly their fault`, { hint });
  }
}

/** Those that a worker's end is blamed on are tried alone. */
function crashes(
  { crashed }: Findings,
  failed: Set<string>,
  asked: ReturnType<typeof askedOf> | undefined,
  off: boolean,
): void {
  if (crashed.size === 0) return;
  if (off || asked === undefined) {
    tell('were running when a worker crashed, and are not listed', crashed);
    return;
  }
  const guilty = [...crashed].filter((id) => failsAlone(asked, id));
  for (const id of guilty) failed.add(id);
  tell(
    'were running when a worker crashed, pass alone, and are not listed',
    new Set([...crashed].filter((id) => !guilty.includes(id))),
  );
}

/** The file, or the folder, of a dotted name: a part may itself have dots in it. */
function pathOf(dotted: string): string {
  const plain = `${dotted.replaceAll('.', '/')}.py`;
  if (existsSync(plain)) return plain;
  const wanted = dotted.replaceAll(/[./]/g, '.');
  const found = globSync('**/*.py', { exclude: (name) => name === 'node_modules' || name === '.git' });
  return found.find((path) => path.replace(/\.py$/, '').replaceAll('/', '.') === wanted) ?? plain;
}

/** What exists, without what matches nothing, if that is wished for; it is told in any case. */
function prune(existing: Existing, all: readonly string[] | undefined, off: boolean): Existing {
  const stale = (entry: string) => all !== undefined && !all.some((id) => id.startsWith(entry));
  const old = entriesOf(existing.deselect).filter(stale);
  const gone = entriesOf(existing.ignore).filter((path) => !existsSync(path));
  tell(`match no test any more${off ? ', and are left out' : ''}`, new Set([...old, ...gone]));
  if (!off) return existing;
  const keep = (lines: Existing['deselect'], out: readonly string[]) =>
    lines.filter(({ entries }) => entries.length === 0 || !entries.every((entry) => out.includes(entry)));
  return { deselect: keep(existing.deselect, old), ignore: keep(existing.ignore, gone) };
}

interface Trial {
  asked: ReturnType<typeof askedOf> | undefined;
  all: readonly string[] | undefined;
  failed: ReadonlySet<string>;
  /** All that is in the list. */
  lists: { deselect: readonly string[]; ignore: readonly string[] };
  /** What was in it before, which may take away what it likes. */
  own: readonly string[];
}

/** Tries the list: what it takes away must be what failed. Says what else it takes, and what it leaves. */
function judge({ victims }: Selection, { asked, all, failed, lists, own }: Trial): number {
  for (const [selector, lost] of victims)
    note(`${selector} takes away ${few(lost)} too, which passed: pytest goes by the beginning of ids`);
  if (asked === undefined || all === undefined) return EXIT.OK;
  const left = new Set(collect({ ...asked, settings: { ...asked.settings, ...lists } }));
  const lost = new Set([...victims.values()].flat());
  const wanted = (id: string) => failed.has(id) || lost.has(id) || own.some((entry) => id.startsWith(entry));
  const stays = all.filter((id) => left.has(id) && failed.has(id));
  const gone = all.filter(
    (id) => !left.has(id) && !wanted(id) && !lists.ignore.includes(id.split('::', 1)[0] as string),
  );
  tell('failed, and are not taken away by the list', new Set(stays));
  tell('passed, and are taken away by the list', new Set(gone));
  return stays.length + gone.length > 0 ? EXIT.FAILED : EXIT.OK;
}

function tell(what: string, ids: ReadonlySet<string>): void {
  if (ids.size > 0) note(`${ids.size} ${what}: ${few([...ids])}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StintError(`deselect: cannot read ${path}: ${reason(error)}`, { cause: error });
  }
}

function write(path: string, text: string): void {
  try {
    writeFileSync(join(path), text);
  } catch (error) {
    throw new StintError(`deselect: cannot write ${path}: ${reason(error)}`, { cause: error });
  }
}
