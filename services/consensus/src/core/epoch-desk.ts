// What the core does about epochs: hears of key generation, records and packages, has them examined, and tells beacon and
// state which epoch it is. What it says of the chain is durable.
import type {
  ArtifactReceived,
  CatchUpPackage,
  Complaint,
  Dealing,
  Message,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { assert, bytesEqual, toHex, unreachable, type Verdict } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Action } from './action.ts';
import type { Block } from './artifact.ts';
import { hashOfBlock, keyOf, type Payload } from './artifact.ts';
import type { EpochLog } from './epoch-log.ts';
import { type Item, OWN } from './key-desk.ts';
import { COMPLAINT, DEALING } from './key-generation.ts';
import { encode } from './ledger.ts';
import type { Outbox } from './outbox.ts';
import { checkOfPackage, faultOfPackage, heightOf, PACKAGE } from './packages.ts';
import { Shunned } from './shunned.ts';
import type { State } from './state.ts';
import type { ConsensusAnswer, ConsensusTask } from './task.ts';

const PREFIX = 'epoch/';

type EpochAction = Extract<
  Action,
  {
    kind:
      | 'examine'
      | 'generate'
      | 'forget-part'
      | 'reject-part'
      | 'check-package'
      | 'forget-package';
  }
>;

type Pending =
  | { readonly kind: 'examine'; readonly key: string }
  | { readonly kind: 'generate'; readonly key: string }
  | { readonly kind: 'check-package'; readonly peer: string; readonly package: CatchUpPackage };

export class EpochDesk {
  readonly #state: State;
  readonly #outbox: Outbox;
  readonly #permanentKey: Uint8Array;
  readonly #pending = new Map<string, Pending>();
  readonly #shunned = new Shunned();
  #tasks = 0;
  /** What peers are offered now. */
  #offeredId: Uint8Array | undefined;

  constructor(state: State, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
    this.#permanentKey = state.epochs.summary.current.high.groupKey;
  }

  start(): void {
    const { asked, now } = this.#state;
    asked.set('sync', now.ms + CONSENSUS_LIMITS.syncStartMs - CONSENSUS_LIMITS.syncAgainMs);
    this.sayEpoch();
    this.repeatOffer();
  }

  hearRecords(message: Extract<Message, { kind: 'SubnetRecordChanged' }>): void {
    this.#state.records.hear(message);
  }

  hearDealing(dealing: Dealing): void {
    const id = `dealing/${toHex(sha256(DEALING.encode(dealing)))}`;
    this.#add(id, { kind: 'dealing', dealing, peer: OWN });
  }

  hearComplaint(complaint: Complaint): void {
    const id = `complaint/${toHex(sha256(COMPLAINT.encode(complaint)))}`;
    this.#add(id, { kind: 'complaint', complaint, peer: OWN });
  }

