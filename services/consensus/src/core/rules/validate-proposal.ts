// Protocol 2.4, validator, block proposals: hash integrity was checked at the door; here the maker, the parent, the
// validation context and the payload.
import { unreachable } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../../limits.ts';
import { bytesOfProposal, hashOfBlock } from '../artifact.ts';
import type { BlockRecord, HeightPool } from '../pool.ts';
import { rankDelayMs, rolesAt, roundStartMs, type Unvalidated, type View } from '../view.ts';
import { type ContentJudgement, judgeContent } from './epoch-content.ts';
import { haltingAt, mayPass } from './halting.ts';
import type { Judgement } from './validator.ts';

const WAIT: Judgement = { kind: 'wait' };

export function judgeProposal(view: View, record: BlockRecord, item: Unvalidated): Judgement {
  const { pool } = view;
  const { height, rank } = record.block;
  const here = pool.at(height);
  if (here?.blocks.has(record.key) === true) return { kind: 'forget' };
  const parent = pool.block(height - 1, record.parentKey);
  if (parent === undefined || !pool.isNotarized(height - 1, parent.key)) return WAIT;
  const roles = rolesAt(view, height);
  if (roles === undefined) return WAIT;
  if (roles.makers.indexOf(record.maker) !== rank) return reject('not a maker of this rank');
  if (item.signatures !== 'good') return checkOf(view, record);
  const proven = here?.certificates.notarization.has(record.key) === true;
  const rival = proven ? undefined : equivocation(view, here, record);
  if (rival !== undefined) return here?.equivocators.has(record.maker) ? WAIT : rival;
  // Of a range: its bodies fit their ids, but nobody here has checked their signatures.
  if (!proven && record.proposal !== undefined && item.peer !== 'journal') return WAIT;
  const gathered = view.gathering.get(item.id);
  if (record.proposal === undefined && gathered === undefined) return { kind: 'gather' };
  if (gathered?.tooLarge === true) return reject('payload too large');
  const complete = gathered?.complete ?? record;
  if (complete.proposal === undefined) return WAIT;
  // A quorum has looked at it: at least f + 1 honest nodes found it valid.
  if (proven) return { kind: 'accept' };
  if (height <= pool.notarized || hasBetter(here, rank)) return WAIT;
  const early = notYet(view, record, parent);
  if (early !== undefined) return early;
  const fault = faultOfContext(record, parent) ?? faultOfPayload(view, complete, parent);
  if (fault !== undefined) return reject(fault);
  const { registryVersion, certifiedHeight } = record.block;
  if (certifiedHeight > view.certified) return WAIT;
  if (registryVersion !== view.epochs.subnetOf(height).registryVersion)
    return reject('registry version is not that of the epoch');
  return judgeHalting(view, complete) ?? judgementOf(judgeContent(view, record, parent));
}

function judgementOf(content: ContentJudgement): Judgement {
  switch (content.kind) {
    case 'right':
      return { kind: 'accept' };
    case 'wrong':
      return reject(content.reason);
    case 'pending':
      return { kind: 'need', actions: content.actions };
    default:
      return unreachable(content);
  }
}

/** What another version makes after an upgrade is not for this one to judge. */
function judgeHalting(view: View, { block, proposal }: BlockRecord): Judgement | undefined {
  const halting = haltingAt(view, block.height);
  const { ingress = [], dealings = [] } = proposal?.payload ?? {};
  switch (halting) {
    case 'no':
      return undefined;
    case 'stopped':
      return WAIT;
    case 'empty':
      return ingress.length + dealings.length > 0 ? WAIT : undefined;
    case 'management-only':
      return ingress.every((call) => mayPass(halting, call))
        ? undefined
        : reject('a call in a halted subnet');
    default:
      return unreachable(halting);
  }
}

function checkOf(view: View, record: BlockRecord): Judgement {
  const subnet = view.epochs.subnetOf(record.block.height);
  const { publicKey } = subnet.member(record.maker);
  const message = bytesOfProposal(subnet.subnetId, record.block.height, record.hash);
  const signature = record.stripped?.signature ?? new Uint8Array(0);
  return { kind: 'check', checks: [{ publicKey, message, signature }] };
}

/** Evidence, when the maker has signed another block at this height, whether or not their bodies are here. */
function equivocation(
  view: View,
  here: HeightPool | undefined,
  record: BlockRecord,
): Judgement | undefined {
  const known = [...(here?.blocks.values() ?? [])].find(({ maker }) => maker === record.maker);
  const other = (known ?? view.gathering.rivalOf(record))?.stripped;
  const { stripped } = record;
  if (other === undefined || stripped === undefined) return undefined;
  return {
    kind: 'accuse',
    maker: record.maker,
    proof: {
      maker: other.maker,
      height: record.block.height,
      firstHash: known?.hash ?? hashOfBlock(other.block),
      firstSignature: other.signature,
      secondHash: record.hash,
      secondSignature: stripped.signature,
    },
  };
}

function hasBetter(here: HeightPool | undefined, rank: number): boolean {
  return [...(here?.blocks.values() ?? [])].some(
    (other) => other.block.rank < rank && !here?.equivocators.has(other.maker),
  );
}

/** A later rank has to wait its turn, and a block from the future until its time has come. */
function notYet(view: View, record: BlockRecord, parent: BlockRecord): Judgement | undefined {
  const startMs = roundStartMs(view);
  if (startMs === undefined) return WAIT;
  const atMs = startMs + rankDelayMs(view, record.block.rank);
  if (view.now.ms < atMs) return { kind: 'look-again', atMs };
  // A clock that stands still must not stop the subnet: time since the parent came counts too.
  const sinceParentNanos = BigInt(Math.floor((view.now.ms - view.notarizedMs) * 1e6));
  const relative = parent.block.timeNanos + sinceParentNanos;
  const local = view.now.unixNanos > relative ? view.now.unixNanos : relative;
  const aheadNanos = record.block.timeNanos - local;
  if (aheadNanos <= 0n) return undefined;
  const aheadMs = Math.min(Number(aheadNanos / 1_000_000n) + 1, 60_000);
  return { kind: 'look-again', atMs: view.now.ms + aheadMs };
}

/** {registry version, certified height, time} never fall along a chain, and time rises (protocol 2.2). */
function faultOfContext(record: BlockRecord, parent: BlockRecord): string | undefined {
  const { block } = record;
  if (block.timeNanos <= parent.block.timeNanos) return 'time does not rise';
  if (block.registryVersion < parent.block.registryVersion) return 'registry version falls';
  if (block.certifiedHeight < parent.block.certifiedHeight) return 'certified height falls';
  if (block.certifiedHeight > parent.block.height) return 'certified height is not below the block';
  return undefined;
}

function faultOfPayload(view: View, record: BlockRecord, parent: BlockRecord): string | undefined {
  const { block, ingressKeys } = record;
  const seen = new Set(ingressKeys);
  if (seen.size !== ingressKeys.length) return 'ingress twice in a block';
  const latest = block.timeNanos + CONSENSUS_LIMITS.ingressAheadNanos;
  for (const { expiryNanos } of record.proposal?.payload.ingress ?? []) {
    if (expiryNanos < block.timeNanos) return 'expired ingress';
    if (expiryNanos > latest) return 'ingress expires too far ahead';
  }
  // Older duplicates are known to the certified state, whose ingress history refuses them.
  for (const ancestor of view.pool.chain(parent, block.certifiedHeight)) {
    if (ancestor.ingressKeys.some((key) => seen.has(key))) return 'ingress twice in the chain';
  }
  return undefined;
}

function reject(reason: string): Judgement {
  return { kind: 'reject', reason };
}
