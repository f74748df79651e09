// What one process of a node knows of itself, told to another that shows it: the gateway's /metrics and /readyz.
import type { Caller } from '@internode/actor';
import type { ProcessFigures } from '@internode/contracts';
import { mergedExpositions } from './exposition.ts';
import type { Host } from './host.ts';
import { speakerOf } from './speaker.ts';

/** A process that does not answer in time is left out. */
const WAIT_MS = 300;
/** Whoever asks sooner is told the same. */
const KEPT_MS = 200;

/** Lets the others see the figures of this process, under the name of its unit. */
export function tellFigures(host: Host, unit: string): void {
  const caller = speakerOf(host, unit);
  caller.listen('RequestFigures', () => {
    const metrics = host.telemetry.metrics.text();
    caller.tell({ kind: 'ProcessFigures', service: unit, metrics, trouble: host.trouble ?? '' });
  });
}

/** Collects what other processes say. */
export class FiguresOfOthers {
  readonly #host: Host;
  readonly #name: string;
  readonly #caller: Caller;
  readonly #services: readonly string[];
  #told = new Map<string, ProcessFigures>();
  #complete: () => void = () => {};
  #asked: { readonly ms: number; readonly figures: Promise<readonly ProcessFigures[]> } | undefined;

  constructor(host: Host, name: string, services: readonly string[]) {
    this.#host = host;
    this.#name = name;
    this.#services = services;
    this.#caller = speakerOf(host, name);
    this.#caller.listen('ProcessFigures', (figures) => {
      if (!services.includes(figures.service)) return;
      this.#told.set(figures.service, figures);
      if (this.#told.size === services.length) this.#complete();
    });
  }

  /** In the order of the services. Never rejects. */
  ask(): Promise<readonly ProcessFigures[]> {
    const { ms } = this.#host.clock.now();
    if (this.#asked === undefined || ms - this.#asked.ms > WAIT_MS + KEPT_MS)
      this.#asked = { ms, figures: this.#ask() };
    return this.#asked.figures;
  }

  /** Why nothing new can be certified, if any of them knows. */
  async trouble(): Promise<string | undefined> {
    return (await this.ask()).find(({ trouble }) => trouble !== '')?.trouble;
  }

  /** Of all, beside those of this process. Of several of a service, those of all but the first say whose they are. */
  async metrics(): Promise<string> {
    const others = (await this.ask()).map(({ service, metrics }) => ({
      instance: instanceOf(service),
      text: metrics.replaceAll(OF_ALL, ''),
    }));
    const text = this.#host.telemetry.metrics.text();
    return mergedExpositions([{ instance: instanceOf(this.#name), text }, ...others]);
  }

  async #ask(): Promise<readonly ProcessFigures[]> {
    this.#told = new Map();
    await new Promise<void>((resolve) => {
      const cancel = this.#host.clock.after(WAIT_MS, resolve);
      this.#complete = () => {
        cancel();
        resolve();
      };
      this.#caller.tell({ kind: 'RequestFigures' });
    });
    return this.#services.flatMap((service) => this.#told.get(service) ?? []);
  }
}

/** The first of its service is meant where nobody is named. */
function instanceOf(unit: string): string | undefined {
  return /-\d+$/.test(unit) ? unit : undefined;
}

/** Every process has these under the same name: those of the process that shows them are enough. */
const OF_ALL = /^(# TYPE )?internode_telemetry_.*\n/gm;
