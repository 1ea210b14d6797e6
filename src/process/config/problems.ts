// Everything in a configuration that may not stand there, each thing with the line that it stands on.

import { nearest } from '../../errors.ts';
import { groupId, groupNames, userId, userNames } from '../groups.ts';
import { linesOf } from '../toml-lines.ts';
import { SECTIONS, type Values } from './keys.ts';
import { FILE, PLACES, type Rules } from './schema.ts';
import { type Complaint, clashes, shown, unknownKey, wrong } from './words.ts';

export interface Problem extends Complaint {
  /** From 1; undefined: it is not known. */
  line: number | undefined;
}

type Path = readonly PropertyKey[];
type Table = Readonly<Record<string, unknown>>;

/** In the order of the file. */
export function problemsOf(table: Table, text: string): Problem[] {
  const issues = typeIssues(table);
  const isBad = (path: Path) => issues.some((issue) => isWithin(issue.path, path) || isWithin(path, issue.path));
  const found = [...issues, ...beyondTypes(table, isBad)];
  const lineOf = linesOf(text);
  return found
    .map(({ path, ...complaint }) => ({ ...complaint, line: lineOf(path) }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** What the file says of the keys that can be changed while the daemon runs. */
export function settingsIn(table: Table): Values {
  const inSections = SECTIONS.flatMap((section) =>
    Object.entries((table[section] ?? {}) as Values).map(([key, value]) => [`${section}.${key}`, value]),
  );
  const { jobs } = table as Values;
  return Object.fromEntries([...(jobs === undefined ? [] : [['jobs', jobs]]), ...inSections]);
}

function typeIssues(table: Table): (Complaint & { path: Path })[] {
  const issues = FILE.safeParse(table).error?.issues ?? [];
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key], ...unknown(key, issue.path) }))
      : [{ path: issue.path, ...wrong(nameOf(issue.path), valueAt(table, issue.path), issue.message) }],
  );
}

/** What is wrong though every value by itself could be right; `isBad`: what need not be looked at, or not in that way. */
function beyondTypes(table: Table, isBad: (path: Path) => boolean): (Complaint & { path: Path })[] {
  const { rule: rules, group, api_group } = table as { rule?: Rules; group?: unknown; api_group?: unknown };
  const settings = Object.entries(settingsIn(table)).filter(([key]) => !isBad(key.split('.')));
  const clashing = clashes(Object.fromEntries(settings));
  return [
    ...clashing.map(({ key, ...complaint }) => ({ path: key.split('.'), ...complaint })),
    ...nobody(['group'], group, 'group'),
    ...nobody(['api_group'], api_group, 'group'),
    ...(Array.isArray(rules) ? rules : []).flatMap((rule, at) => [
      ...nobody(['rule', at, 'user'], rule.user, 'user'),
      ...nobody(['rule', at, 'group'], rule.group, 'group'),
      ...halves(rule).map((complaint) => ({ path: ['rule', at], ...complaint })),
    ]),
  ].filter(({ path }) => !isBad(path));
}

/** Whether a path is `around`, or below that. */
const isWithin = (path: Path, around: Path): boolean => around.every((key, at) => path[at] === key);

/** What a rule lacks. */
function halves({ user, group, label, cgroup, ...says }: Rules[number]): Complaint[] {
  const selects = [user, group, label, cgroup].some((one) => one !== undefined);
  return [
    ...(selects
      ? []
      : [{ message: 'a rule must have one of user, group, label, cgroup', hint: 'for all builds: [share]' }]),
    ...(Object.keys(says).length > 0 ? [] : [{ message: 'a rule must have one of weight, class, max, build_max' }]),
  ];
}

function nobody(path: Path, wanted: unknown, kind: 'user' | 'group'): (Complaint & { path: Path })[] {
  if (typeof wanted !== 'string' && typeof wanted !== 'number') return []; // it is missing, or bad by its type
  const [id, names] = kind === 'user' ? [userId, userNames] : [groupId, groupNames];
  if (id(String(wanted)) !== undefined) return [];
  const guess = nearest(String(wanted), names());
  const message = `${String(path.at(-1))} is ${shown(wanted)}, but there is no such ${kind}`;
  return [{ path, message, ...(guess !== undefined && { hint: `did you mean ${shown(guess)}?` }) }];
}

/** `jobs`, `share.class`; in a table of several only the key, as the line tells which. */
function nameOf(path: Path): string {
  const [first, second, key] = path;
  return typeof second === 'number' ? String(key ?? first) : path.join('.');
}

function unknown(key: string, path: Path): Complaint {
  const [section] = path;
  const place = section === undefined ? '' : path.length === 1 ? `[${String(section)}]` : `[[${String(section)}]]`;
  const complaint = unknownKey(key, PLACES[place] as readonly string[], place === '' ? '' : ` in ${place}`);
  const home = Object.keys(PLACES).find((other) => PLACES[other]?.includes(key));
  if (home === undefined) return complaint;
  const hint = home === '' ? `${key} belongs above the first ${place}` : `${key} belongs into ${article(home)}${home}`;
  return { ...complaint, hint };
}

const article = (place: string): string => (place.startsWith('[[') ? 'a ' : '');

const valueAt = (table: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], table);
