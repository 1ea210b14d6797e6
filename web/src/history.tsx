// The builds of the past.
import type { PastBuild, PastList } from '../../src/api/schema.ts';
import { useAsked } from './ask.ts';
import { bytes, day, slotSeconds, took } from './format.ts';
import { addressOf } from './place.ts';
import { type Column, Table } from './table.tsx';

/** So many of the newest. */
const LIMIT = 200;
/** Asked for again so often, milliseconds. */
const PERIOD = 5000;

export function History() {
  const { answer, error } = useAsked<PastList>(`/history?limit=${LIMIT}`, { period: PERIOD });
  if (answer === undefined) return <p class="empty">{error ?? 'Asking the daemon …'}</p>;
  if (answer.builds.length === 0) return <p class="empty">No build has ended yet.</p>;
  return (
    <div class="scroll">
      <Table
        caption="Builds that are over"
        columns={COLUMNS}
        rows={answer.builds}
        keyOf={({ id, ended }) => `${id} ${ended}`}
        address={({ id, ended }) => addressOf(id, ended)}
        by="Ended"
      />
    </div>
  );
}

/** What went wrong is seen at a glance. */
function Ending({ exit }: { exit: PastBuild['exit'] | undefined }) {
  if (exit === undefined) return <span class="muted">–</span>;
  return exit === 0 ? <>0</> : <b class="failed">{exit}</b>;
}

const COLUMNS: Column<PastBuild>[] = [
  {
    name: 'Build',
    value: ({ label }) => label,
    cell: ({ id, label, ended }) => (
      <>
        <a href={addressOf(id, ended)}>{label}</a> <span class="muted">#{id}</span>
      </>
    ),
  },
  { name: 'User', value: ({ user }) => user, cell: ({ user }) => user, wide: true },
  { name: 'Ended', number: true, value: ({ ended }) => ended, cell: ({ ended }) => day(ended) },
  {
    name: 'Took',
    number: true,
    value: (build) => build.ended - build.since,
    cell: ({ ended, since }) => took(ended - since),
  },
  {
    name: 'Waited',
    number: true,
    wide: true,
    value: (build) => build.waitedSeconds,
    cell: (build) => took(build.waitedSeconds * 1000),
  },
  {
    name: 'Slot-seconds',
    number: true,
    wide: true,
    value: (build) => build.slotSeconds,
    cell: (build) => slotSeconds(build.slotSeconds),
  },
  {
    name: 'Exit',
    number: true,
    value: ({ exit = -1 }) => (typeof exit === 'number' ? exit : Number.POSITIVE_INFINITY),
    cell: ({ exit }) => <Ending exit={exit} />,
  },
  { name: 'Peak', number: true, wide: true, value: ({ peak }) => peak, cell: ({ peak }) => peak },
  {
    name: 'Memory',
    number: true,
    wide: true,
    value: ({ peakMemory = 0 }) => peakMemory,
    cell: ({ peakMemory }) => bytes(peakMemory),
  },
];