  /** From the own beacon, which put it together from the shares of a quorum and has checked it. */
  hearPackage(made: CatchUpPackage): void {
    if (heightOf(made) > this.#state.packages.height && faultOfPackage(made) === undefined)
      this.#keep(made);
  }

  /** Whether this kind of artifact is for this desk. */
  hearArtifact(message: ArtifactReceived): boolean {
    const { artifactKind: name, body } = message;
    if (name !== 'dealing' && name !== 'complaint' && name !== 'catch_up') return false;
    const id = `${name}/${toHex(message.id)}`;
    if (this.#state.section.isSettled(id)) return true;
    const peer = toHex(message.fromNode);
    if (this.#shunned.has(peer, this.#state.now.ms)) return true;
    const { keyPartBytesMax, packageBytesMax } = CONSENSUS_LIMITS;
    const fault =
      body.length > (name === 'catch_up' ? packageBytesMax : keyPartBytesMax)
        ? 'too large'
        : this.#read(name, { id, peer, body });
    if (fault === undefined) return true;
    this.#state.section.settle(id);
    this.#outbox.observe({ kind: 'ArtifactRejected', artifact: name, peer, reason: fault });
    return true;
  }

  #read(
    name: 'dealing' | 'complaint' | 'catch_up',
    from: { readonly id: string; readonly peer: string; readonly body: Uint8Array },
  ): string | undefined {
    const { id, peer, body } = from;
    switch (name) {
      case 'dealing':
        return readAs(DEALING.decode(body), (dealing) =>
          this.#addKnown(id, { kind: 'dealing', dealing, peer }),
        );
      case 'complaint':
        return readAs(COMPLAINT.decode(body), (complaint) =>
          this.#addKnown(id, { kind: 'complaint', complaint, peer }),
        );
      case 'catch_up':
        return readAs(PACKAGE.decode(body), (offered) => this.#offer(offered, id, peer));
      default:
        return unreachable(name);
    }
  }

  /** One for another epoch than that of the newest summary here is offered again when it is its turn. */
  #addKnown(id: string, item: Item): undefined {
    const { target } = item.kind === 'dealing' ? item.dealing : item.complaint;
    const { height } = this.#state.epochLog.opening.summary;
    if (target.summaryHeight === height) this.#add(id, item);
    return undefined;
  }

  #add(id: string, item: Item): void {
    if (this.#state.keyDesk.add(id, item)) return;
    this.#outbox.observe({
      kind: 'ArtifactDropped',
      artifact: item.kind,
      reason: 'peer over its limit',
    });
  }

