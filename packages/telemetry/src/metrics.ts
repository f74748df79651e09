// Counters, gauges and histograms as Prometheus text. Names are checked and labels bounded here, so that no room can
// flood a monitoring system; what breaks the rules is dropped and counted.
import type { MetricChange, MetricLabels } from '@internode/actor';

/** Series of one metric; labels must have few values. */
const SERIES_MAX = 128;
const UNCLEAN = /[\\"\n]/;
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

const SECONDS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const BYTES = [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

type Kind = MetricChange['kind'];

interface Series {
  value: number;
  /** Of a histogram: how many values fell into each bucket, the last being +Inf. */
  readonly buckets: number[];
}

interface Family {
  readonly kind: Kind;
  readonly bounds: readonly number[];
  readonly byLabels: Map<string, Series>;
}

export class Metrics {
  readonly #families = new Map<string, Family>();
  /** The same by service, then by the name a room gives: found without putting a name together. */
  readonly #found = new Map<string, Map<string, Family>>();
  readonly #collectors: (() => void)[] = [];
  #rejected = 0;

  /** Applies a change to `internode_<service>_<name>`. */
  change(service: string, change: MetricChange): void {
    const series = this.#series(service, change);
    if (series === undefined) {
      this.#rejected += 1;
    } else if (change.kind === 'count') {
      series.value += change.by ?? 1;
    } else if (change.kind === 'gauge') {
      series.value = change.value;
    } else {
      const { value } = change;
      const bounds = boundsOf(change.name);
      let index = 0;
      while (index < bounds.length && !(value <= (bounds[index] as number))) index += 1;
      series.buckets[index] = (series.buckets[index] ?? 0) + 1;
      series.value += value;
    }
  }

  /** Sets a counter that is counted elsewhere. */
  setCount(service: string, name: string, value: number, labels?: MetricLabels): void {
    const change = { kind: 'count', name, ...(labels && { labels }) } as const;
    const series = this.#series(service, change);
    if (series !== undefined) series.value = value;
  }

  /** Runs before each `text`, for figures that are cheaper to read than to report. */
  collect(collector: () => void): void {
    this.#collectors.push(collector);
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    for (const collector of this.#collectors) collector();
    this.setCount('telemetry', 'rejected_total', this.#rejected);
    let text = '';
    for (const name of [...this.#families.keys()].sort()) {
      const family = this.#families.get(name) as Family;
      text += `# TYPE ${name} ${family.kind === 'count' ? 'counter' : family.kind}\n`;
      for (const [labels, series] of family.byLabels)
        text += seriesText(name, family, labels, series);
    }
    return text;
  }

  #series(service: string, change: Named): Series | undefined {
    const family = this.#found.get(service)?.get(change.name) ?? this.#family(service, change);
    if (family?.kind !== change.kind) return undefined;
    const labels = change.labels === undefined ? '' : labelText(change.labels);
    let series = family.byLabels.get(labels);
    if (series === undefined) {
      if (family.byLabels.size >= SERIES_MAX) return undefined;
      series = { value: 0, buckets: [...family.bounds, 0].map(() => 0) };
      family.byLabels.set(labels, series);
    }
    return series;
  }

  #family(service: string, change: Named): Family | undefined {
    const name = `internode_${service}_${change.name}`;
    let family = this.#families.get(name);
    if (family === undefined) {
      if (!NAME.test(name) || (change.kind === 'count' && !name.endsWith('_total')))
        return undefined;
      const bounds = change.kind === 'histogram' ? boundsOf(name) : [];
      family = { kind: change.kind, bounds, byLabels: new Map() };
      this.#families.set(name, family);
    }
    const ofService = this.#found.get(service) ?? new Map<string, Family>();
    this.#found.set(service, ofService.set(change.name, family));
    return family;
  }
}

type Named = Pick<MetricChange, 'kind' | 'name' | 'labels'>;

function boundsOf(name: string): readonly number[] {
  if (name.endsWith('_seconds')) return SECONDS;
  return name.endsWith('_bytes') ? BYTES : COUNTS;
}

function labelText(labels: MetricLabels): string {
  const names = Object.keys(labels);
  if (names.length > 1) names.sort();
  let text = '';
  for (const name of names) {
    const value = labels[name] ?? '';
    const clean = UNCLEAN.test(value) ? value.replace(/[\\"\n]/g, '_') : value;
    text += `${text === '' ? '' : ','}${name}="${clean}"`;
  }
  return text;
}

function seriesText(name: string, family: Family, labels: string, series: Series): string {
  const braces = labels === '' ? '' : `{${labels}}`;
  if (family.kind !== 'histogram') return `${name}${braces} ${series.value}\n`;
  const prefix = labels === '' ? '' : `${labels},`;
  let text = '';
  let count = 0;
  for (let i = 0; i <= family.bounds.length; i++) {
    count += series.buckets[i] ?? 0;
    text += `${name}_bucket{${prefix}le="${family.bounds[i] ?? '+Inf'}"} ${count}\n`;
  }
  return `${text}${name}_sum${braces} ${series.value}\n${name}_count${braces} ${count}\n`;
}
