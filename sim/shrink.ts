// Makes a failing life smaller while it fails the same way: fewer nodes that are not honest, less of what they do, fewer
// kinds of trouble, a shorter time of it, fewer draws.
import type { Report } from '@internode/sim';
import { drawFaults, type Fault, type Faults } from './adversaries/index.ts';
import type { Lives } from './seeds.ts';
import { commandOf, type Shape, TROUBLES } from './shape.ts';

export interface Shrunk {
  readonly shape: Shape;
  readonly report: Report;
  readonly lives: number;
}

export class Shrinking {
  readonly #lives: Lives;
  readonly #seed: string;
  readonly #name: string;
  readonly #tell: (text: string) => void;
  #shape: Shape;
  #report: Report;
  #count = 0;

  constructor(
    lives: Lives,
    failed: { readonly seed: string; readonly shape: Shape; readonly report: Report },
    tell: (text: string) => void,
  ) {
    this.#lives = lives;
    this.#seed = failed.seed;
    this.#shape = failed.shape;
    this.#report = failed.report;
    this.#name = nameOf(failed.report);
    this.#tell = tell;
  }

  async run(): Promise<Shrunk> {
    await this.#faults();
    await this.#hazards();
    for (const trouble of TROUBLES) {
      const { without } = this.#shape;
      if (!without.includes(trouble)) {
        await this.#try({ ...this.#shape, without: [...without, trouble] });
      }
    }
    await this.#shorter();
    await this.#draws();
    return { shape: this.#shape, report: this.#report, lives: this.#count };
  }

  async #try(shape: Shape): Promise<boolean> {
    this.#count += 1;
    const report = await this.#lives.live(this.#seed, shape);
    if (nameOf(report) !== this.#name) return false;
    this.#shape = shape;
    this.#report = report;
    this.#tell(`smaller    ${commandOf(this.#seed, shape)}`);
    return true;
  }

  async #faults(): Promise<void> {
    const { nodes, draws } = this.#shape;
    if (nodes === 1) return;
    const faultsNow = (): Faults => this.#shape.faults ?? drawFaults(this.#seed, nodes, draws);
    const put = (change: (faults: Map<number, Fault>) => void): Promise<boolean> => {
      const faults = new Map(faultsNow());
      change(faults);
      return this.#try({ ...this.#shape, faults });
    };
    if (await put((faults) => faults.clear())) return;
    for (const number of faultsNow().keys()) {
      if (await put((faults) => faults.delete(number))) continue;
      const fault = faultsNow().get(number);
      if (fault?.kind !== 'tempted') continue;
      for (const name of fault.by) {
        const now = faultsNow().get(number);
        if (now?.kind !== 'tempted' || now.by.length === 1) break;
        const by = now.by.filter((other) => other !== name);
        await put((faults) => faults.set(number, { kind: 'tempted', by }));
      }
    }
  }

  async #hazards(): Promise<void> {
    if (this.#shape.nodes === 1) return;
    for (const without of [{ epochLength: 0, blocksKept: 0 }, { lostDisk: 'none' as const }]) {
      await this.#try({ ...this.#shape, hazards: { ...this.#shape.hazards, ...without } });
    }
  }

  async #shorter(): Promise<void> {
    for (let ms = Math.min(4_000, this.#report.virtualMs); ms > 100; ms = Math.round(ms / 2)) {
      if (!(await this.#try({ ...this.#shape, safetyMs: Math.round(ms) }))) return;
    }
  }

  /** The smallest number of draws of each stream that still fails, found by halving. */
  async #draws(): Promise<void> {
    let low = 0;
    let high = this.#shape.draws ?? 4_096;
    if (!(await this.#try({ ...this.#shape, draws: high }))) return;
    while (high - low > Math.max(1, high >> 3)) {
      const middle = (low + high) >> 1;
      if (await this.#try({ ...this.#shape, draws: middle })) high = middle;
      else low = middle;
    }
  }
}

/** The checker that fired: what makes two failures the same. */
function nameOf({ violation }: Report): string {
  return (violation ?? '').split(':')[0] ?? '';
}