  #offer(offered: CatchUpPackage, id: string, peer: string): string | undefined {
    const { packages } = this.#state;
    if (heightOf(offered) <= packages.height) return undefined;
    const fault = faultOfPackage(offered);
    if (fault !== undefined) return fault;
    packages.offer({ package: offered, id, peer, isChecking: false });
    return undefined;
  }

  apply(action: EpochAction): void {
    const { keyDesk, transcripts, packages, section, now } = this.#state;
    switch (action.kind) {
      case 'examine': {
        const { key, examination } = action;
        keyDesk.judge(key, 'examining');
        return this.#solve({ kind: 'examine', key }, { kind: 'examine', examination });
      }
      case 'generate': {
        const { key, generation } = action.computation;
        transcripts.begin(key);
        return this.#solve({ kind: 'generate', key }, { kind: 'generate', generation });
      }
      case 'forget-part':
        keyDesk.take(action.id);
        return;
      case 'reject-part': {
        const item = keyDesk.take(action.id);
        section.settle(action.id);
        if (item === undefined) return;
        const { kind: artifact, peer } = item;
        this.#shunned.add(peer, now.ms);
        const { reason } = action;
        return this.#outbox.observe({ kind: 'ArtifactRejected', artifact, peer, reason });
      }
      case 'check-package':
        return this.#checkPackage(action.peer);
      case 'forget-package':
        return packages.drop(action.peer);
      default:
        return unreachable(action);
    }
  }

  #checkPackage(peer: string): void {
    const { packages, epochs } = this.#state;
    const offered = packages.offered.find((one) => one.peer === peer);
    if (offered === undefined) return;
    offered.isChecking = true;
    const check = checkOfPackage(offered.package, epochs.subnetId, this.#permanentKey);
    const pending = { kind: 'check-package', peer, package: offered.package } as const;
    this.#solve(pending, { kind: 'check-package', check });
  }

  #solve(pending: Pending, task: ConsensusTask): void {
    const id = `${PREFIX}${this.#tasks}`;
    this.#tasks += 1;
    this.#pending.set(id, pending);
    this.#outbox.add({ kind: 'solve', id, task });
  }

  /** Whether this was the answer to a task of this desk. */
  solved(id: string, answer: ConsensusAnswer): boolean {
    if (!id.startsWith(PREFIX)) return false;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending === undefined) return true;
    if (pending.kind === 'generate') {
      assert(answer.kind === 'generated', 'consensus: not the answer to this task');
      this.#state.transcripts.end(pending.key, answer.transcript);
      this.#outbox.observe({ kind: 'KeyGenerated', succeeded: answer.transcript !== undefined });
      return true;
    }
    assert(answer.kind === 'verified', 'consensus: not the answer to this task');
    if (pending.kind === 'examine')
      this.#state.keyDesk.judge(pending.key, answer.good ? 'good' : 'bad');
    else this.#packageChecked(pending, answer.good);
    return true;
  }

  #packageChecked(
    { peer, package: checked }: Extract<Pending, { kind: 'check-package' }>,
    good: boolean,
  ): void {
    const { packages, section, now } = this.#state;
    packages.drop(peer);
    if (good) {
      if (heightOf(checked) > packages.height) this.#keep(checked);
      return;
    }
    section.settle(`catch_up/${toHex(sha256(PACKAGE.encode(checked)))}`);
    this.#shunned.add(peer, now.ms);
    const reason = 'signature';
    this.#outbox.observe({ kind: 'ArtifactRejected', artifact: 'catch_up', peer, reason });
  }

  #keep(kept: CatchUpPackage): void {
    const { packages, pool, ledger, now, delivered, epochLog } = this.#state;
    const { block } = kept.content;
    const opening = epochLog.opening.block;
    const final = opening?.height === block.height ? opening : pool.finalBlock(block.height)?.block;
    assert(
      final === undefined || keyOf(hashOfBlock(final)) === keyOf(hashOfBlock(block)),
      'the subnet has proven another block than this node took for final',
    );
    packages.keep(kept, delivered, now.ms);
    const entry = encode({ kind: 'keptPackage', keptPackage: kept });
    ledger.keepPackage(entry);
    this.#outbox.add({ kind: 'persist', entry, then: [] });
    this.#outbox.observe({ kind: 'PackageKept', height: block.height });
    this.repeatOffer();
  }

  /** The newest package is on offer, whoever made it: who comes back to nothing finds it with everybody. */
  repeatOffer(): void {
    const { newest } = this.#state.packages;
    if (newest === undefined || this.#state.epochs.alone) return;
    const body = PACKAGE.encode(newest);
    const id = sha256(body);
    const before = this.#offeredId;
    if (before !== undefined && !bytesEqual(before, id))
      this.#outbox.publish({ kind: 'WithdrawArtifact', artifactKind: 'catch_up', id: before });
    this.#offeredId = id;
    this.#outbox.publish({ kind: 'PublishArtifact', artifactKind: 'catch_up', id, body });
  }

  /** The running epoch and key generation since the summary before. What is not durable yet is said when it is. */
  sayEpoch(): void {
    const { epochLog, ledger, delivered } = this.#state;
    const then = messagesOf(epochLog).map((message) => ({ kind: 'publish', message }) as const);
    if (ledger.durable >= delivered) return this.#outbox.add(...then);
    const entry = encode({ kind: 'restarted', restarted: { height: delivered } });
    this.#outbox.add({ kind: 'persist', entry, then });
  }
}

/** What a final block says of epochs, for beacon, p2p and state. */
export function newsOf(
  block: Block,
  payload: Pick<Payload, 'summary' | 'dealings' | 'complaints'>,
  beacon: Uint8Array,
): readonly Message[] {
  const { summary, dealings, complaints } = payload;
  const { height } = block;
  if (summary !== undefined) return [{ kind: 'EpochBegan', height, summary, block, beacon }];
  if (dealings.length + complaints.length === 0) return [];
  return [{ kind: 'DealingsFinalized', height, dealings, complaints }];
}

function messagesOf({ opening, recorded }: EpochLog): readonly Message[] {
  const { summary, block, beacon } = opening;
  const { height } = summary;
  const dealt = recorded.map(
    (one): Message => ({
      kind: 'DealingsFinalized',
      height: one.height,
      dealings: one.dealings,
      complaints: one.complaints,
    }),
  );
  return [{ kind: 'EpochBegan', height, summary, block, beacon }, ...dealt];
}

function readAs<T>(
  decoded: Verdict<T>,
  take: (value: T) => string | undefined,
): string | undefined {
  if (decoded.kind !== 'valid') return decoded.reason;
  return take(decoded.value);
}
