// Own votes on their way: signed, made durable, shown. To all in a small subnet; in a large one to the few who add them up, to the
// next few when no certificate comes of it, and at last to all (protocol 8.3). And the sums that this node checks for others.
import type { ArtifactKind } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { assert } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Action } from './action.ts';
import { bytesOfVote, keyOf, VOTE, type VoteCertificate, type VotePurpose } from './artifact.ts';
import { encode } from './ledger.ts';
import { aggregatorsAt, aggregatorsFirst, bitmapOf, voteKeyOf } from './multi-votes.ts';
import type { ConsensusEffect, Outbox } from './outbox.ts';
import type { State } from './state.ts';
import type { ConsensusAnswer, ConsensusTask } from './task.ts';
import type { VotedBlock } from './tray.ts';

type Vote = Extract<Action, { kind: 'vote' }>;
type Sum = Extract<Action, { kind: 'sum' }>;

interface Hands {
  offer(
    height: number,
    offered: { kind: ArtifactKind; body: Uint8Array; entry?: Uint8Array },
  ): void;
  addCertificate(purpose: VotePurpose, certificate: VoteCertificate): void;
}

/** A vote that no certificate has made superfluous yet. */
interface Sent extends VotedBlock {
  readonly body: Uint8Array;
  /** How many of those who add up have it. */
  reached: number;
  atMs: number;
}

const PREFIX = 'vote/';
const NEVER = Number.POSITIVE_INFINITY;

export class VoteDesk {
  readonly #state: State;
  readonly #outbox: Outbox;
  readonly #nodeId: Uint8Array;
  readonly #hands: Hands;
  readonly #pending = new Map<string, Vote | Sum>();
  readonly #sent = new Map<string, Sent>();
  #count = 0;

  constructor(
    world: { readonly state: State; readonly outbox: Outbox; readonly nodeId: Uint8Array },
    hands: Hands,
  ) {
    this.#state = world.state;
    this.#outbox = world.outbox;
    this.#nodeId = world.nodeId;
    this.#hands = hands;
  }

  /** The promise binds from here on, whenever the signature comes: no rule may give a contrary one meanwhile. */
  sign(action: Vote): void {
    const { pool, epochs } = this.#state;
    const own = pool.ownAt(action.height);
    const key = keyOf(action.blockHash);
    if (action.purpose === 'notarization') own.notarizations.add(key);
    else own.finalization = key;
    const message = bytesOfVote(action.purpose, epochs.subnetId, action);
    const multi = epochs.subnetOf(action.height).scheme === 'multi';
    this.#solve(action, { kind: multi ? 'sign-vote' : 'sign', message });
  }

