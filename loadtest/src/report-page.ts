// The report of a run as one HTML file without anything from elsewhere: charts are SVG made here.
import type { StageFigures } from '@internode/telemetry';
import type { Second } from './timeline.ts';
import type { Sample, Usage } from './usage.ts';

export interface Report {
  readonly title: string;
  /** Rows of what was asked for and what came of it. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly bottleneck: string;
  readonly seconds: readonly Second[];
  readonly histograms: readonly { readonly name: string; readonly valuesMs: readonly number[] }[];
  readonly usage: Usage;
  readonly samples: readonly Sample[];
  readonly stages: readonly StageFigures[];
}

const WIDTH = 860;
const HEIGHT = 170;
const LEFT = 52;
const BOTTOM = 18;
const COLOURS = [
  '#2563eb',
  '#ea580c',
  '#16a34a',
  '#9333ea',
  '#0891b2',
  '#be123c',
  '#854d0e',
  '#475569',
];

export function reportPage(report: Report): string {
  const { title, facts, bottleneck, seconds, histograms, usage, samples, stages } = report;
  const parts = [
    `<h1>${escaped(title)}</h1>`,
    `<p class="bottleneck"><b>Bottleneck</b> ${escaped(bottleneck)}</p>`,
    table(
      [],
      facts.map(([name, value]) => [name, value]),
    ),
    chart('Requests per second', [
      { name: 'due', values: seconds.map(({ due }) => due) },
      { name: 'answered', values: seconds.map(({ answered }) => answered) },
    ]),
    chart('Latency from the instant due, ms', [
      { name: 'p50', values: seconds.map(({ p50Ms }) => p50Ms) },
      { name: 'p99', values: seconds.map(({ p99Ms }) => p99Ms) },
    ]),
    ...histograms.map(({ name, valuesMs }) => histogram(name, valuesMs)),
    chart(
      'Cores',
      usage.units.map(({ unit }) => ({ name: unit, values: coresOf(samples, unit) })),
    ),
    chart(
      'Resident memory, MB',
      usage.units.map(({ unit }) => ({ name: unit, values: memoryOf(samples, unit) })),
    ),
    '<h2>Processes</h2>',
    table(
      ['process', 'cores, mean', 'memory, most'],
      [
        ...usage.units.map(({ unit, cores, residentBytes }) => [
          unit,
          cores.toFixed(2),
          `${(residentBytes / 1e6).toFixed(0)} MB`,
        ]),
        ['generator', usage.generatorCores.toFixed(2), ''],
      ],
    ),
    '<h2>Services</h2>',
    table(
      ['service', 'busy with steps', 'mean wait in the mailbox'],
      usage.services.map(({ service, busy, waitMs }) => [
        service,
        `${(busy * 100).toFixed(1)} %`,
        `${waitMs.toFixed(2)} ms`,
      ]),
    ),
    '<h2>Stages of calls that were traced</h2>',
    stages.length === 0
      ? '<p>None were traced, or the replica does not show its traces to us.</p>'
      : table(
          ['stage', 'calls', 'p50', 'p95', 'waiting, p50'],
          stages.map(({ stage, count, p50Ms, p95Ms, queuedP50Ms }) => [
            stage,
            String(count),
            `${p50Ms.toFixed(2)} ms`,
            `${p95Ms.toFixed(2)} ms`,
            `${queuedP50Ms.toFixed(2)} ms`,
          ]),
        ),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 1.2rem auto; max-width: 900px; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin: 1.4rem 0 .3rem }
.bottleneck { background: #fef3c7; padding: .5rem .8rem; border-radius: 4px }
table { border-collapse: collapse } td, th { padding: .15rem 1rem .15rem 0; text-align: left } td:not(:first-child) { font-variant-numeric: tabular-nums }
svg { display: block; font: 11px system-ui, sans-serif }
</style>
${parts.join('\n')}
</html>
`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${head.length > 0 ? row(head, 'th') : ''}${rows.map((cells) => row(cells, 'td')).join('')}</table>`;
}

interface Line {
  readonly name: string;
  readonly values: readonly number[];
}

/** Lines over time, one value a second; what is not a number is a gap. */
function chart(title: string, lines: readonly Line[]): string {
  const length = Math.max(2, ...lines.map(({ values }) => values.length));
  const most = Math.max(1e-9, ...lines.flatMap(({ values }) => values.filter(Number.isFinite)));
  const x = (index: number): number => LEFT + (index / (length - 1)) * (WIDTH - LEFT - 8);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - 10);
  const paths = lines.map(({ values }, number) => {
    let pen = 'M';
    let path = '';
    for (const [index, value] of values.entries()) {
      if (Number.isFinite(value)) path += `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = Number.isFinite(value) ? 'L' : 'M';
    }
    return `<path d="${path}" fill="none" stroke="${colourOf(number)}" stroke-width="1.6"/>`;
  });
  return `<h2>${escaped(title)}</h2>${legend(lines)}${frame(most, `${length} s`, paths.join(''))}`;
}

function legend(lines: readonly Line[]): string {
  return `<p>${lines.map(({ name }, number) => `<span style="color:${colourOf(number)}">■</span> ${escaped(name)}`).join(' &nbsp; ')}</p>`;
}

function colourOf(number: number): string {
  return COLOURS[number % COLOURS.length] ?? '#000';
}

function frame(most: number, end: string, inner: string): string {
  const axis = `<path d="M${LEFT} 8V${HEIGHT - BOTTOM}H${WIDTH}" fill="none" stroke="#999"/>`;
  const top = `<text x="${LEFT - 6}" y="16" text-anchor="end">${number3(most)}</text>`;
  const zero = `<text x="${LEFT - 6}" y="${HEIGHT - BOTTOM}" text-anchor="end">0</text>`;
  const right = `<text x="${WIDTH - 4}" y="${HEIGHT - 4}" text-anchor="end">${escaped(end)}</text>`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${axis}${top}${zero}${right}${inner}</svg>`;
}

const BARS = 60;

/** On a logarithmic scale, from the least value to the most. */
function histogram(title: string, valuesMs: readonly number[]): string {
  const values = valuesMs.filter((value) => value > 0 && Number.isFinite(value));
  if (values.length === 0) return '';
  const low = Math.log(values.reduce((least, value) => Math.min(least, value)));
  const high = Math.log(values.reduce((most, value) => Math.max(most, value)));
  const counts = new Array<number>(BARS).fill(0);
  for (const value of values) {
    const bar = Math.min(
      BARS - 1,
      Math.floor(((Math.log(value) - low) / Math.max(1e-9, high - low)) * BARS),
    );
    counts[bar] = (counts[bar] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  const width = (WIDTH - LEFT - 8) / BARS;
  const bars = counts.map((count, bar) => {
    const height = (count / most) * (HEIGHT - BOTTOM - 10);
    const fromMs = Math.exp(low + (bar / BARS) * (high - low));
    return `<rect x="${(LEFT + bar * width).toFixed(1)}" y="${(HEIGHT - BOTTOM - height).toFixed(1)}" width="${(width - 1).toFixed(1)}" height="${height.toFixed(1)}" fill="${COLOURS[0]}"><title>${number3(fromMs)} ms and more: ${count}</title></rect>`;
  });
  const from = `<text x="${LEFT}" y="${HEIGHT - 4}">${number3(Math.exp(low))} ms</text>`;
  return `<h2>${escaped(title)}</h2>${frame(most, `${number3(Math.exp(high))} ms, logarithmic`, bars.join('') + from)}`;
}

function number3(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Between one sample and the next. */
function coresOf(samples: readonly Sample[], unit: string): readonly number[] {
  const cpu = samples.map(({ series }) => seriesOf(series, 'cpu_seconds_total', unit));
  return samples.slice(1).map(({ atMs }, index) => {
    const tookS = (atMs - (samples[index]?.atMs ?? 0)) / 1e3;
    return ((cpu[index + 1] ?? Number.NaN) - (cpu[index] ?? Number.NaN)) / tookS;
  });
}

function memoryOf(samples: readonly Sample[], unit: string): readonly number[] {
  return samples.map(({ series }) => seriesOf(series, 'resident_bytes', unit) / 1e6);
}

function seriesOf(series: Sample['series'], name: string, unit: string): number {
  for (const [key, value] of series)
    if (key.startsWith(`internode_process_${name}{`) && key.includes(`unit="${unit}"`))
      return value;
  return Number.NaN;
}
