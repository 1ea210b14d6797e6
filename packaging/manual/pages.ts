// All pages of the manual, by the name of their file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TREE } from '../../src/cli/verbs/tree.ts';
import { VERSION } from '../../src/version.ts';
import { configPage } from './config-page.ts';
import { fromMarkdown, sectionOf } from './markdown.ts';
import { bold, escaped, item, section, title } from './roff.ts';
import { verbPage } from './verb-page.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

export function pages(): ReadonlyMap<string, string> {
  const about = { version: VERSION, date: dateOf(VERSION) };
  const page = (name: string, number: number, body: readonly string[]): [string, string] => [
    `${name}.${number}`,
    `${[title(name, number, about), ...body].join('\n')}\n`,
  ];
  return new Map([
    page('stint', 1, programPage()),
    ...TREE.map((verb) => page(`stint-${verb.name}`, 1, verbPage(verb, ['stint(1)', ...neighbours(verb.name)]))),
    page('stint.toml', 5, configPage(read('docs/stint.toml'))),
    page('stint-protocol', 7, protocolPage()),
  ]);
}

function programPage(): string[] {
  const reference = read('docs/reference.md');
  const part = (heading: string) => [section(heading), ...fromMarkdown(sectionOf(reference, heading))];
  return [
    section('Name'),
    'stint \\- one pool of job slots that all builds of a machine share',
    section('Synopsis'),
    `${bold('stint')} \\fIVERB\\fR [\\fIOPTION\\fR]...`,
    section('Description'),
    ...fromMarkdown(sectionOf(reference, 'In short')),
    section('Verbs'),
    ...TREE.flatMap(({ name, brief }) => item(`${bold(`stint-${name}`)}(1)`, [escaped(brief)])),
    section('Options'),
    ...item('\\fB\\-h\\fR, \\fB\\-\\-help\\fR', [`the list of verbs; ${bold('stint VERB --help')} tells of one`]),
    ...item('\\fB\\-\\-version\\fR', ['the version']),
    ...part('Environment'),
    ...part('Files'),
    ...part('Exit status'),
    section('See also'),
    '\\fBstint.toml\\fR(5), \\fBstint\\-protocol\\fR(7), \\fBmake\\fR(1)',
  ];
}

const protocolPage = (): string[] => [
  section('Name'),
  'stint\\-protocol \\- the jobserver protocol, as clients speak it and stint serves it',
  section('Description'),
  ...fromMarkdown(read('docs/protocol.md')),
  section('See also'),
  '\\fBstint\\fR(1), \\fBmake\\fR(1)',
];

/** Pages that belong to a verb's. */
const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
  run: ['stint-with(1)', 'stint-lease(1)', 'stint-protocol(7)'],
  lease: ['stint-run(1)'],
  with: ['stint-run(1)', 'stint-set(1)'],
  status: ['stint-top(1)', 'stint-explain(1)'],
  top: ['stint-status(1)', 'stint-web(1)'],
  explain: ['stint-status(1)', 'stint-doctor(1)'],
  history: ['stint-trace(1)'],
  trace: ['stint-history(1)'],
  set: ['stint-get(1)', 'stint.toml(5)'],
  get: ['stint-set(1)', 'stint.toml(5)'],
  env: ['stint-run(1)', 'stint-protocol(7)'],
  config: ['stint.toml(5)', 'stint-serve(1)'],
  serve: ['stint.toml(5)', 'stint-config(1)', 'stint-upgrade(1)'],
  upgrade: ['stint-serve(1)'],
};
const neighbours = (verb: string): readonly string[] => NEIGHBOURS[verb] ?? [];

/** When a version was released, as the changelog has it; '' when it was not. */
const dateOf = (version: string): string =>
  new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - (\\d{4}-\\d\\d-\\d\\d)$`, 'm').exec(
    read('CHANGELOG.md'),
  )?.[1] ?? '';
