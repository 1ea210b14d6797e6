// The three projects of the demo: where their sources come from, and the command that builds each of them.
import { cp, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from './command.ts';
import { fetchCrate, fetchPackage } from './sources.ts';
import type { Workshop } from './workshop.ts';

/** A project that lies ready to be built. */
export interface Project {
  name: string;
  /** The tool that builds it. */
  tool: string;
  /** The command that builds it from nothing, each of its compilers, linkers and archivers under jobtrace. */
  argv: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
}

const bin = resolve(import.meta.dirname, '../node_modules/.bin');

/** Fetches all sources and empties the build folders. Says which project cannot be built here, and why. */
export async function prepare(shop: Workshop): Promise<Project[]> {
  const noCargo = await whyNoCargo(shop);
  if (noCargo) console.log(`ripgrep is skipped: ${noCargo}`);
  return await Promise.all([libsass(shop), librdkafka(shop), ...(noCargo ? [] : [ripgrep(shop)])]);
}

/** libsass 3.5.5 (MIT) with its own Makefile; from the npm package node-sass. */
async function libsass(shop: Workshop): Promise<Project> {
  const source = await fetchPackage('node-sass', shop);
  const cwd = await emptyFolder(shop, 'libsass');
  await cp(join(source, 'src/libsass'), cwd, { recursive: true });
  const argv = ['make', `CC=${shop.trace} cc`, `CXX=${shop.trace} c++`, `AR=${shop.trace} ar`];
  return { name: 'libsass', tool: 'make', argv, cwd, env: {} };
}

/** librdkafka 2.5.3 (BSD) with its own CMakeLists.txt; from the npm package node-rdkafka. */
async function librdkafka(shop: Workshop): Promise<Project> {
  const source = await fetchPackage('node-rdkafka', shop);
  const cwd = await emptyFolder(shop, 'librdkafka');
  const off = ['CURL', 'SASL', 'SSL', 'ZLIB', 'ZSTD'].map((library) => `WITH_${library}`);
  const options = [
    ...[...off, 'ENABLE_LZ4_EXT', 'RDKAFKA_BUILD_EXAMPLES', 'RDKAFKA_BUILD_TESTS'].map((name) => `-D${name}=OFF`),
    ...['C_COMPILER', 'CXX_COMPILER', 'C_LINKER', 'CXX_LINKER'].map((tool) => `-DCMAKE_${tool}_LAUNCHER=${shop.trace}`),
    '-DCMAKE_BUILD_TYPE=Release',
    `-DCMAKE_MAKE_PROGRAM=${join(bin, 'ninja')}`,
  ];
  const cmake = [join(bin, 'cmake'), '-G', 'Ninja', '-S', join(source, 'deps/librdkafka'), '-B', cwd, ...options];
  await run(cmake, { env: shop.env, signal: shop.signal });
  return { name: 'librdkafka', tool: 'ninja', argv: [join(bin, 'ninja')], cwd, env: {} };
}

/** ripgrep 14.1.1 (MIT or Unlicense) and the crates that it needs; from crates.io. */
async function ripgrep(shop: Workshop): Promise<Project> {
  const { folder, home } = await fetchCrate('ripgrep-14.1.1', shop);
  const target = await emptyFolder(shop, 'ripgrep');
  const argv = ['cargo', 'build', '--release', '--locked', '--offline', '--target-dir', target];
  return { name: 'ripgrep', tool: 'cargo', argv, cwd: folder, env: { CARGO_HOME: home, RUSTC_WRAPPER: shop.trace } };
}

async function whyNoCargo({ env, signal }: Workshop): Promise<string | undefined> {
  const version = await run(['cargo', '--version'], { env, signal }).catch(() => undefined);
  if (version === undefined) return 'there is no cargo here';
  const minor = Number(/^cargo 1\.(\d+)/.exec(version)?.[1]);
  return minor < 72 ? `it needs cargo 1.72, here is ${version.trim()}` : undefined;
}

async function emptyFolder({ root }: Workshop, name: string): Promise<string> {
  const folder = join(root, 'build', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}
