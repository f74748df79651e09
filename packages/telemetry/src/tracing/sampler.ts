// Which requests and blocks are traced: OpenTelemetry's own variables, or, when nobody has set them, so few a second that it
// costs nothing measurable while whoever tries a call by hand finds it.
import {
  BLOCKS_PER_TRACE,
  CLIENT_ROOTS_AT_ONCE,
  CLIENT_ROOTS_PER_SECOND,
  ROOTS_AT_ONCE,
  ROOTS_PER_SECOND,
} from '../limits.ts';
import { Bucket } from './bucket.ts';
import type { TraceContext } from './trace-span.ts';

export interface Sampler {
  /** `parent` is the client's, if it sent one. */
  request(name: string, traceId: string, parent: TraceContext | undefined, nowMs: number): boolean;
  /** Of a block with no traced call. The same at every process and member of a subnet that is configured the same. */
  block(height: number): boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined: no spans are wanted. `warn` is told of what is not understood. */
export function samplerOf(
  environment: Environment,
  warn: (text: string) => void = () => {},
): Sampler | undefined {
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined;
  const name = environment['OTEL_TRACES_SAMPLER'] ?? '';
  switch (name) {
    case 'always_off':
      return undefined;
    case 'always_on':
      return { request: () => true, block: () => true };
    case 'traceidratio': {
      const ratio = ratioOf(environment, warn);
      return ratio === 0
        ? undefined
        : {
            request: (_name, traceId) => isInRatio(traceId, ratio),
            block: (height) => isBlockInRatio(height, ratio),
          };
    }
    case 'parentbased_always_on':
      return parentBased(1);
    case 'parentbased_always_off':
      return parentBased(0);
    case 'parentbased_traceidratio':
      return parentBased(ratioOf(environment, warn));
    case '':
      return new Sparing();
    default:
      warn(`OTEL_TRACES_SAMPLER=${name.slice(0, 40)} is unknown: traces are sampled sparingly`);
      return new Sparing();
  }
}

function parentBased(ratio: number): Sampler {
  return {
    request: (_name, traceId, parent) => parent?.sampled ?? isInRatio(traceId, ratio),
    block: (height) => isBlockInRatio(height, ratio),
  };
}

/** What the standard says of a value that is none: as if it were 1. */
function ratioOf(environment: Environment, warn: (text: string) => void): number {
  const text = environment['OTEL_TRACES_SAMPLER_ARG'];
  const ratio = text === undefined || text.trim() === '' ? 1 : Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  warn(`OTEL_TRACES_SAMPLER_ARG=${text?.slice(0, 40)} is no number from 0 to 1: all is sampled`);
  return 1;
}

function isInRatio(traceId: string, ratio: number): boolean {
  return ratio >= 1 || Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32;
}

function isBlockInRatio(height: number, ratio: number): boolean {
  // Neighbours are spread out: every member comes to the same answer without asking.
  return ratio >= 1 || Math.imul(height, 0x9e3779b1) >>> 0 < ratio * 2 ** 32;
}

class Sparing implements Sampler {
  readonly #byName = new Map<string, Bucket>();
  readonly #clients = new Bucket(CLIENT_ROOTS_PER_SECOND, CLIENT_ROOTS_AT_ONCE);

  request(name: string, _traceId: string, parent: TraceContext | undefined, nowMs: number) {
    if (parent !== undefined) return parent.sampled && this.#clients.take(nowMs);
    let bucket = this.#byName.get(name);
    if (bucket === undefined) {
      bucket = new Bucket(ROOTS_PER_SECOND, ROOTS_AT_ONCE);
      this.#byName.set(name, bucket);
    }
    return bucket.take(nowMs);
  }

  block(height: number): boolean {
    return height % BLOCKS_PER_TRACE === 0;
  }
}
