// What a life is made of besides its seed: everything that a repetition has to say again. A failure is shrunk by making
// its shape smaller.
import { CALM, type Swarm } from '@internode/sim';
import { type Fault, type Faults, faultsOf } from './adversaries/index.ts';
import type { Hazards } from './hazards.ts';

export interface Shape {
  readonly nodes: number;
  readonly crypto: 'real' | 'stand-in';
  /** Instead of those that the seed draws. */
  readonly faults?: Faults;
  readonly hazards?: Partial<Hazards>;
  /** Troubles that the weather leaves out. */
  readonly without: readonly Trouble[];
  /** Randomness ends after so many draws of each stream. */
  readonly draws?: number;
  /** How long trouble lasts. */
  readonly safetyMs?: number;
}

export const TROUBLES = [
  'busLoss',
  'busRepeat',
  'busReorder',
  'partitionEveryMs',
  'busOutEveryMs',
  'stallEveryMs',
  'serviceCrashEveryMs',
  'nodeCrashEveryMs',
  'diskFullEveryMs',
  'wallSkewMs',
  'linkBreakEveryMs',
  'splitEveryMs',
  'clockDrift',
  'diskSpread',
  'bandwidthMbit',
  'syncDelayMsMean',
  'solverDelayMsMean',
  'busDelayMsMean',
  'jitterMsMean',
] as const satisfies readonly (keyof Swarm)[];

export type Trouble = (typeof TROUBLES)[number];

/** The calm values of what is left out. */
export function calmed({ without }: Shape): Partial<Swarm> {
  return Object.fromEntries(without.map((trouble) => [trouble, CALM[trouble]]));
}

export function commandOf(seed: string, shape: Shape): string {
  const { nodes, crypto, faults, hazards = {}, without, draws, safetyMs } = shape;
  const words = ['npm run sim --', '--seed', seed, '--nodes', nodes, '--crypto', crypto];
  if (faults !== undefined) words.push('--faults', `'${faultsText(faults)}'`);
  if (hazards.epochLength !== undefined) words.push('--epochs', hazards.epochLength || 'none');
  if (hazards.lostDisk !== undefined) words.push('--lost-disk', hazards.lostDisk);
  if (without.length > 0) words.push('--without', without.join());
  if (draws !== undefined) words.push('--draws', draws);
  if (safetyMs !== undefined) words.push('--trouble-ms', safetyMs);
  return words.join(' ');
}

/** `3=twin,5=silent+forger`, or `none`. */
export function faultsText(faults: Faults): string {
  const textOf = (fault: Fault): string =>
    fault.kind === 'tempted' ? fault.by.join('+') : fault.kind;
  const texts = [...faults].map(([number, fault]) => `${number}=${textOf(fault)}`);
  return texts.length === 0 ? 'none' : texts.join();
}

export function readFaults(text: string): Faults {
  if (text === 'none') return new Map();
  return faultsOf(
    text.split(',').map((each) => {
      const [number = '', by = ''] = each.split('=');
      return [Number(number), by.split('+')];
    }),
  );
}

export function readTroubles(text: string): readonly Trouble[] {
  return text.split(',').map((name) => {
    const trouble = TROUBLES.find((known) => known === name);
    if (trouble === undefined) throw new Error(`--without ${name} is unknown: ${TROUBLES.join()}`);
    return trouble;
  });
}
