/** Prints the median and best time of one call, over batches that take about `batchMs`. */
export function measure(name: string, work: () => unknown): void {
  const batchMs = 30;
  let batch = 1;
  while (timeMs(work, batch) < batchMs && batch < 100_000) batch *= 2;
  const times = Array.from({ length: 15 }, () => (timeMs(work, batch) * 1000) / batch);
  times.sort((left, right) => left - right);
  const [best = 0, median = 0] = [times[0], times[7]];
  console.log(`${name.padEnd(44)} ${median.toFixed(1).padStart(9)} µs  best ${best.toFixed(1)}`);
}

function timeMs(work: () => unknown, times: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}
