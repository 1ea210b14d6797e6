// The builds that are there.
import { useState } from 'preact/hooks';
import type { Picture, PictureBuild } from '../../src/api/schema.ts';
import { age, bytes, slotSeconds } from './format.ts';
import { colour, type Palette, usedBy } from './palette.ts';
import { addressOf } from './place.ts';
import { type Column, Table } from './table.tsx';

export function Builds({ pool, palette }: { pool: Picture; palette: Palette }) {
  const [filter, setFilter] = useState('');
  const [waiting, setWaiting] = useState(false);
  const { builds } = pool;
  const shown = builds.filter((build) => matches(build, filter) && (!waiting || build.waiting > 0));
  if (builds.length === 0) return <Nobody />;
  return (
    <>
      <search class="filters">
        <label>
          <span class="hidden">Filter by label, user or number</span>
          <input
            type="search"
            placeholder="Filter by label, user, number"
            value={filter}
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={waiting}
            onChange={({ currentTarget }) => setWaiting(currentTarget.checked)}
          />
          only those that wait
        </label>
        <output>{shown.length === builds.length ? '' : `${shown.length} of ${builds.length}`}</output>
      </search>
      <div class="scroll">
        <Table
          caption="Builds that are there"
          columns={columnsOf(pool, palette)}
          rows={shown}
          keyOf={({ id }) => id}
          address={({ id }) => addressOf(id)}
          by="Slots"
        />
      </div>
      {shown.length === 0 && <p class="empty">None of them matches.</p>}
    </>
  );
}

function Nobody() {
  return (
    <div class="empty">
      <p>Nobody draws from the pool.</p>
      <p>
        Try <code>stint run -- make</code>
      </p>
    </div>
  );
}

const matches = ({ id, label, user }: PictureBuild, filter: string): boolean =>
  `${id} ${user} ${label}`.toLowerCase().includes(filter.trim().toLowerCase());

const columnsOf = ({ capacity, time }: Picture, palette: Palette): Column<PictureBuild>[] => [
  { name: 'Build', value: ({ label }) => label, cell: (build) => <Name build={build} palette={palette} /> },
  { name: 'User', value: ({ user }) => user, cell: ({ user }) => user, wide: true },
  {
    name: 'Slots',
    number: true,
    value: usedBy,
    cell: (build) => <Meter slots={usedBy(build)} of={capacity} tint={colour(palette.of(build.id))} />,
  },
  {
    name: 'Share',
    number: true,
    wide: true,
    value: ({ share }) => share,
    cell: ({ share }) => Number(share.toFixed(1)),
  },
  { name: 'Waits', number: true, wide: true, value: ({ waiting }) => waiting, cell: ({ waiting }) => waiting || '–' },
  { name: 'Time', number: true, value: ({ since }) => time - since, cell: ({ since }) => age(time - since) },
  {
    name: 'Slot-seconds',
    number: true,
    wide: true,
    value: (build) => build.slotSeconds,
    cell: (build) => slotSeconds(build.slotSeconds),
  },
  {
    name: 'Memory',
    number: true,
    wide: true,
    value: ({ peakMemory = 0 }) => peakMemory,
    cell: ({ peakMemory }) => bytes(peakMemory),
  },
];

function Name({ build, palette }: { build: PictureBuild; palette: Palette }) {
  const { id, label, reason } = build;
  return (
    <div class="name">
      <span class="swatch" style={{ background: colour(palette.of(id)) }} />
      <div>
        <a href={addressOf(id)}>{label}</a> <span class="muted">#{id}</span> <Badges build={build} />
        {reason !== undefined && <p class="reason">{reason}</p>}
      </div>
    </div>
  );
}

/** What is unusual of a build, in single words. */
export function Badges({ build: { class: of, state, lease, stranded } }: { build: PictureBuild }) {
  const words = [
    of !== 'normal' && of,
    lease !== undefined && 'lease',
    state === 'starting' && 'waits to start',
    state === 'left' && 'root has gone',
    stranded > 0 && `${stranded} stranded`,
  ].filter((word) => word !== false);
  return words.map((word) => (
    <span key={word} class="badge">
      {word}
    </span>
  ));
}

function Meter({ slots, of, tint }: { slots: number; of: number; tint: string }) {
  return (
    <span class="meter">
      <span class="track" aria-hidden="true">
        <span style={{ width: `${Math.min(100, (100 * slots) / of)}%`, background: tint }} />
      </span>
      {slots}
    </span>
  );
}
