// Bugs planted into the code itself: each is a replacement in one file, made while it is loaded. The text must be there
// exactly once, so that a patch cannot rot unnoticed.

import type { Swarm } from '@internode/sim';
import type { Hazards } from '../hazards.ts';

export interface Patch {
  readonly name: string;
  readonly file: string;
  readonly edits: readonly (readonly [from: string, to: string])[];
  /** The lives that it needs: of four nodes, unless said otherwise, with the weather and the faults that their seeds draw. */
  readonly life?: {
    readonly nodes?: number;
    readonly faults?: readonly (readonly [number, readonly string[]])[];
    readonly swarm?: Partial<Swarm>;
    readonly hazards?: Partial<Hazards>;
    readonly restMs?: number;
    readonly safetyMs?: number;
  };
  /** What finds it. */
  readonly caughtBy: RegExp;
}

const CORE = 'services/consensus/src/core';

export const PATCHES: readonly Patch[] = [
  {
    name: 'a notary that signs two blocks, whatever it voted to finalise',
    file: `${CORE}/rules/notary.ts`,
    edits: [
      [
        'const height = pool.notarized + 1;\n  const startMs',
        'const height = pool.notarized + Math.round(view.now.ms % 1);\n  const startMs',
      ],
      ['if (own?.finalization !== undefined && own.finalization !== record.key) continue;', ''],
      [
        'return standing.filter((record) => record.block.rank === lowest);',
        'return standing.filter((record) => record.block.rank >= lowest);',
      ],
    ],
    caughtBy: /honest votes|agreement|P2/,
  },
  {
    name: 'a finaliser that ignores its own share',
    file: `${CORE}/rules/finalizer.ts`,
    edits: [['if (elsewhere) continue;', '']],
    caughtBy: /honest votes|agreement|P2/,
  },
  {
    name: 'a vote log that is not synced',
    file: `${CORE}/hands.ts`,
    edits: [
      [
        "this.#outbox.add(entry === undefined ? publish : { kind: 'persist', entry, then: [publish] });",
        "this.#outbox.add(publish); if (entry !== undefined) this.#outbox.add({ kind: 'persist', entry, then: [] });",
      ],
    ],
    // What was said and is not on the disk is forgotten only by power cuts, and only if they come between.
    life: { swarm: { nodeCrashEveryMs: 300, downForMs: 50, syncDelayMsMean: 60 } },
    caughtBy: /honest votes|agreement|P2|one root|ahead of the journal/,
  },
  {
    name: 'votes that are forgotten in a restart',
    file: `${CORE}/restore.ts`,
    edits: [
      [
        'if (height <= pool.finalized) return;\n  const key = keyOf(vote.blockHash);',
        'if (height >= 0) return;\n  const key = keyOf(vote.blockHash);',
      ],
    ],
    caughtBy: /honest votes|agreement|P2/,
  },
  {
    name: 'an aggregator that counts a signer twice',
    file: `${CORE}/vote-scheme.ts`,
    edits: [['if (index <= last) return', 'if (index < last) return']],
    caughtBy: /certificates|agreement|honest votes|P2/,
  },
  {
    name: 'a quorum that is one vote too small',
    file: `${CORE}/membership.ts`,
    edits: [
      [
        'return committee - faultsTolerated(committee);',
        'return committee - faultsTolerated(committee) - 1;',
      ],
    ],
    caughtBy: /certificates|agreement/,
  },
  {
    name: 'signatures of votes that nobody checks',
    file: 'services/consensus/src/solver.ts',
    edits: [
      [
        "verify({ publicKeyDer: publicKey, message, signature });\n        return verdict.kind === 'valid';",
        "verify({ publicKeyDer: publicKey, message, signature });\n        return verdict.kind !== 'undecided';",
      ],
    ],
    caughtBy: /certificates|agreement|honest votes|P2/,
  },
  {
    name: 'a validator that does not hold a block against its parent',
    file: `${CORE}/rules/validate-proposal.ts`,
    edits: [['faultOfContext(record, parent) ?? faultOfPayload', 'faultOfPayload']],
    life: { faults: [[1, ['lawlessMaker']]] },
    caughtBy: /rising context/,
  },
  {
    name: 'a beacon share that is released too early',
    file: 'services/beacon/src/core/beacon.ts',
    edits: [
      ['if (this.#notarized >= next.height - 1) next.released = true;', 'next.released = true;'],
    ],
    caughtBy: /releases/,
  },
  {
    name: 'a tape share that is released too early',
    file: 'services/beacon/src/core/beacon.ts',
    edits: [
      [
        'if (this.#workshop.marks.tape >= height - 1) round.released = true;',
        'round.released = true;',
      ],
    ],
    caughtBy: /releases/,
  },
  {
    name: 'a beacon that takes the claim that came while another was checked',
    file: 'services/beacon/src/core/workshop.ts',
    edits: [
      [
        'return this.#finish(round, asked.signature, {',
        'return this.#finish(round, [...round.claims.values()].at(-1)?.signature ?? asked.signature, {',
      ],
    ],
    caughtBy: /certificates|one (beacon|tape|certification)/,
  },
  {
    name: 'what a range brings is believed unchecked',
    file: `${CORE}/unvalidated.ts`,
    edits: [
      [
        "signatures: 'unchecked' };",
        "signatures: item.id.startsWith('range/') ? 'good' : 'unchecked' };",
      ],
    ],
    caughtBy: /certificates|agreement|P1|P2|honest votes/,
  },
  {
    name: 'a state-sync client that skips a hash',
    file: 'services/state/src/checkpoint/target.ts',
    edits: [
      [
        'const isWanted = bytesEqual(hashOfChunk(chunk), wanted.chunk.hash);',
        'const isWanted = hashOfChunk(chunk).length > 0;',
      ],
    ],
    life: {
      nodes: 7,
      faults: [
        [1, ['lyingStateServer']],
        [2, ['lyingStateServer']],
      ],
      restMs: 3_000,
      // The others have to get beyond a package before it is back.
      safetyMs: 8_000,
      hazards: { epochLength: 8, lostDisk: 6, blocksKept: 4 },
    },
    caughtBy: /one checkpoint|one root/,
  },
  {
    name: 'a key generation that ignores complaints',
    file: `${CORE}/transcripts.ts`,
    edits: [['const complaints = ours(all.complaints);', 'const complaints: Complaint[] = [];']],
    life: {
      faults: [[1, ['badDealer']]],
      hazards: { epochLength: 6, blocksKept: 0 },
      restMs: 50_000,
    },
    caughtBy: /liveness|failed/,
  },
  {
    name: 'an execution that looks at something else than the block',
    file: 'services/execution/src/core/batch.ts',
    edits: [
      [
        'subnet.timeNanos = batch.timeNanos;',
        'const seen = globalThis as unknown as { planted: number }; seen.planted = (seen.planted ?? 0) + 1; subnet.timeNanos = batch.timeNanos + BigInt(seen.planted % 2);',
      ],
    ],
    caughtBy: /one root/,
  },
  {
    name: 'shares that are believed though they do not agree',
    file: 'packages/crypto/src/threshold.ts',
    edits: [['engine.combineAgreeing(\n    threshold,', 'engine.combineShares(']],
    caughtBy: /certificates|one (beacon|tape|certification)/,
  },
  {
    name: 'shares that are combined and not checked',
    file: 'packages/crypto/src/threshold.ts',
    edits: [
      ["return verdict.kind === 'valid' ? combined.value : undefined;", 'return combined.value;'],
    ],
    caughtBy: /certificates|one (beacon|tape|certification)/,
  },
];
