// JUnit reports as pytest writes them → what came of each test. Which test that is, is said by classname and name; ids.ts finds it.
import { readFileSync } from 'node:fs';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { reason, StintError } from '../../errors.ts';

export interface Case {
  classname: string;
  name: string;
  /** Of xunit1: the file that defines it, which need not be the one that ran it. */
  file: string | undefined;
  /** `crash`: the worker that ran it has ended; whether it was this test's fault is not known. */
  outcome: 'passed' | 'failed' | 'skipped' | 'crash';
}

export interface Report {
  path: string;
  /** As in the name that `stint test` and the eclass give a report, `python3.11`; else ''. */
  implementation: string;
  cases: readonly Case[];
}

const CRASH = /worker '[^']*' crashed while running|node down: Not properly terminated/i;

/** @throws StintError when it cannot be read, or is no JUnit report */
export function readReport(path: string): Report {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StintError(`deselect: cannot read ${path}: ${reason(error)}`, { cause: error });
  }
  const implementation = /\bpytest-((?:python\d|pypy)[\w.]*?)-\d+\.xml$/.exec(path)?.[1] ?? '';
  try {
    return { path, implementation, cases: casesOf(text) };
  } catch (error) {
    throw new StintError(`deselect: ${path} is no JUnit report: ${(error as Error).message.split('\n')[0]}`, {
      hint: 'pytest --junit-xml=FILE -o junit_family=xunit1 writes one; stint test does so by itself',
      cause: error,
    });
  }
}

function casesOf(xml: string): Case[] {
  const cases: Case[] = [];
  const parser = new SaxesParser();
  let current: Case | undefined;
  let root: string | undefined;
  parser.on('opentag', ({ name, attributes }: SaxesTagPlain) => {
    root ??= name;
    if (name === 'testcase') {
      const { classname = '', name: test = '', file } = attributes;
      current = { classname, name: test, file, outcome: 'passed' };
      cases.push(current);
    } else if (current === undefined) return;
    else if (name === 'failure' || name === 'error') {
      if (current.outcome !== 'failed') current.outcome = CRASH.test(attributes.message ?? '') ? 'crash' : 'failed';
    } else if (name === 'skipped' && current.outcome === 'passed') current.outcome = 'skipped';
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'testcase') current = undefined;
  });
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(xml).close();
  if (root !== 'testsuites' && root !== 'testsuite') throw new Error(`it begins with <${root}>`);
  return cases;
}
