// What may be done to one build, and by whom; and where one process stands, as far as the caller may know.
import type { BuildChanges } from '../api/build-routes.ts';
import { HttpError, mayChange, type Peer, whoMay } from '../api/call.ts';
import type { BuildStatus, ChangeBuild, ProcessStatus, Reclaimed } from '../api/schema.ts';
import type { Turn } from '../core/turn.ts';
import { Turns } from '../engine/turns.ts';
import type { Recorder } from '../observe/recorder.ts';
import { userName } from '../process/groups.ts';
import { lineageOf } from '../process/lineage.ts';
import { ownerOf } from '../process/owners.ts';
import type { Builds } from './builds.ts';
import { estimateOf } from './reasons.ts';

export class Changes implements BuildChanges {
  readonly #builds: Builds;
  readonly #group: number | undefined;
  readonly #system: boolean;
  readonly #recorder: Recorder;
  /** Who asks for processes of others without end does not keep their own lookups waiting. */
  readonly #turns = new Turns();

  /** @param group whose members may change others' builds, beside root and the daemon's own user */
  constructor(
    builds: Builds,
    { group, system, recorder }: { group: number | undefined; system: boolean; recorder: Recorder },
  ) {
    this.#builds = builds;
    this.#group = group;
    this.#system = system;
    this.#recorder = recorder;
  }

  async changeBuild(id: string, { weight, class: of }: ChangeBuild, caller: Peer): Promise<BuildStatus> {
    const build = await this.#own(id, caller);
    const trusted = mayChange(caller, this.#group);
    if (of === 'interactive' && this.#system && !trusted)
      throw new HttpError(403, `class interactive: ${whoMay(caller, this.#group)}`);
    this.#builds.engine.say(build.id, {
      ...(weight !== undefined && { weight }),
      ...(of !== undefined && (trusted ? { class: of } : { lowered: of })),
    });
    return this.#build(id);
  }

  async reclaim(id: string, caller: Peer): Promise<Reclaimed> {
    const build = await this.#own(id, caller);
    return { slots: await this.#builds.engine.reclaim(build.id) };
  }

  async process(name: string, caller: Peer): Promise<ProcessStatus> {
    const pid = /^[1-9]\d{0,9}$/.test(name) ? Number(name) : 0;
    const lineage = pid === 0 ? undefined : await this.#turns.take(ownerOf(caller.uid), () => lineageOf(pid));
    if (lineage === undefined) throw new HttpError(404, `there is no process ${name}, or no longer`);
    const { build: id, root, waits, ...found } = await this.#builds.engine.find(lineage);
    const { uid, program } = lineage;
    const open = root || found.client !== undefined; // the status tells of it, too
    if (!open && uid !== caller.uid && !mayChange(caller, this.#group))
      throw new HttpError(403, `process ${pid} belongs to user ${userName(uid)}`);
    const build = waits && (await this.#builds.status()).builds.find((one) => one.id === id);
    return {
      pid: lineage.pid,
      program,
      user: userName(uid),
      uid,
      root,
      ...(id !== undefined && { build: id }),
      ...found,
      ...(waits && {
        waits: {
          for: Math.round(waits.for),
          slots: waits.needs,
          reason: build?.reason ?? 'it has it now',
          ...this.#estimate(waits.turn),
        },
      }),
    };
  }

  #estimate(turn: Turn): Pick<NonNullable<ProcessStatus['waits']>, 'estimate' | 'basis'> {
    this.#recorder.read();
    const { estimate, basis } = estimateOf(turn, (of) => this.#recorder.returns.lately(Date.now(), of));
    return { ...(estimate !== undefined && { estimate: Math.round(estimate) }), basis };
  }

  async #build(id: string): Promise<BuildStatus> {
    const found = (await this.#builds.status()).builds.find((one) => String(one.id) === id);
    if (found === undefined) throw new HttpError(404, `there is no build ${id}, or no longer`);
    return found;
  }

  /** A build that the caller may change. */
  async #own(id: string, caller: Peer): Promise<BuildStatus> {
    const build = await this.#build(id);
    if (build.uid === caller.uid || mayChange(caller, this.#group)) return build;
    throw new HttpError(403, `build ${id} belongs to user ${build.user}`);
  }
}
