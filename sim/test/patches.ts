// Bugs planted into the code itself: each is one replacement in one file, made while it is loaded. The text must be there
// exactly once, so that a patch cannot rot unnoticed.

export interface Patch {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly nodes: number;
  /** What finds it. */
  readonly caughtBy: RegExp;
}

const CORE = 'services/consensus/src/core';

export const PATCHES: readonly Patch[] = [
  {
    name: 'a notary that signs two blocks, whatever it voted to finalise',
    file: `${CORE}/rules/notary.ts`,
    from: 'if (own?.finalization !== undefined && own.finalization !== record.key) continue;',
    to: '',
    nodes: 4,
    caughtBy: /honest votes|agreement|P2/,
  },
  {
    name: 'a finaliser that ignores its own share',
    file: `${CORE}/rules/finalizer.ts`,
    from: 'if (elsewhere) continue;',
    to: '',
    nodes: 4,
    caughtBy: /honest votes|agreement|P2/,
  },
  {
    name: 'a vote log that is not synced',
    file: `${CORE}/hands.ts`,
    from: "this.#outbox.add(entry === undefined ? publish : { kind: 'persist', entry, then: [publish] });",
    to: "this.#outbox.add(publish); if (entry !== undefined) this.#outbox.add({ kind: 'persist', entry, then: [] });",
    nodes: 4,
    caughtBy: /honest votes|agreement|P2|one root|ahead of the journal/,
  },
  {
    name: 'votes that are forgotten in a restart',
    file: `${CORE}/restore.ts`,
    from: 'if (height <= pool.finalized) return;\n  const key = keyOf(vote.blockHash);',
    to: 'if (height >= 0) return;\n  const key = keyOf(vote.blockHash);',
    nodes: 4,
    caughtBy: /honest votes|agreement|P2/,
  },
  {
    name: 'an aggregator that counts a signer twice',
    file: `${CORE}/vote-scheme.ts`,
    from: 'if (index <= last) return',
    to: 'if (index < last) return',
    nodes: 4,
    caughtBy: /certificates|agreement|honest votes|P2/,
  },
  {
    name: 'a quorum that is one vote too small',
    file: `${CORE}/membership.ts`,
    from: 'return committee - faultsTolerated(committee);',
    to: 'return committee - faultsTolerated(committee) - 1;',
    nodes: 4,
    caughtBy: /certificates|agreement/,
  },
  {
    name: 'signatures of votes that nobody checks',
    file: 'services/consensus/src/solver.ts',
    from: "verify({ publicKeyDer: publicKey, message, signature });\n        return verdict.kind === 'valid';",
    to: "verify({ publicKeyDer: publicKey, message, signature });\n        return verdict.kind !== 'undecided';",
    nodes: 4,
    caughtBy: /certificates|agreement|honest votes|P2/,
  },
  {
    name: 'a validator that skips the parent check',
    file: `${CORE}/rules/validate-proposal.ts`,
    from: '|| !pool.isNotarized(height - 1, parent.key)) return WAIT;',
    to: ') return WAIT;',
    nodes: 4,
    caughtBy: /P1|agreement|one prefix/,
  },
  {
    name: 'a beacon share that is released too early',
    file: 'services/beacon/src/core/beacon.ts',
    from: 'if (this.#notarized >= next.height - 1) next.released = true;',
    to: 'next.released = true;',
    nodes: 4,
    caughtBy: /releases/,
  },
  {
    name: 'a tape share that is released too early',
    file: 'services/beacon/src/core/beacon.ts',
    from: 'if (this.#workshop.marks.tape >= height - 1) round.released = true;',
    to: 'round.released = true;',
    nodes: 4,
    caughtBy: /releases/,
  },
  {
    name: 'a beacon that takes the claim that came while another was checked',
    file: 'services/beacon/src/core/workshop.ts',
    from: 'return this.#finish(round, asked.signature, {',
    to: 'return this.#finish(round, [...round.claims.values()].at(-1)?.signature ?? asked.signature, {',
    nodes: 4,
    caughtBy: /certificates|one (beacon|tape|certification)/,
  },
  {
    name: 'an execution that looks at something else than the block',
    file: 'services/execution/src/core/batch.ts',
    from: 'subnet.timeNanos = batch.timeNanos;',
    to: 'const seen = globalThis as unknown as { planted: number }; seen.planted = (seen.planted ?? 0) + 1; subnet.timeNanos = batch.timeNanos + BigInt(seen.planted % 2);',
    nodes: 4,
    caughtBy: /one root/,
  },
  {
    name: 'shares that are combined and not checked',
    file: 'packages/crypto/src/threshold.ts',
    from: "return verdict.kind === 'valid' ? combined.value : undefined;",
    to: 'return combined.value;',
    nodes: 4,
    caughtBy: /certificates|one (beacon|tape|certification)/,
  },
];
