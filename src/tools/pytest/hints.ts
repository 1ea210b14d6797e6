// Pure: which plugin was probably meant, where a run has failed for want of one.

/** Fixtures by the distribution that brings them. */
const FIXTURES: Readonly<Record<string, string>> = {
  mocker: 'pytest-mock',
  benchmark: 'pytest-benchmark',
  httpx_mock: 'pytest-httpx',
  httpserver: 'pytest-httpserver',
  httpbin: 'pytest-httpbin',
  requests_mock: 'requests-mock',
  responses: 'pytest-responses',
  aiohttp_client: 'pytest-aiohttp',
  event_loop: 'pytest-asyncio',
  event_loop_policy: 'pytest-asyncio',
  anyio_backend: 'anyio',
  nursery: 'pytest-trio',
  freezer: 'pytest-freezer',
  fs: 'pyfakefs',
  datadir: 'pytest-datadir',
  shared_datadir: 'pytest-datadir',
  lazy_shared_datadir: 'pytest-datadir',
  data_regression: 'pytest-regressions',
  file_regression: 'pytest-regressions',
  num_regression: 'pytest-regressions',
  snapshot: 'syrupy',
  subtests: 'pytest-subtests',
  faker: 'Faker',
  db: 'pytest-django',
  client: 'pytest-django',
  django_db_setup: 'pytest-django',
  app: 'pytest-flask',
  qtbot: 'pytest-qt',
  xprocess: 'pytest-xprocess',
  postgresql: 'pytest-postgresql',
  worker_id: 'pytest-xdist',
  testrun_uid: 'pytest-xdist',
  console_scripts: 'pytest-console-scripts',
  script_runner: 'pytest-console-scripts',
  socket_enabled: 'pytest-socket',
  socket_disabled: 'pytest-socket',
  virtualenv: 'pytest-virtualenv',
  cov: 'pytest-cov',
};

/** Options of a project's own addopts, by the distribution that knows them. */
const OPTIONS: readonly (readonly [RegExp, string])[] = [
  [/^--(?:no-)?cov\b/, 'pytest-cov'],
  [/^--timeout\b/, 'pytest-timeout'],
  [/^(?:-n\d*|--numprocesses|--dist|--maxprocesses)\b/, 'pytest-xdist'],
  [/^--(?:force-)?reruns\b/, 'pytest-rerunfailures'],
  [/^--asyncio-mode\b/, 'pytest-asyncio'],
  [/^--benchmark\b/, 'pytest-benchmark'],
  [/^--hypothesis\b/, 'hypothesis'],
  [/^--mypy\b/, 'pytest-mypy'],
  [/^--ruff\b/, 'pytest-ruff'],
  [/^--flake8\b/, 'pytest-flake8'],
  [/^--black\b/, 'pytest-black'],
  [/^--randomly|^-p randomly/, 'pytest-randomly'],
  [/^--(?:disable|allow-hosts?|allow-unix)-?socket/, 'pytest-socket'],
  [/^--ds\b/, 'pytest-django'],
  [/^--snapshot/, 'syrupy'],
];

export const pluginOfFixture = (fixture: string): string | undefined =>
  Object.hasOwn(FIXTURES, fixture) ? FIXTURES[fixture] : undefined;

/** The distributions whose options stand in what a project adds to each command line. */
export const pluginsOfOptions = (addopts: string): string[] => [
  ...new Set(addopts.split(/[\s"',]+/).flatMap((word) => OPTIONS.find(([pattern]) => pattern.test(word))?.[1] || [])),
];
