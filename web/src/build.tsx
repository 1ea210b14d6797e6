// One build: what it is, why it waits, who held its slots when, and its clients. Also one of the past.
import { useEffect, useRef } from 'preact/hooks';
import type { BuildStatus, ClientStatus, PastBuild, PastList, PictureBuild } from '../../src/api/schema.ts';
import { useAsked } from './ask.ts';
import { Badges } from './builds.tsx';
import { age, bytes, day, slotSeconds, took } from './format.ts';
import { Lanes } from './lanes.tsx';
import { usedBy } from './palette.ts';
import type { Trace } from './spans.ts';

/** Asked for again so often, milliseconds. */
const PERIOD = 2000;
/** Clients that are listed. */
const LISTED = 200;

interface BuildProps {
  id: number;
  /** When it ended, where one of the past is meant. */
  ended: number | undefined;
  /** As the newest picture has it; undefined: it is over, or nobody answers. */
  live: PictureBuild | undefined;
  /** When that was, Unix time in milliseconds. */
  time: number;
  /** The number of its colour. */
  tint: number;
  theme: string;
}

export function Build({ id, ended, live, time, tint, theme }: BuildProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const there = live !== undefined;
  const period = there ? PERIOD : 0;
  const found = useAsked<BuildStatus>(there ? `/builds/${id}` : undefined, { period, again: there });
  const traced = useAsked<Trace>(`/builds/${id}/trace${ended === undefined ? '' : `?ended=${ended}`}`, {
    period,
    again: there,
  });
  const past = useAsked<PastList>('/history?limit=1000', { period: 0, again: there }).answer?.builds.find(
    (one) => one.id === id && (ended === undefined || one.ended === ended),
  );
  const clients = (there && found.answer?.clients) || [];
  const programs = new Map(clients.map(({ pid, program }) => [pid, program]));
  // Whoever came here by the keyboard reads on from here.
  useEffect(() => heading.current?.focus(), []);
  const label = live?.label ?? past?.label ?? traced.answer?.otherData.label ?? `Build ${id}`;
  return (
    <section class="card" aria-labelledby="build">
      <p class="back">
        <a href={there ? '#/' : '#/history'}>← {there ? 'all builds' : 'history'}</a>
      </p>
      <h2 id="build" tabIndex={-1} ref={heading}>
        {label} <span class="muted">#{id}</span> {live && <Badges build={live} />}
      </h2>
      {live?.reason !== undefined && (
        <p class="callout">
          <b>Waits:</b> {live.reason}
        </p>
      )}
      {live !== undefined && <Facts facts={liveFacts(live, found.answer, time)} />}
      {live === undefined && past !== undefined && <Facts facts={pastFacts(past)} />}
      {traced.answer !== undefined && (
        <Lanes trace={traced.answer} tint={tint} theme={theme} programOf={(pid) => programs.get(pid)} />
      )}
      {traced.answer === undefined && <p class="empty">{traced.error ?? 'Asking the daemon …'}</p>}
      {clients.length > 0 && <Clients clients={clients} />}
    </section>
  );
}

type FactList = [name: string, value: string | number | undefined][];

function liveFacts(build: PictureBuild, full: BuildStatus | undefined, time: number): FactList {
  const { user, since, waiting, share, weight, max, lease, peak, peakMemory, waitedSeconds, rootPid } = build;
  return [
    ['In use', usedBy(build)],
    ['Waits for', waiting],
    ['Share', Number(share.toFixed(1))],
    ['Weight', weight === 1 ? undefined : weight],
    ['At most', max],
    ['Lease', lease && `${lease.min} to ${lease.max}, should have ${lease.wish}`],
    ['User', user],
    ['Process', rootPid],
    ['Time', age(time - since)],
    ['Slot-seconds', slotSeconds(build.slotSeconds)],
    ['Waited', took(waitedSeconds * 1000)],
    ['Peak', peak],
    ['Memory', bytes(peakMemory)],
    ['Folder', full?.cwd || undefined],
  ];
}

const pastFacts = (build: PastBuild): FactList => [
  ['Ended', day(build.ended)],
  ['Took', took(build.ended - build.since)],
  ['Exit', build.exit],
  ['User', build.user],
  ['Slot-seconds', slotSeconds(build.slotSeconds)],
  ['Waited', took(build.waitedSeconds * 1000)],
  ['Peak', build.peak],
  ['Granted', build.granted],
  ['Memory', bytes(build.peakMemory)],
  ['Folder', build.cwd || undefined],
];

function Facts({ facts }: { facts: FactList }) {
  return (
    <dl class="tiles">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name} class={name === 'Folder' ? 'long' : ''}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Clients({ clients }: { clients: readonly ClientStatus[] }) {
  return (
    <>
      <h3>Clients</h3>
      <div class="scroll">
        <table>
          <caption class="hidden">Processes that have the jobserver open</caption>
          <thead>
            <tr>
              <th scope="col">Program</th>
              {['Process', 'Holds', 'Waits for', 'Unasked', 'Laid out'].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
              <th scope="col">Node</th>
            </tr>
          </thead>
          <tbody>
            {clients.slice(0, LISTED).map(({ pid, program, node, held, waiting, implicit, offered }) => (
              <tr key={pid}>
                <th scope="row">{program}</th>
                <td class="number">{pid}</td>
                <td class="number">{held}</td>
                <td class="number">{waiting}</td>
                <td class="number">{implicit}</td>
                <td class="number">{offered}</td>
                <td>{node}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {clients.length > LISTED && <p class="muted">and {clients.length - LISTED} more</p>}
    </>
  );
}
