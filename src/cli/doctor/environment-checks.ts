// Whether settings in the environment, and Portage's, take clients out of the pool that they would otherwise use.
import { findJobs, findJobserver } from '../../jobserver/makeflags.ts';
import type { Facts, Source } from './facts.ts';
import { type Check, type Finding, RUN, within } from './finding.ts';

export const ENVIRONMENT_CHECKS: readonly Check[] = [strayJobs, cargoJobs, cargoMakeflags, gnumakeflagsOnly];

function strayJobs({ target }: Facts): Finding[] {
  return target.sources.flatMap((source) => {
    const pooled = hasJobserver(source, target.sources);
    const found = [
      ...(pooled ? [] : ['MAKEFLAGS', 'GNUMAKEFLAGS', 'MAKEOPTS'].map((name) => strayIn(name, source))),
      strayIn('NINJAOPTS', source),
      parallelLevel(source),
    ];
    return found.filter((one) => one !== undefined);
  });
}

const READERS: Readonly<Record<string, string>> = {
  MAKEFLAGS: 'make then makes a pool of its own',
  GNUMAKEFLAGS: 'make then makes a pool of its own',
  MAKEOPTS: 'emerge then gives it to make, which makes a pool of its own',
  NINJAOPTS: 'given any -j, ninja uses no jobserver, and does not say so',
};

function strayIn(variable: string, source: Source): Finding | undefined {
  const value = source.variables.get(variable) ?? '';
  const jobs = findJobs(value, { letters: /MAKEFLAGS$/.test(variable) });
  if (jobs === undefined || jobs === 1 || names(value)) return undefined;
  const flag = jobs === Number.POSITIVE_INFINITY ? '-j without a number' : `-j${jobs}`;
  const hint = variable === 'NINJAOPTS' ? 'take -j out of it; -l may stay' : `take -j out of it, and ${RUN}`;
  return { id: 'stray-jobs', on: within(variable, source), what: `${flag}: ${READERS[variable]}`, hint };
}

function parallelLevel(source: Source): Finding | undefined {
  const variable = 'CMAKE_BUILD_PARALLEL_LEVEL';
  const level = source.variables.get(variable);
  if (!level || level === '1' || isOurs(variable, source)) return undefined;
  const what = `cmake --build gives make or ninja -j${level}, which takes them out of the pool`;
  return { id: 'stray-jobs', on: within(variable, source), what, hint: 'unset it' };
}

function cargoJobs({ target }: Facts): Finding[] {
  return target.sources.flatMap((source): Finding[] => {
    const variable = 'CARGO_BUILD_JOBS';
    const jobs = source.variables.get(variable);
    if (!jobs || jobs === '1' || isOurs(variable, source) || cargoHasJobserver(source)) return [];
    const what = `no jobserver is named, so cargo makes a pool of its own, of ${jobs}`;
    return [{ id: 'cargo-jobs', on: within(variable, source), what, hint: `unset it, and ${RUN}` }];
  });
}

function cargoMakeflags({ target }: Facts): Finding[] {
  return target.sources.flatMap((source): Finding[] => {
    const { variables } = source;
    if (!variables.has('CARGO_MAKEFLAGS') || cargoHasJobserver(source) || !names(variables.get('MAKEFLAGS'))) return [];
    const what = 'it names no jobserver, and cargo looks there only: the one in MAKEFLAGS counts for nothing';
    return [{ id: 'cargo-makeflags', on: within('CARGO_MAKEFLAGS', source), what, hint: 'unset it' }];
  });
}

function gnumakeflagsOnly({ target }: Facts): Finding[] {
  return target.sources.flatMap((source): Finding[] => {
    if (!names(source.variables.get('GNUMAKEFLAGS')) || hasJobserver(source, target.sources)) return [];
    const what = 'only make reads it: ninja, cargo and others do not find its jobserver';
    return [{ id: 'gnumakeflags-only', on: within('GNUMAKEFLAGS', source), what, hint: 'use MAKEFLAGS instead' }];
  });
}

const names = (makeflags: string | undefined): boolean => findJobserver(makeflags ?? '') !== undefined;

/** Whether make finds one: settings in a file stand behind those in the environment. */
const hasJobserver = (source: Source, sources: readonly Source[]): boolean =>
  [source, ...sources.slice(0, 1)].some(({ variables }) => names(variables.get('MAKEFLAGS')));

/** jobserver-rs looks into the first of them that is there, and nowhere else. */
function cargoHasJobserver({ variables }: Source): boolean {
  const first = ['CARGO_MAKEFLAGS', 'MAKEFLAGS', 'MFLAGS'].find((name) => variables.has(name));
  return first !== undefined && names(variables.get(first));
}

/** Whether a lease has set it. */
const isOurs = (variable: string, { variables }: Source): boolean =>
  variables.get('STINT_EXPORTS')?.split(' ').includes(variable) ?? false;
