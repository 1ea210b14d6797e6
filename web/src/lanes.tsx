// Who held each slot of a build when: a lane for each slot, drawn on a canvas, as there can be many thousand spans.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Choices } from './choices.tsx';
import { clock, count, took } from './format.ts';
import { OTHERS } from './palette.ts';
import { holdersOf, type Lanes as LanesOf, lanesOf, type Span, type Trace } from './spans.ts';

const LANE = 18;
/** How strongly a span has the colour of the build, by its process. */
const SHADES = [1, 0.72, 0.5] as const;
const AXIS = 20;
/** Processes that are listed. */
const LISTED = 50;

const WINDOWS = [
  { name: 'all', span: Number.POSITIVE_INFINITY },
  { name: '1 min', span: 60_000 },
  { name: '10 s', span: 10_000 },
] as const;

interface LanesProps {
  trace: Trace;
  /** The number of the build's colour. */
  tint: number;
  theme: string;
  /** The program of a process, where it is known. */
  programOf(pid: number): string | undefined;
}

export function Lanes({ trace, tint, theme, programOf }: LanesProps) {
  const [span, setSpan] = useState<number>(WINDOWS[0].span);
  const [under, setUnder] = useState<Span | undefined>(undefined);
  const lanes = useMemo(() => lanesOf(trace), [trace]);
  const nameOf = (pid: number) => (pid === 0 ? 'a job' : `${programOf(pid) ?? 'process'} ${pid}`);
  if (lanes.spans.length === 0) return <p class="empty">It has taken no slot yet.</p>;
  const { missed } = trace.otherData;
  return (
    <>
      <header class="bar">
        <h3>Who held each slot</h3>
        <Choices legend="How much of it" of={WINDOWS} span={span} onChoose={setSpan} />
      </header>
      <Canvas lanes={lanes} span={span} tint={tint} theme={theme} onSpan={setUnder} />
      <p class="readout" aria-hidden="true">
        {under === undefined ? 'Point at a lane to see who held it.' : wordsOf(under, lanes.origin, nameOf)}
      </p>
      <a
        class="aside"
        href={`/api/builds/${trace.otherData.build}/trace`}
        download={`build-${trace.otherData.build}.json`}
      >
        Save it for a viewer of traces
      </a>
      {missed > 0 && <p class="muted">{missed} more takes and returns were not kept.</p>}
      <Holders spans={lanes.spans} nameOf={nameOf} />
    </>
  );
}

function wordsOf({ lane, pid, from, to, waited, open }: Span, origin: number, nameOf: (pid: number) => string): string {
  const wait = waited >= 1 ? `, after a wait of ${took(waited)}` : '';
  return `slot ${lane + 1}: ${nameOf(pid)}, from ${clock(origin + from)} for ${took(to - from)}${open ? ' up to now' : ''}${wait}`;
}

interface CanvasProps {
  lanes: LanesOf;
  span: number;
  tint: number;
  theme: string;
  onSpan(span: Span | undefined): void;
}

function Canvas({ lanes, span, tint, theme, onSpan }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const box = (canvas.current as HTMLCanvasElement).parentElement as HTMLElement;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const height = lanes.lanes * LANE + AXIS;
  const begin = Math.max(0, lanes.length - span);
  const scale = width / Math.max(1, lanes.length - begin);
  // Another theme has other colours.
  useEffect(() => {
    if (width > 0) draw(canvas.current as HTMLCanvasElement, { ...lanes, tint, width, height, begin, scale });
  }, [lanes, tint, width, height, begin, scale, theme]);
  const pointed = ({ offsetX, offsetY }: { offsetX: number; offsetY: number }) => {
    const [time, lane] = [begin + offsetX / scale, Math.floor(offsetY / LANE)];
    onSpan(lanes.spans.findLast((one) => one.lane === lane && one.from <= time && time <= one.to));
  };
  return (
    <div class="lanes">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${count(lanes.lanes, 'slot')} over ${took(lanes.length)}, taken ${count(lanes.spans.length, 'time')}. The table below lists who held them.`}
        onPointerMove={pointed}
        onPointerDown={pointed}
        onPointerLeave={() => onSpan(undefined)}
      />
    </div>
  );
}

interface View extends LanesOf {
  tint: number;
  width: number;
  height: number;
  begin: number;
  /** Pixels of a millisecond. */
  scale: number;
}

function draw(
  canvas: HTMLCanvasElement,
  { spans, lanes, length, origin, tint, width, height, begin, scale }: View,
): void {
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const style = getComputedStyle(canvas);
  const css = (name: string) => style.getPropertyValue(name).trim();
  const [wait, held] = [css('--limit'), css(tint === OTHERS ? '--accent' : `--c${tint}`)];
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.scale(ratio, ratio);
  for (let lane = 0; lane < lanes; lane++) {
    context.fillStyle = css('--lane');
    context.fillRect(0, lane * LANE + 1, width, LANE - 2);
  }
  for (const { lane, pid, from, to, waited } of spans) {
    if (to < begin) continue;
    const [x, end, y] = [(from - begin) * scale, (to - begin) * scale, lane * LANE];
    context.globalAlpha = 1;
    context.fillStyle = wait;
    if (waited * scale >= 2) context.fillRect(x - waited * scale, y + LANE / 2 - 1, waited * scale, 2);
    context.globalAlpha = SHADES[pid % SHADES.length] as number;
    context.fillStyle = held;
    // A pixel between two that follow each other, where there is room for it.
    context.fillRect(x, y + 2, Math.max(0.5, end - x - (end - x > 3 ? 1 : 0)), LANE - 4);
  }
  context.globalAlpha = 1;
  context.fillStyle = css('--muted');
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'bottom';
  const marks = Math.max(1, Math.floor(width / 130));
  for (let mark = 0; mark <= marks; mark++) {
    context.textAlign = mark === 0 ? 'left' : mark === marks ? 'right' : 'center';
    context.fillText(clock(origin + begin + ((length - begin) * mark) / marks), (width * mark) / marks, height);
  }
}

function Holders({ spans, nameOf }: { spans: readonly Span[]; nameOf(pid: number): string }) {
  const [open, setOpen] = useState(false);
  const holders = open ? holdersOf(spans) : [];
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>In figures</summary>
      <table>
        <caption class="hidden">Who held slots, the longest first</caption>
        <thead>
          <tr>
            <th scope="col">Process</th>
            {['Held', 'Times', 'Longest wait'].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {holders.slice(0, LISTED).map(({ pid, times, held, longestWait }) => (
            <tr key={pid}>
              <th scope="row">{nameOf(pid)}</th>
              <td class="number">{took(held)}</td>
              <td class="number">{times}</td>
              <td class="number">{longestWait < 1 ? '–' : took(longestWait)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {holders.length > LISTED && <p class="muted">and {holders.length - LISTED} more</p>}
    </details>
  );
}
