// Keys that follow from what a chain has recorded. Computing one takes up to a second, so it is a task of the solver; the
// few newest results are kept by everything that they depend on.
import type { Complaint, Dealing, DkgConfig, KeyName, Transcript } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { BoundedMap, joinBytes, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { gathered } from './epoch-log.ts';
import {
  configKey,
  type EpochOnChain,
  idOfComplaint,
  idOfDealing,
  sameTarget,
} from './key-generation.ts';

/** What a key is computed from; a task of the solver. */
export interface Generation {
  readonly config: DkgConfig;
  readonly dealings: readonly Dealing[];
  readonly complaints: readonly Complaint[];
}

export interface Computation {
  readonly key: string;
  readonly generation: Generation;
}

/** `transcript` is absent when the generation failed. */
type Result = 'computing' | { readonly transcript: Transcript | undefined };

export type Generated =
  | { readonly kind: 'known'; readonly transcripts: ReadonlyMap<KeyName, Transcript | undefined> }
  /** `missing` have to be computed first; empty while they are being computed. */
  | { readonly kind: 'pending'; readonly missing: readonly Computation[] };

export class Transcripts {
  readonly #results = new BoundedMap<string, Result>(
    CONSENSUS_LIMITS.transcriptsRemembered,
    'drop-oldest',
  );

  /** What the epoch's dealings come to. */
  of({ summary, recorded }: EpochOnChain): Generated {
    const transcripts = new Map<KeyName, Transcript | undefined>();
    const missing: Computation[] = [];
    for (const config of summary.configs) {
      const computation = computationOf(config, gathered(recorded));
      const result = this.#results.get(computation.key);
      if (result === undefined) missing.push(computation);
      else if (result !== 'computing') transcripts.set(config.target.key, result.transcript);
    }
    return transcripts.size === summary.configs.length
      ? { kind: 'known', transcripts }
      : { kind: 'pending', missing };
  }

  begin(key: string): void {
    this.#results.set(key, 'computing');
  }

  end(key: string, transcript: Transcript | undefined): void {
    this.#results.set(key, { transcript });
  }
}

function computationOf(
  config: DkgConfig,
  all: { readonly dealings: readonly Dealing[]; readonly complaints: readonly Complaint[] },
): Computation {
  const ours = <T extends Pick<Dealing, 'target'>>(items: readonly T[]): readonly T[] =>
    items.filter(({ target }) => sameTarget(target, config.target));
  const dealings = ours(all.dealings);
  const complaints = ours(all.complaints);
  const digest = sha256(
    joinBytes([...dealings.map(idOfDealing), ...complaints.map(idOfComplaint)]),
  );
  const key = `${configKey(config)}/${dealings.length}/${toHex(digest)}`;
  return { key, generation: { config, dealings, complaints } };
}
