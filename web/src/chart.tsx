// A chart over time that fills its box, follows the theme, and says under which second the pointer is.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock } from './format.ts';

/** Between two marks of the time, milliseconds. */
const STEPS = [5, 10, 15, 30, 60, 120, 300].map((seconds) => 1000 * seconds);

interface Line extends uPlot.Series {
  /** The name of the CSS variable that has its colour. */
  tint: string;
  filled?: boolean;
}

interface ChartProps {
  /** What a person who does not see it is told. */
  summary: string;
  height: number;
  lines: readonly Line[];
  data: uPlot.AlignedData;
  /** Unix times in milliseconds. */
  range: readonly [number, number];
  /** The top of the scale. */
  top: number;
  /** How a figure is written at the side. */
  unit?: string;
  /** Another chart is made when it changes. */
  theme: string;
  /** Told the tick under the pointer; undefined: there is none. */
  onPoint(index: number | undefined): void;
}

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { theme, height, data, range, top, summary } = props;

  // Another theme has other colours.
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const made = new uPlot(optionsOf(latest, element), latest.current.data, element);
    chart.current = made;
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== made.width) made.setSize({ width, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [theme, height]);

  // The scales look at `latest`.
  useEffect(() => chart.current?.setData(data, true), [data, range[0], range[1], top]);

  return <div ref={box} class="chart" role="img" aria-label={summary} style={{ height: `${height}px` }} />;
}

function optionsOf(latest: { readonly current: ChartProps }, element: HTMLElement): uPlot.Options {
  const { height, lines, unit = '' } = latest.current;
  const style = getComputedStyle(element);
  const css = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: css('--muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: css('--grid'), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
  return {
    width: Math.max(1, element.clientWidth),
    height,
    ms: 1,
    legend: { show: false },
    padding: [8, 26, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: 'time' } },
    scales: {
      x: { time: true, range: () => latest.current.range as [number, number] },
      y: { range: () => [0, latest.current.top] },
    },
    axes: [
      { ...axis, size: 28, space: 60, incrs: STEPS, values: (_, times) => times.map(marksOf(times)) },
      {
        ...axis,
        size: 42,
        incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000],
        values: (_, ys) => ys.map((y) => `${y}${unit}`),
      },
    ],
    series: [
      {},
      ...lines.map(({ tint, filled = false, ...line }) => ({
        width: filled ? 0 : 1.5,
        points: { show: false },
        ...line,
        ...(filled ? { fill: css(tint) } : { stroke: css(tint) }),
      })),
    ],
    hooks: { setCursor: [({ cursor }) => latest.current.onPoint(cursor.idx ?? undefined)] },
  };
}

/** Seconds only where there are some. */
function marksOf(times: readonly number[]): (time: number) => string {
  const whole = times.every((time) => time % 60_000 === 0);
  return (time) => (whole ? clock(time).slice(0, 5) : clock(time));
}
