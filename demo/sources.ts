// Fetches sources into .cache/demo, checked against the lock files in demo/sources. What lies there is not fetched again.
import { hash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.ts';
import type { Workshop } from './workshop.ts';

type Lock = Record<string, { version: string; integrity: string }>;

const pins = join(import.meta.dirname, 'sources');

/** Fetches a package from the npm registry, without installing it; returns the folder of its files. */
export async function fetchPackage(name: string, { root, env, signal }: Workshop): Promise<string> {
  const lock: Lock = JSON.parse(await readFile(join(pins, 'packages.lock.json'), 'utf8'));
  const { version, integrity } = lock[name] ?? fail(`${name} is not in the lock file`);
  const folder = join(root, 'sources', `${name}-${version}`);
  if (await exists(folder)) return folder;
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const options = ['--loglevel=error', '--ignore-scripts', '--pack-destination', fresh];
  const pack = ['npm', 'pack', `${name}@${version}`, ...options];
  await run(pack, { env: withOwnNpm(env), signal });
  const file = join(fresh, `${name}-${version}.tgz`);
  const found = `sha512-${hash('sha512', await readFile(file), 'base64')}`;
  if (found !== integrity) fail(`${name} ${version} should be ${integrity}, but it is ${found}`);
  await run(['tar', '-xzf', file, '-C', fresh, '--strip-components=1'], { env, signal });
  await rm(file);
  await rename(fresh, folder);
  return folder;
}

/**
 * The environment in which npm finds what is set for the whole machine (a mirror, a certificate): it looks beside the Node that it is
 * run by, and `npm run` hands down what it has found beside the project's.
 */
export function withOwnNpm({ PATH = '', ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const handed = ['npm_config_globalconfig', 'npm_config_global_prefix', 'npm_config_prefix'];
  const kept = Object.entries(env).filter(([name]) => !handed.includes(name));
  const path = PATH.split(':').filter((folder) => !folder.endsWith('/node_modules/.bin'));
  return { ...Object.fromEntries(kept), PATH: path.join(':') };
}

/**
 * Fetches a crate and all that it needs to be built offline. Cargo keeps them in a home of the demo's own, but with the
 * user's settings (say, a mirror of the registry).
 */
export async function fetchCrate(crate: string, shop: Workshop): Promise<{ folder: string; home: string }> {
  const home = join(shop.root, 'cargo');
  await mkdir(home, { recursive: true });
  await shareSettings(shop.env, home);
  const place = { env: { ...shop.env, CARGO_HOME: home }, signal: shop.signal };
  const host = /^host: (.*)$/m.exec(await run(['rustc', '-vV'], place))?.[1] ?? fail('rustc does not name its host');
  const fetch = ['cargo', 'fetch', '--locked', '--target', host, '--manifest-path'];
  await run([...fetch, join(pins, 'Cargo.toml')], place);
  const registry = join(home, 'registry/src');
  const folders = (await readdir(registry)).map((index) => join(registry, index, crate));
  const folder = (await firstExisting(folders)) ?? fail(`cargo has fetched no ${crate}`);
  await run([...fetch, join(folder, 'Cargo.toml')], place);
  return { folder, home };
}

async function shareSettings(env: NodeJS.ProcessEnv, home: string): Promise<void> {
  const shared = join(home, 'config.toml');
  await rm(shared, { force: true });
  const own = join(env.CARGO_HOME ?? join(homedir(), '.cargo'), 'config.toml');
  if (await exists(own)) await symlink(own, shared);
}

async function firstExisting(paths: string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function fail(message: string): never {
  throw new Error(message);
}
