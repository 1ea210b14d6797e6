// How a command that speaks no jobserver protocol learns how many slots it has. One table: each variable is set where the user
// has not set it. docs/leases.md shows the same table to people; a test holds the two together.
//
// The rule for threads: a program that runs all of its work in one process may have as many threads as there are slots. Where
// worker processes take the slots, each of them has one thread, or workers × threads would run. Workers are taken to be
// there when `{slots}` stands in the command's arguments, or when its program is one that starts workers.
import { basename } from 'node:path';

export interface Export {
  readonly variable: string;
  /** `{slots}`: the slots; `{threads}`: the same, or 1 where worker processes take the slots. */
  readonly value: string;
  /** The programs that it is set for; undefined: for every command. */
  readonly programs?: readonly string[];
  /** Not set where the command is known to run make, which has its jobserver and leaves it when it is given a number. */
  readonly unlessMake?: true;
  /** What reads it. */
  readonly reader: string;
}

/** What stands in an argument for the number of slots. */
const MARK = '{slots}';

export const EXPORTS: readonly Export[] = [
  { variable: 'PYTEST_XDIST_AUTO_NUM_WORKERS', value: '{slots}', reader: 'pytest-xdist: `-n auto`, `-n logical`' },
  { variable: 'CTEST_PARALLEL_LEVEL', value: '{slots}', reader: 'ctest' },
  { variable: 'CARGO_BUILD_JOBS', value: '{slots}', reader: 'cargo, where it has no jobserver' },
  { variable: 'RUST_TEST_THREADS', value: '{slots}', reader: "Rust's test programs: `cargo test`" },
  { variable: 'NEXTEST_TEST_THREADS', value: '{slots}', reader: 'cargo-nextest' },
  { variable: 'VITEST_MAX_WORKERS', value: '{slots}', reader: 'vitest' },
  { variable: 'GOMAXPROCS', value: '{threads}', reader: 'Go programs, `go build`, `go test`' },
  { variable: 'OMP_NUM_THREADS', value: '{threads}', reader: 'OpenMP' },
  { variable: 'OPENBLAS_NUM_THREADS', value: '{threads}', reader: 'OpenBLAS' },
  { variable: 'MKL_NUM_THREADS', value: '{threads}', reader: 'oneMKL' },
  { variable: 'BLIS_NUM_THREADS', value: '{threads}', reader: 'BLIS' },
  { variable: 'NUMEXPR_NUM_THREADS', value: '{threads}', reader: 'NumExpr' },
  { variable: 'RAYON_NUM_THREADS', value: '{threads}', reader: 'Rust programs with rayon' },
  {
    variable: 'CMAKE_BUILD_PARALLEL_LEVEL',
    value: '{slots}',
    programs: ['cmake'],
    unlessMake: true,
    reader: '`cmake --build`, where it does not run make',
  },
  {
    variable: 'GRADLE_OPTS',
    value: '-Dorg.gradle.workers.max={slots}',
    programs: ['gradle', 'gradlew'],
    reader: 'Gradle',
  },
  { variable: 'XZ_DEFAULTS', value: '-T{threads}', programs: ['xz', 'tar'], reader: 'xz' },
  { variable: 'ZSTD_NBTHREADS', value: '{threads}', programs: ['zstd', 'tar'], reader: 'zstd' },
];

/** Programs whose worker processes, or test threads, take the slots. */
export const RUNNERS: readonly string[] = [
  'pytest',
  'py.test',
  'ctest',
  'cargo-test',
  'cargo-nextest',
  'vitest',
  'jest',
  'tox',
];

export interface Exported {
  /** The command, with the number of slots in the place of `{slots}`. */
  command: string[];
  /** What to set where it is not set. */
  variables: { name: string; value: string }[];
}

/** `runsMake`: whether the command is known to run make. */
export function exportSlots(command: readonly string[], slots: number, runsMake = false): Exported {
  const program = programOf(command);
  const workers = command.slice(1).some((word) => word.includes(MARK)) || RUNNERS.includes(program);
  const filled = (template: string) =>
    template.replaceAll(MARK, String(slots)).replaceAll('{threads}', String(workers ? 1 : slots));
  const rows = EXPORTS.filter(
    ({ programs, unlessMake = false }) => (programs?.includes(program) ?? true) && !(unlessMake && runsMake),
  );
  return {
    command: command.map((word, at) => (at === 0 ? word : word.replaceAll(MARK, String(slots)))),
    variables: rows.map(({ variable, value }) => ({ name: variable, value: filled(value) })),
  };
}

/** The name of what a command runs: `pytest` for `python3 -m pytest`, `cargo-test` for `cargo test`. */
function programOf([file = '', ...args]: readonly string[]): string {
  const name = basename(file).replace(/-?\d[\d.]*$/, '');
  if (/^(?:python|pypy)$/.test(name)) return args[0] === '-m' ? (args[1] ?? name) : name;
  if (name !== 'cargo') return name;
  const verb = args.find((word) => !/^[-+]/.test(word));
  return verb === undefined ? name : `cargo-${verb === 't' ? 'test' : verb}`;
}
