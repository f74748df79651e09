// A trace as a terminal shows it.
import type { Waterfall, WaterfallRow } from '@internode/telemetry';

const NAME_WIDTH = 32;
const TIMES_WIDTH = 20;

/** One line a span, at most `width` columns. */
export function waterfallText(trace: Waterfall, width: number): string {
  const barWidth = width - NAME_WIDTH - TIMES_WIDTH;
  const wholeMs = Math.max(0.001, ...trace.rows.map((row) => row.offsetMs + row.durationMs));
  const lines = trace.rows.map((row) => lineOf(row, { barWidth, wholeMs }));
  const axis = `${'0 ms'.padEnd(barWidth - 1)}│ ${shown(wholeMs)} ms`;
  return [...headOf(trace), '', `${''.padEnd(NAME_WIDTH)}${axis}`, ...lines].join('\n');
}

function headOf(trace: Waterfall): string[] {
  const { name, method, canister, status, durationMs, height, requestId, traceId } = trace;
  const what = [name, method, canister && `on ${canister}`].filter((part) => part !== '').join(' ');
  const lines = [printable(`${what}: ${status}, ${shown(durationMs)} ms`)];
  if (height !== null) lines.push(`height   ${height}`);
  if (requestId !== '') lines.push(`request  ${printable(requestId)}`);
  lines.push(
    `trace    ${printable(traceId)}`,
    `started  ${new Date(trace.startUnixMs).toISOString()}`,
  );
  if (trace.dropped > 0) lines.push(`${trace.dropped} spans more were not kept`);
  return lines;
}

function lineOf(row: WaterfallRow, scale: { barWidth: number; wholeMs: number }): string {
  const { depth, service, name, offsetMs, durationMs, fault } = row;
  const queuedMs = Math.min(row.queuedMs, durationMs);
  const title = printable(`${'  '.repeat(Math.min(depth, 4))}${service} ${name}`);
  const column = (ms: number): number => Math.round((ms / scale.wholeMs) * scale.barWidth);
  const from = Math.min(column(offsetMs), scale.barWidth - 1);
  const waits = column(offsetMs + queuedMs) - from;
  const works = Math.max(waits === 0 ? 1 : 0, column(offsetMs + durationMs) - from - waits);
  const bar = `${' '.repeat(from)}${'░'.repeat(waits)}${'█'.repeat(works)}`;
  const times =
    queuedMs < 0.005 ? shown(durationMs) : `${shown(queuedMs)} + ${shown(durationMs - queuedMs)}`;
  const tail = fault === '' ? '' : `  ${printable(fault).slice(0, 60)}`;
  return `${title.slice(0, NAME_WIDTH - 1).padEnd(NAME_WIDTH)}${bar
    .slice(0, scale.barWidth)
    .padEnd(scale.barWidth)} ${times.padStart(TIMES_WIDTH - 1)}${tail}`;
}

function shown(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

/** Names come from others: they must not move the cursor. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
