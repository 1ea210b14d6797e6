// The last minutes: slots in use, stacked by build, with what may be out; and below what the machine has to bear.
import { useMemo, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { Chart } from './chart.tsx';
import { Choices } from './choices.tsx';
import { clock, count } from './format.ts';
import { colour, OTHERS } from './palette.ts';
import { type Tick, totalOf } from './past.ts';

const WINDOWS = [
  { name: '1 min', span: 60_000 },
  { name: '5 min', span: 300_000 },
  { name: '15 min', span: 900_000 },
] as const;

const PRESSURES = ['cpu', 'io', 'memory'] as const;

const stepped = (uPlot.paths.stepped as uPlot.Series.SteppedPathBuilderFactory)({ align: -1 });

const SLOT_LINES = [
  // The whole first: what is painted later stands before it.
  ...Array.from({ length: OTHERS + 1 }, (_, n) => ({ tint: `--c${OTHERS - n}`, filled: true, paths: stepped })),
  { tint: '--capacity', width: 1, paths: stepped },
  { tint: '--text', width: 1.5, dash: [6, 4], paths: stepped },
];

const PRESSURE_LINES = PRESSURES.map((name) => ({ tint: `--${name}` }));

export function Charts({ ticks, theme }: { ticks: readonly Tick[]; theme: string }) {
  const [span, setSpan] = useState<number>(WINDOWS[1].span);
  const [point, setPoint] = useState<number | undefined>(undefined);
  const until = ticks.at(-1)?.time ?? Date.now();
  const shown = useMemo(() => ticks.filter(({ time }) => time >= until - span - 2000), [ticks, span, until]);
  const slots = useMemo(() => slotData(shown), [shown]);
  const pressures = useMemo(() => pressureData(shown), [shown]);
  const last = shown.findLast(({ used }) => used !== undefined);
  const tick = (point === undefined ? undefined : shown[point]) ?? last;
  const most = Math.max(1, ...shown.map((one) => Math.max(one.capacity, totalOf(one))));
  const hardest = Math.max(0, ...shown.flatMap(({ pressure }) => Object.values(pressure)));
  // As long as there is less to show, it has the whole width.
  const first = Math.min(shown[0]?.time ?? until, until - WINDOWS[0].span);
  const range = [Math.max(until - span, first), until] as const;
  const common = { range, theme, onPoint: setPoint };
  return (
    <section class="card" aria-labelledby="over-time">
      <header class="bar">
        <h2 id="over-time">Slots over time</h2>
        <Choices legend="How far back" of={WINDOWS} span={span} onChoose={setSpan} />
      </header>
      <Chart
        {...common}
        summary={slotSummary(shown, span)}
        height={220}
        lines={SLOT_LINES}
        data={slots}
        top={most * 1.08}
      />
      <SlotLegend tick={tick} pointed={tick !== shown.at(-1)} />
      <h3>Pressure: share of time in which something waited</h3>
      <Chart
        {...common}
        summary={pressureSummary(shown)}
        height={110}
        lines={PRESSURE_LINES}
        data={pressures}
        top={Math.min(104, Math.max(10, hardest * 1.2))}
        unit="%"
      />
      <PressureLegend tick={tick} />
      <Figures ticks={shown} />
    </section>
  );
}

function SlotLegend({ tick, pointed }: { tick: Tick | undefined; pointed: boolean }) {
  if (tick === undefined) return null;
  const { labels, used, capacity, limit, waiting } = tick;
  const others = used?.[OTHERS] ?? 0;
  return (
    <ul class="legend" aria-label={pointed ? `At ${clock(tick.time)}` : 'Now'}>
      <li class="when">{pointed ? clock(tick.time) : 'now'}</li>
      {labels.map(
        (label, number) =>
          label !== undefined &&
          used?.[number] !== 0 && (
            <li key={colour(number)}>
              <span class="swatch" style={{ background: colour(number) }} />
              <span class="label">{label}</span> <b>{used?.[number] ?? '–'}</b>
            </li>
          ),
      )}
      {others > 0 && (
        <li>
          <span class="swatch" style={{ background: colour(OTHERS) }} />
          others <b>{others}</b>
        </li>
      )}
      <li>
        <span class="stroke limit" />
        limit <b>{limit}</b>
      </li>
      <li>
        <span class="stroke capacity" />
        pool <b>{capacity}</b>
      </li>
      {waiting > 0 && (
        <li>
          waiting <b>{waiting}</b>
        </li>
      )}
    </ul>
  );
}

function PressureLegend({ tick }: { tick: Tick | undefined }) {
  return (
    <ul class="legend" aria-label="Pressure">
      {PRESSURES.map((name) => (
        <li key={name}>
          <span class={`stroke ${name}`} />
          {name} <b>{percent(tick?.pressure[name])}</b>
        </li>
      ))}
    </ul>
  );
}

/** The same in figures, ten rows of it. */
function Figures({ ticks }: { ticks: readonly Tick[] }) {
  const [open, setOpen] = useState(false);
  const every = Math.max(1, Math.ceil(ticks.length / 10));
  const rows = open ? ticks.filter((_, n) => (ticks.length - 1 - n) % every === 0).reverse() : [];
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>In figures</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {['In use', 'Limit', 'Pool', 'Waiting', ...PRESSURES.map((name) => `${name} pressure`)].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((tick) => (
              <tr key={tick.time}>
                <th scope="row">{clock(tick.time)}</th>
                <td class="number">{tick.used === undefined ? '–' : totalOf(tick)}</td>
                <td class="number">{tick.limit}</td>
                <td class="number">{tick.capacity}</td>
                <td class="number">{tick.waiting}</td>
                {PRESSURES.map((name) => (
                  <td key={name} class="number">
                    {percent(tick.pressure[name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** Each series is a build and all before it. */
function slotData(ticks: readonly Tick[]): uPlot.AlignedData {
  const stacks = Array.from({ length: OTHERS + 1 }, () => [] as (number | null)[]);
  for (const { used } of ticks) {
    let sum = 0;
    for (let number = 0; number <= OTHERS; number++) {
      sum += used?.[number] ?? 0;
      stacks[OTHERS - number]?.push(used === undefined ? null : sum);
    }
  }
  const known = (of: (tick: Tick) => number) => ticks.map((tick) => (tick.used === undefined ? null : of(tick)));
  return [ticks.map(({ time }) => time), ...stacks, known(({ capacity }) => capacity), known(({ limit }) => limit)];
}

const pressureData = (ticks: readonly Tick[]): uPlot.AlignedData => [
  ticks.map(({ time }) => time),
  ...PRESSURES.map((name) => ticks.map(({ pressure }) => pressure[name] ?? null)),
];

function slotSummary(ticks: readonly Tick[], span: number): string {
  const known = ticks.filter(({ used }) => used !== undefined);
  const last = known.at(-1);
  if (last === undefined) return 'Slots over time: nothing is known yet';
  const totals = known.map(totalOf);
  return `Slots in use over the last ${count(span / 60_000, 'minute')}: now ${totals.at(-1)} of ${last.capacity}, at least ${Math.min(...totals)}, at most ${Math.max(...totals)}. ${last.limit} may be out.`;
}

function pressureSummary(ticks: readonly Tick[]): string {
  const words = PRESSURES.map((name) => {
    const known = ticks.map(({ pressure }) => pressure[name]).filter((one) => one !== undefined);
    return `${name} ${percent(known.at(-1))}, at most ${percent(known.length === 0 ? undefined : Math.max(...known))}`;
  });
  return `Pressure: ${words.join('; ')}.`;
}

const percent = (value: number | undefined): string =>
  value === undefined ? '–' : `${value.toFixed(value < 10 ? 1 : 0)} %`;
