import type { Telemetry } from '@internode/telemetry';

/** What the whole process takes, by the name of what it runs: services in threads of one process share one. */
export function watchProcess(telemetry: Telemetry, unit: string): void {
  const { metrics } = telemetry;
  const labels = { unit };
  metrics.collect(() => {
    const { user, system } = process.cpuUsage();
    metrics.setCount('process', 'cpu_seconds_total', (user + system) / 1e6, labels);
    const { rss, heapUsed, external } = process.memoryUsage();
    const gauge = (name: string, value: number): void =>
      metrics.change('process', { kind: 'gauge', name, value, labels });
    gauge('resident_bytes', rss);
    gauge('heap_used_bytes', heapUsed);
    gauge('external_bytes', external);
  });
}