  sum(action: Sum): void {
    const { epochs, tray } = this.#state;
    const { purpose, height, shares } = action;
    const subnet = epochs.subnetOf(height);
    tray.begin(action);
    this.#solve(action, {
      kind: 'sum-votes',
      message: bytesOfVote(purpose, subnet.subnetId, action),
      quorum: subnet.quorum,
      shares: [...shares].map(([index, signature]) => ({
        index,
        signature,
        ...voteKeyOf(subnet, index),
      })),
    });
  }

  /** Whether this was the answer to a task of this desk. */
  solved(id: string, answer: ConsensusAnswer): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    this.#pending.delete(id);
    if (pending.kind === 'vote') {
      assert(answer.kind === 'signed', 'consensus: not the answer to this task');
      this.#signed(pending, answer.signature);
    } else {
      assert(answer.kind === 'summed', 'consensus: not the answer to this task');
      this.#summed(pending, answer);
    }
    return true;
  }

  /** After replay: what the journal remembers is on its way again. */
  resume(): void {
    const { pool, epochs } = this.#state;
    for (let height = pool.finalized + 1; height <= pool.notarized + 1; height += 1) {
      const subnet = epochs.at(height)?.subnet;
      const here = pool.at(height);
      if (subnet?.scheme !== 'multi' || subnet.self === undefined || here === undefined) continue;
      for (const purpose of ['notarization', 'finalization'] as const) {
        for (const [key, votes] of here.votes[purpose]) {
          const signature = votes.get(subnet.self);
          const blockHash = here.blocks.get(key)?.hash;
          if (signature === undefined || blockHash === undefined) continue;
          const body = VOTE.encode({ height, blockHash, signer: this.#nodeId, signature });
          this.#note({ purpose, height, key }, body, 0);
        }
      }
    }
  }

  /** Sends again what leads to nothing; answers when to look again. */
  drive(): number {
    const { pool, now, tray, flatVotes } = this.#state;
    tray.forgetUpTo(pool.finalized);
    for (const [name, height] of flatVotes) if (height <= pool.finalized) flatVotes.delete(name);
    let wakeMs = NEVER;
    for (const [name, sent] of this.#sent) {
      const { purpose, height, key } = sent;
      const certified = pool.at(height)?.certificates[purpose].has(key) === true;
      const over = purpose === 'notarization' && height <= pool.notarized;
      if (certified || over || height <= pool.finalized) this.#sent.delete(name);
      else if (now.ms < sent.atMs) wakeMs = Math.min(wakeMs, sent.atMs);
      else {
        this.#sendOn(name, sent);
        wakeMs = Math.min(wakeMs, sent.atMs);
      }
    }
    return wakeMs;
  }

  #sendOn(name: string, sent: Sent): void {
    const { beacons, now, flatVotes, delivered } = this.#state;
    const { purpose, height, body } = sent;
    // After a restart: who adds up is known when the beacon is.
    if (!beacons.has(height - 1)) {
      sent.atMs = now.ms + CONSENSUS_LIMITS.askAgainMs;
      return;
    }
    // Its own entry is older than this one: what is written behind it waits for it.
    const entry = encode({ kind: 'restarted', restarted: { height: delivered } });
    const next = this.#next(sent);
    if (next !== undefined) return this.#outbox.add({ kind: 'persist', entry, then: [next] });
    this.#sent.delete(name);
    flatVotes.set(name, height);
    this.#hands.offer(height, { kind: `${purpose}_share`, body, entry });
  }

  #signed(made: Vote, signature: Uint8Array): void {
    const { pool, epochs, ledger, tempo, now } = this.#state;
    const { purpose, height, blockHash } = made;
    const record = pool.block(height, keyOf(blockHash));
    const { self, scheme } = epochs.subnetOf(height);
    if (height <= pool.finalized || record === undefined || self === undefined) return;
    if (purpose === 'notarization') tempo.voted(height, now.ms);
    pool.addVote(purpose, { height, key: record.key, signer: self, signature });
    if (epochs.alone) return;
    const vote = { height, blockHash, signer: this.#nodeId, signature };
    // Whoever votes for a block keeps it, so that a crash of all cannot lose what they agreed on.
    const proposal =
      purpose === 'notarization' && record.maker !== self ? record.proposal : undefined;
    const entry = encode({ kind: 'ownVote', ownVote: { purpose, vote, proposal } });
    ledger.addVote(height, entry);
    const body = VOTE.encode(vote);
    if (scheme === 'list')
      return this.#hands.offer(height, { kind: `${purpose}_share`, body, entry });
    const sent = this.#note({ purpose, height, key: record.key }, body, now.ms);
    const first = this.#next(sent);
    this.#outbox.add({ kind: 'persist', entry, then: first === undefined ? [] : [first] });
  }

  #note(block: VotedBlock, body: Uint8Array, atMs: number): Sent {
    const sent = { ...block, body, reached: 0, atMs };
    this.#sent.set(`${block.purpose}/${block.height}/${block.key}`, sent);
    return sent;
  }

  /** The vote to those whose turn it is; undefined when all have had theirs. */
  #next(sent: Sent): ConsensusEffect | undefined {
    const { epochs, tempo, now } = this.#state;
    const { purpose, height, body, reached } = sent;
    const { aggregatorsEach, aggregationMinMs } = CONSENSUS_LIMITS;
    const subnet = epochs.subnetOf(height);
    const order = aggregatorsAt(this.#state, height, purpose);
    if (reached >= order.length) return undefined;
    sent.reached =
      reached === 0
        ? aggregatorsFirst(subnet.n)
        : (Math.floor(reached / aggregatorsEach) + 1) * aggregatorsEach;
    sent.atMs = now.ms + Math.max(aggregationMinMs, tempo.unitMs / 3);
    const toNodes = order
      .slice(reached, sent.reached)
      .filter((index) => index !== subnet.self)
      .map((index) => subnet.member(index).nodeId);
    const id = sha256(body);
    const artifactKind: ArtifactKind = `${purpose}_share`;
    return { kind: 'publish', message: { kind: 'SendArtifact', artifactKind, id, body, toNodes } };
  }

  #summed(asked: Sum, answer: Extract<ConsensusAnswer, { kind: 'summed' }>): void {
    const { epochs, tray, pool } = this.#state;
    const { purpose, height, key, blockHash } = asked;
    const subnet = epochs.subnetOf(height);
    tray.end(asked);
    for (const index of answer.culprits) {
      tray.convict(index, subnet.name(index));
      this.#outbox.observe({ kind: 'VoteBad', height, member: index });
    }
    if (answer.signature === undefined || height <= pool.finalized) return;
    if (pool.at(height)?.certificates[purpose].has(key) === true) return;
    const signers = bitmapOf(answer.signers, subnet.n);
    const multi = { signers, signature: answer.signature };
    this.#hands.addCertificate(purpose, { height, blockHash, signatures: [], multi });
  }

  #solve(pending: Vote | Sum, task: ConsensusTask): void {
    const id = `${PREFIX}${this.#count}`;
    this.#count += 1;
    this.#pending.set(id, pending);
    this.#outbox.add({ kind: 'solve', id, task });
  }
}
