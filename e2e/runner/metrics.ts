// What a replica counts, all of its processes together, as its /metrics shows it.
import type { Replica } from './replica.ts';

export interface Metric {
  readonly name: string;
  /** As it stands between the braces; '' when there are none. */
  readonly labels: string;
  readonly value: number;
}

type Shown = Pick<Replica, 'gatewayUrl'>;

export async function metricsOf({ gatewayUrl }: Shown): Promise<Metric[]> {
  const text = await (await fetch(`${gatewayUrl}/metrics`)).text();
  return [...text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value]) => ({ name, labels, value: Number(value) }),
  );
}

/** Of one counter, whatever its labels. */
export async function totalOf(shown: Shown, name: string): Promise<number> {
  const metrics = await metricsOf(shown);
  return metrics.reduce((sum, metric) => sum + (metric.name === name ? metric.value : 0), 0);
}
