// Replay: one journal entry at a time, oldest first. Entries are our own and checksummed; one that does not decode or fit
// means a journal of another subnet or a broken disk, and the service must not run on it.
import type { ChainBase, ConsensusEntry, OwnVote } from '@internode/contracts';
import { assert, unreachable, type Verdict } from '@internode/prelude';
import { type BlockProposal, hashOfBlock, keyOf } from './artifact.ts';
import { EpochLog } from './epoch-log.ts';
import { recordOf } from './intake.ts';
import { encode } from './ledger.ts';
import { purgeableBelow } from './rules/purger.ts';
import type { State } from './state.ts';

const NOT_KNOWN = new Uint8Array(0);

export function restore(state: State, entry: Verdict<ConsensusEntry>): void {
  assert(entry.kind === 'valid', 'journal of consensus: entry is malformed');
  const { fact } = entry.value;
  const { pool, ledger } = state;
  switch (fact.kind) {
    case 'base':
      return restoreBase(state, fact.base);
    case 'finalized': {
      const { proposal, notarization, finalization } = fact.finalized;
      const { height, timeNanos, certifiedHeight } = proposal.block;
      const record = recordOf(state.epochs.subnetOf(height), proposal, hashOfBlock(proposal.block));
      pool.restoreFinal(record);
      if (notarization !== undefined) pool.addCertificate('notarization', record.key, notarization);
      if (finalization !== undefined) pool.addCertificate('finalization', record.key, finalization);
      ledger.add({ record, ...fact.finalized, ownBeacon: undefined, notarization, finalization });
      state.epochLog.learnBeacon(height - 1, fact.finalized.beacon);
      state.epochLog.add(proposal.block, proposal.payload, NOT_KNOWN);
      if (proposal.payload.summary !== undefined) state.epochs.learn(proposal.payload.summary);
      state.delivered = height;
      state.lock.sawFinal(height, timeNanos);
      state.certified = Math.max(state.certified, certifiedHeight);
      state.ingress.finish(height, proposal.payload.ingress, record.ingressKeys, timeNanos);
      // The journal may hold far more heights than the pool: as in the first life, what is certified and old leaves it.
      const below = purgeableBelow(state);
      if (below > pool.lowest) pool.purgeBelow(below);
      return;
    }
    case 'ownVote':
      return restoreVote(state, fact.ownVote);
    case 'keptCertificate': {
      const { purpose, certificate } = fact.keptCertificate;
      if (certificate.height <= pool.finalized || purpose === 'proposal') return;
      pool.addCertificate(purpose, keyOf(certificate.blockHash), certificate);
      ledger.addVote(certificate.height, encode(fact));
      return;
    }
    case 'voteLock':
      return state.lock.restore(fact);
    case 'restarted':
      return;
    case 'keptPackage':
      state.packages.keep(fact.keptPackage, 0, Number.NEGATIVE_INFINITY);
      return ledger.keepPackage(encode(fact));
    default:
      return unreachable(fact);
  }
}

function restoreBase(state: State, base: ChainBase): void {
  const { block, summary, dealings, summaryBlock, summaryBeacon } = base;
  const opening =
    summary === undefined
      ? state.epochLog.opening
      : { summary, block: summaryBlock, beacon: summaryBeacon };
  state.restoreBase(block, new EpochLog(opening, dealings));
}

/** Own signatures bind as they did before the restart. */
function restoreVote(state: State, ownVote: OwnVote): void {
  const { pool, ledger } = state;
  const { purpose, vote, proposal } = ownVote;
  const { height, signature } = vote;
  if (height <= pool.finalized) return;
  const key = keyOf(vote.blockHash);
  const own = pool.ownAt(height);
  const { self } = state.epochs.subnetOf(height);
  assert(self !== undefined, 'journal of consensus: a vote where this node is no member');
  if (proposal !== undefined) restoreBlock(state, proposal);
  switch (purpose) {
    case 'proposal':
      own.proposal = key;
      break;
    case 'notarization':
      own.notarizations.add(key);
      pool.addVote('notarization', { height, key, signer: self, signature });
      break;
    case 'finalization':
      own.finalization = key;
      pool.addVote('finalization', { height, key, signer: self, signature });
      break;
    default:
      unreachable(purpose);
  }
  ledger.addVote(height, encode({ kind: 'ownVote', ownVote }));
}

/** A block that this node made or voted for was valid; one whose parent, or its notarisation, is lost waits for it. */
function restoreBlock(state: State, proposal: BlockProposal): void {
  const { pool, section, epochs } = state;
  const { height } = proposal.block;
  const record = recordOf(epochs.subnetOf(height), proposal, hashOfBlock(proposal.block));
  if (pool.hasNotarized(height - 1, record.parentKey)) return pool.addBlock(record);
  const artifact = { kind: 'block_proposal', height, record } as const;
  section.add({ id: `block_proposal/${record.key}`, artifact, peer: 'journal', bytes: 0 });
}
