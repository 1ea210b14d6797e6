// The pool at this moment: what became of each slot, and what holds slots back.
import type { PictureEvent } from '../../src/cli/web/contract.ts';
import { bytes, count } from './format.ts';
import { colour, OTHERS, type Palette, usedBy } from './palette.ts';

/** Up to so many slots are shown one by one. */
const SINGLE = 64;

export function Pool({ pool, machine, palette }: PictureEvent & { palette: Palette }) {
  const { capacity, limit, free, waiting, limits, with: withs, degraded } = pool;
  const used = capacity - free;
  const processors = navigator.hardwareConcurrency;
  return (
    <section class="card" aria-labelledby="pool">
      <h2 id="pool" class="hero">
        <strong>{used}</strong> of {count(capacity, 'slot')} in use
        {free < 0 && <span class="waits">{-free} beyond the pool</span>}
        {waiting > 0 && <span class="waits">{waiting} waited for</span>}
      </h2>
      <SlotBar pool={pool} palette={palette} />
      {degraded !== undefined && (
        <p class="callout bad">
          <b>Degraded:</b> {degraded}. Slots go to who comes first, and builds are not known.
        </p>
      )}
      {limits.map(({ name, slots, reason }) => (
        <p key={`${name} ${reason}`} class="callout">
          <b>
            {slots} of {capacity} may be out:
          </b>{' '}
          {reason}
        </p>
      ))}
      {withs.map(({ id, label, user, slots, class: of, weight }) => (
        <p key={id} class="callout calm">
          <b>stint with</b>{' '}
          {[slots && count(slots, 'slot'), of, weight && `weight ${weight}`].filter(Boolean).join(', ')}:{' '}
          <code>{label}</code> ({user})
        </p>
      ))}
      <dl class="tiles">
        <Tile name="Free" value={Math.max(0, free)} />
        <Tile name="May be out" value={limit} />
        <Tile name="Builds" value={pool.builds.length} />
        <Tile
          name="Load"
          value={machine.load.toFixed(1)}
          title={`of ${processors} processors that this browser sees`}
        />
        {machine.memory && <Tile name="Memory left" value={bytes(machine.memory.available)} />}
      </dl>
    </section>
  );
}

function Tile({ name, value, title }: { name: string; value: string | number; title?: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function SlotBar({ pool, palette }: { pool: PictureEvent['pool']; palette: Palette }) {
  const { capacity, limit, free, reserved, builds } = pool;
  const own = builds.filter((build) => usedBy(build) > 0 && palette.of(build.id) !== OTHERS);
  const others = builds.filter(({ id }) => palette.of(id) === OTHERS).reduce((sum, build) => sum + usedBy(build), 0);
  const untaken = Math.max(0, Math.min(free, capacity) - Math.max(0, reserved));
  // Of the free ones those that may not be out.
  const away = Math.min(untaken, Math.max(0, capacity - limit));
  const offered = Math.max(0, Math.min(reserved, free));
  const words = [`${capacity - free} in use`, `${offered} laid out`, `${untaken - away} free`, `${away} held back`];
  return (
    <div class={`slots ${capacity <= SINGLE ? 'single' : ''}`} role="img" aria-label={`Slots: ${words.join(', ')}`}>
      {own.map((build) => (
        <Part
          key={build.id}
          slots={usedBy(build)}
          tint={colour(palette.of(build.id))}
          title={`${build.label}: ${count(usedBy(build), 'slot')}`}
        />
      ))}
      <Part slots={others} tint={colour(OTHERS)} title={`others: ${count(others, 'slot')}`} />
      <Part slots={offered} kind="offered" title={`${offered} laid out for builds, not taken`} />
      <Part slots={untaken - away} kind="free" title={`${untaken - away} free`} />
      <Part slots={away} kind="away" title={`${away} held back`} />
    </div>
  );
}

function Part({ slots, kind = 'used', tint, title }: { slots: number; kind?: string; tint?: string; title: string }) {
  if (slots <= 0) return null;
  const style = { flexGrow: slots, '--slots': slots, ...(tint !== undefined && { '--tint': tint }) };
  return <span class={`part ${kind}`} style={style} title={title} />;
}
