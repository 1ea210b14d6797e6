// The conformance kit: every check and every figure of one node. It uses all of the slots, so nobody else may want any meanwhile.
import { closeSync, constants, mkdtempSync, openSync, rmSync, type Stats, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reason } from '../errors.ts';
import { makeFifo } from '../kernel/fifo.ts';
import { EAGAIN } from '../kernel/io.ts';
import { CHECKS, type Check } from './checks.ts';
import { type ClientReport, clientsHere, examine } from './clients.ts';
import { Crew } from './crew.ts';
import { AGENTS, type Effort, type Figure, measure, reclaimTime } from './figures.ts';
import { errnoName, Scene } from './scene.ts';

export interface Report {
  path: string;
  node: 'fifo' | 'file' | 'device';
  slots: number;
  /** Whether all required checks have passed. */
  conforms: boolean;
  checks: Checked[];
  figures: Figure[];
  clients: ClientReport[];
}

export interface Checked extends Pick<Check, 'id' | 'title' | 'required'> {
  passed: boolean;
  found?: string;
}

export interface Wanted {
  path: string;
  slots: number;
  /** Less of everything, and no clients. */
  quick: boolean;
  /** The command that becomes an agent. */
  agent: readonly string[];
  /** Told what is about to be done. */
  progress(what: string): void;
  /** Gives it up; what is in the hands of clients at that moment is lost where nobody takes it back. */
  signal: AbortSignal;
}

/** There is nothing to measure at the path, and why. */
export class NoJobserver extends Error {}

/** `reclaim`: how long a server may take to find that a client has died, milliseconds; `kills`: how often that is measured. */
const EFFORT: Record<'full' | 'quick', Effort & { reclaim: number; kills: number }> = {
  full: { rounds: 5, length: 400, volleys: 20, reclaim: 3_000, kills: 12 },
  quick: { rounds: 1, length: 150, volleys: 8, reclaim: 1_000, kills: 2 },
};

/** How long the slots that a check has lost for good are waited for once more, milliseconds. */
const AGAIN = 200;

const { O_RDWR, O_NONBLOCK } = constants;

/** @throws NoJobserver when the path is none, or has not as many free slots */
export async function runKit({ path, slots, quick, agent, progress, signal }: Wanted): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'stint-conformance-'));
  const crew = new Crew(agent);
  signal.addEventListener('abort', () => void crew.dismiss());
  try {
    const node = kindOf(path);
    await probe(crew, path);
    const effort = EFFORT[quick ? 'quick' : 'full'];
    const scene = new Scene({ path, slots, crew, ...effort });
    const there = await scene.count();
    if (there !== slots) throw new NoJobserver(`it has ${there} free slots, not ${slots}`);
    const checks: Checked[] = [];
    for (const check of CHECKS) {
      progress(check.id);
      checks.push(await pass(check, scene));
    }
    progress('figures');
    const figures = await compare(scene, { folder, effort });
    if (checks.some(({ id, passed }) => id === 'reclaim' && passed))
      figures.push(await reclaimTime(scene, effort.kills));
    await scene.settle();
    const clients: ClientReport[] = [];
    for (const kind of quick ? [] : clientsHere()) {
      progress(kind.name);
      clients.push(await examine(kind, scene, { folder, signal }));
      await scene.clear();
      await scene.settle();
    }
    closeSync(scene.fd);
    const conforms = checks.every(({ required, passed }) => passed || !required);
    return { path, node, slots, conforms, checks, figures, clients };
  } finally {
    await crew.dismiss();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One check; whatever comes of it, all slots are there again afterwards. */
async function pass(check: Check, scene: Scene): Promise<Checked> {
  const { id, title, required } = check;
  const found = await check.run(scene).catch((error) => ({ passed: false, found: reason(error) }));
  await scene.clear();
  const lost = await scene.settle(check.loses ? AGAIN : undefined);
  if (lost === 0 || check.loses || !found.passed) return { id, title, required, ...found };
  return {
    id,
    title,
    required,
    passed: false,
    found: lost > 0 ? `${lost} lost in the end` : `${-lost} too many in the end`,
  };
}

async function compare(scene: Scene, { folder, effort }: { folder: string; effort: Effort }): Promise<Figure[]> {
  const path = join(folder, 'fifo');
  makeFifo(path, 0o600);
  const fd = openSync(path, O_RDWR | O_NONBLOCK);
  writeSync(fd, '+'.repeat(scene.slots));
  const agents = await scene.crew.hireAll(AGENTS);
  try {
    return await measure({ path: scene.path, slots: scene.slots }, { path, slots: scene.slots }, { agents, effort });
  } finally {
    closeSync(fd);
    for (const agent of agents) await agent.kill();
  }
}

/** @throws NoJobserver */
function kindOf(path: string): Report['node'] {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (error) {
    throw new NoJobserver(reason(error));
  }
  if (found.isFIFO()) return 'fifo';
  if (found.isFile()) return 'file';
  if (found.isCharacterDevice()) return 'device';
  throw new NoJobserver('it is no FIFO, no device and no file');
}

/** Looks by a process that may hang whether tokens can come from there. @throws NoJobserver */
async function probe(crew: Crew, path: string): Promise<void> {
  const agent = await crew.hire();
  const fd = await agent.ask('open', { path, flags: O_RDWR | O_NONBLOCK });
  if (fd < 0) throw new NoJobserver(`it cannot be opened to read and write: ${errnoName(fd)}`);
  const read = await agent.ask('read', { fd });
  if (read === 1) await agent.ask('write', { fd, text: '+' });
  else if (read !== -EAGAIN) throw new NoJobserver(`a read gives ${read === 0 ? 'no byte' : errnoName(read)}`);
  await agent.kill();
}
