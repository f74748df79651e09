// How fast n nodes in 20 data centres agree: one run in virtual time, with the real cores of beacon, consensus and p2p.
import { performance } from 'node:perf_hooks';
import { dealSubnet, type SubnetDealing } from '@internode/beacon';
import { sha256 } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { CALM, type Checker, type Observed, Random, World } from '@internode/sim';
import type { Crypto } from '../crypto.ts';
import { lightNode } from './light-node.ts';
import { type Costs, type Meter, metered } from './metered.ts';

export type Case = 'honest' | 'silent' | 'no-rank-0';

export interface ScaleOptions {
  readonly nodes: number;
  readonly case: Case;
  /** Heights that are measured, after a few that are not. */
  readonly heights: number;
  readonly real: Pick<Crypto, 'bls' | 'signatures'>;
  readonly costs: Costs;
  readonly meter: Meter;
}

export interface ScaleResult {
  readonly nodes: number;
  readonly case: Case;
  readonly heights: number;
  /** From the block's making until it is final, over all heights and nodes. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly heightMs: number;
  readonly framesPerHeight: number;
  readonly bytesPerHeight: number;
  readonly cpuMsPerHeight: number;
  readonly wallSeconds: number;
  readonly events: number;
}

const WARM_UP = 3;
const CORES = 2;
/** What hearing one message costs a node's loop. */
const DELIVERY_MS = 0.02;
const VIRTUAL_MS_MAX = 120_000;
const WEATHER = { ...CALM, distance: 1, jitterMsMean: 2, bandwidthMbit: 300, syncDelayMsMean: 1 };

export function runScale(options: ScaleOptions): ScaleResult {
  const started = performance.now();
  const { nodes, meter, costs, real } = options;
  const crypto = metered(real, costs, meter);
  const dealing = dealingOf(nodes, real);
  const finality = new Finality(options.heights);
  const setups = setupsOf(options, dealing, crypto);
  const world: World = new World({
    seed: `scale ${nodes} ${options.case}`,
    nodes: setups,
    checkers: [finality],
    swarm: WEATHER,
    cpu: { cores: CORES, deliveryMs: DELIVERY_MS, charged: () => meter.take() },
  });
  world.startAll();
  world.storm();
  meter.take();
  let before = { frames: 0, bytes: 0, cpuMs: 0, ms: 0 };
  const figures = () => {
    const { frames, bytes } = world.network.figures;
    const cpuMs = setups.reduce((sum, { place }) => sum + world.cpuMs(place.node), 0);
    return { frames, bytes, cpuMs, ms: world.nowMs };
  };
  while (!finality.done && world.violation === undefined && world.nowMs < VIRTUAL_MS_MAX) {
    world.runFor(5);
    if (before.ms === 0 && finality.warm) before = figures();
  }
  if (world.violation !== undefined) throw new Error(world.violation);
  const after = figures();
  const heights = Math.max(1, finality.highest - WARM_UP);
  const perNodeAndHeight = (what: 'frames' | 'bytes' | 'cpuMs'): number =>
    (after[what] - before[what]) / heights / finality.nodes;
  return {
    nodes,
    case: options.case,
    heights,
    ...finality.percentiles(),
    heightMs: (after.ms - before.ms) / heights,
    framesPerHeight: perNodeAndHeight('frames'),
    bytesPerHeight: perNodeAndHeight('bytes'),
    cpuMsPerHeight: perNodeAndHeight('cpuMs'),
    wallSeconds: (performance.now() - started) / 1000,
    events: world.report().events,
  };
}

function setupsOf({ nodes, case: kind }: ScaleOptions, dealing: SubnetDealing, crypto: Crypto) {
  const faults = Math.floor((nodes - 1) / 3);
  const random = new Random(`scale ${nodes}`);
  const faulty = new Set<number>();
  while (kind !== 'honest' && faulty.size < faults) faulty.add(random.below(nodes));
  return Array.from({ length: nodes }, (_, number) => {
    const makesNone = kind === 'no-rank-0' && faulty.has(number);
    const setup = lightNode({ dealing, crypto, number, makesNone, parameters: {} });
    return kind === 'silent' && faulty.has(number) ? { ...setup, roles: [] } : setup;
  });
}

const dealt = new Map<number, SubnetDealing>();

function dealingOf(nodes: number, { bls, signatures }: ScaleOptions['real']): SubnetDealing {
  const known = dealt.get(nodes);
  if (known !== undefined) return known;
  const entropy = sha256(utf8('scale'));
  const dealing = dealSubnet({ nodes, entropy, bls, signatures });
  dealt.set(nodes, dealing);
  return dealing;
}

/** When each block was made, and when it was final at each node. */
class Finality implements Checker {
  readonly name = 'finality';
  readonly #heights: number;
  /** By height and rank. */
  readonly #made = new Map<string, number>();
  readonly #ranks = new Map<number, number>();
  readonly #finals: { readonly height: number; readonly ms: number }[] = [];
  readonly #nodes = new Set<string>();
  readonly #reached = new Map<number, number>();
  highest = 0;

  constructor(heights: number) {
    this.#heights = heights;
  }

  get nodes(): number {
    return this.#nodes.size;
  }

  get warm(): boolean {
    return this.highest >= WARM_UP;
  }

  /** The last height that is measured has reached all but a few. */
  get done(): boolean {
    const reached = this.#reached.get(WARM_UP + this.#heights) ?? 0;
    return reached > 0 && reached >= this.#nodes.size;
  }

  onEvent({ ms, node, event }: Observed): undefined {
    const { kind, height, rank } = event as unknown as Record<string, number> & { kind: string };
    if (kind === 'BlockProposed') this.#made.set(`${height}/${rank}`, ms);
    if (kind === 'HeightNotarized' && height !== undefined && rank !== undefined) {
      this.#nodes.add(node);
      this.#ranks.set(height, Math.min(rank, this.#ranks.get(height) ?? rank));
    }
    if (kind === 'HeightFinalized' && height !== undefined) {
      this.#finals.push({ height, ms });
      this.#reached.set(height, (this.#reached.get(height) ?? 0) + 1);
      this.highest = Math.max(this.highest, height);
    }
    return undefined;
  }

  atEnd(): undefined {
    return undefined;
  }

  percentiles(): { readonly p50Ms: number; readonly p99Ms: number } {
    const took = this.#finals
      .filter(({ height }) => height > WARM_UP && height <= WARM_UP + this.#heights)
      .map(({ height, ms }) => ms - (this.#made.get(`${height}/${this.#ranks.get(height)}`) ?? ms))
      .sort((a, b) => a - b);
    const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}
