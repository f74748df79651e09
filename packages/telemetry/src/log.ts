// One line per fact: JSON for machines, columns for people. A service that says too much is cut short, so that what
// others send us cannot fill a disk.
import type { LogFields, LogLevel } from '@internode/actor';

export interface LogOptions {
  readonly format: 'pretty' | 'json';
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  readonly node: string;
  /** Receives whole lines, line break included. */
  readonly write: (line: string) => void;
  readonly unixMs: () => number;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
/** Lines of one service within one second; the rest are counted and the count is written. */
const LINES_PER_SECOND_MAX = 200;
const FIELD_CHARACTERS_MAX = 2000;

interface Allowance {
  second: number;
  lines: number;
  suppressed: number;
}

export class Log {
  readonly #options: LogOptions;
  readonly #allowances = new Map<string, Allowance>();

  constructor(options: LogOptions) {
    this.#options = options;
  }

  line(service: string, level: LogLevel, text: string, fields: LogFields = {}): void {
    if (RANK[level] < RANK[this.#options.level]) return;
    const unixMs = this.#options.unixMs();
    if (this.#allowed(service, unixMs)) this.#write(unixMs, service, level, text, fields);
  }

  #allowed(service: string, unixMs: number): boolean {
    const second = Math.floor(unixMs / 1000);
    let allowance = this.#allowances.get(service);
    if (allowance === undefined) {
      allowance = { second, lines: 0, suppressed: 0 };
      this.#allowances.set(service, allowance);
    }
    if (allowance.second !== second) {
      const { suppressed } = allowance;
      Object.assign(allowance, { second, lines: 0, suppressed: 0 });
      if (suppressed > 0)
        this.#write(unixMs, service, 'warn', 'log lines suppressed', { suppressed });
    }
    allowance.lines += 1;
    if (allowance.lines <= LINES_PER_SECOND_MAX) return true;
    allowance.suppressed += 1;
    return false;
  }

  #write(unixMs: number, service: string, level: LogLevel, text: string, fields: LogFields): void {
    const { format, node, write } = this.#options;
    const ts = new Date(unixMs).toISOString();
    if (format === 'json') {
      const line: Record<string, unknown> = { ts, level, service, node, text };
      for (const [name, value] of Object.entries(fields)) {
        line[name] = typeof value === 'bigint' ? value.toString() : bounded(value);
      }
      return write(`${JSON.stringify(line)}\n`);
    }
    let line = `${ts.slice(11, 23)} ${level.padEnd(5)} ${service.padEnd(9)} ${printable(text)}`;
    for (const [name, value] of Object.entries(fields)) {
      line += `  ${name}=${printable(String(bounded(value)))}`;
    }
    write(`${line}\n`);
  }
}

function bounded<Value>(value: Value): Value | string {
  if (typeof value !== 'string' || value.length <= FIELD_CHARACTERS_MAX) return value;
  return `${value.slice(0, FIELD_CHARACTERS_MAX)}…`;
}

/** Text from outside must not move the cursor or fake a line. Line breaks of our own stack traces become ' | '. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/\s*\n\s*/g, ' | ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
