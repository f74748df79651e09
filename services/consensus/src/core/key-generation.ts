// Key generation in the chain: which dealings and complaints a block may carry, and what has been recorded on the way to
// it (protocol 2.9). The same function judges for the maker and for validators; proofs are checked off the step (examiner).
import type {
  Complaint,
  Dealing,
  DealingsInBlock,
  DkgConfig,
  DkgTarget,
  Summary,
} from '@internode/contracts';
import {
  contract,
  decodeComplaint,
  decodeDealing,
  decodeDkgConfig,
  encodeComplaint,
  encodeDealing,
  encodeDkgConfig,
} from '@internode/contracts';
import { dealingsEnd } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { BlockRecord } from './pool.ts';
import type { View } from './view.ts';

export const DEALING = contract('Dealing', 'types', 'dealing', encodeDealing, decodeDealing);
export const COMPLAINT = contract(
  'Complaint',
  'types',
  'complaint',
  encodeComplaint,
  decodeComplaint,
);
const CONFIG = contract('DkgConfig', 'types', 'dkg_config', encodeDkgConfig, decodeDkgConfig);

/** What a proof is checked against; a task of the solver. */
export type Examination =
  | {
      readonly kind: 'dealing';
      readonly config: DkgConfig;
      readonly dealing: Dealing;
      readonly publicKey: Uint8Array;
    }
  | {
      readonly kind: 'complaint';
      readonly config: DkgConfig;
      readonly dealing: Dealing;
      readonly complaint: Complaint;
      readonly publicKey: Uint8Array;
    };

/** The newest summary on the chain that ends in `tip`, and what was recorded since it. */
export interface EpochOnChain {
  readonly summary: Summary;
  readonly recorded: readonly DealingsInBlock[];
}

export function epochOn(view: View, tip: BlockRecord): EpochOnChain {
  const { epochLog, delivered, pool } = view;
  const above: DealingsInBlock[] = [];
  for (const { block, stripped } of pool.chain(tip, delivered)) {
    if (stripped === undefined) continue;
    const { summary, dealings, complaints } = stripped.payload;
    if (summary !== undefined) return { summary, recorded: above.reverse() };
    if (dealings.length + complaints.length > 0)
      above.push({ height: block.height, dealings, complaints });
  }
  const { summary } = epochLog.opening;
  const below = epochLog.recorded.filter(({ height }) => height > summary.height);
  return { summary, recorded: [...below, ...above.reverse()] };
}

export function sameTarget(a: DkgTarget, b: DkgTarget): boolean {
  return a.summaryHeight === b.summaryHeight && a.key === b.key;
}

export function configFor({ configs }: Summary, target: DkgTarget): DkgConfig | undefined {
  return configs.find((config) => sameTarget(config.target, target));
}

/** Names the dealing of a dealer for a key: there is one. */
export function dealingKey({ target, dealer }: Pick<Dealing, 'target' | 'dealer'>): string {
  return `${target.summaryHeight}/${target.key}/${toHex(dealer)}`;
}

/** Names an examination by everything it depends on. */
export function examinationKey(examination: Examination): string {
  const { kind, config } = examination;
  const id =
    kind === 'dealing' ? idOfDealing(examination.dealing) : idOfComplaint(examination.complaint);
  return `${kind}/${configKey(config)}/${toHex(id)}`;
}

const ids = new WeakMap<object, Uint8Array>();

export function idOfDealing(dealing: Dealing): Uint8Array {
  return idOf(dealing, () => DEALING.encode(dealing));
}

export function idOfComplaint(complaint: Complaint): Uint8Array {
  return idOf(complaint, () => COMPLAINT.encode(complaint));
}

function idOf(item: object, encode: () => Uint8Array): Uint8Array {
  const known = ids.get(item);
  if (known !== undefined) return known;
  const id = sha256(encode());
  ids.set(item, id);
  return id;
}

const configKeys = new WeakMap<DkgConfig, string>();

export function configKey(config: DkgConfig): string {
  const known = configKeys.get(config);
  if (known !== undefined) return known;
  const key = toHex(sha256(CONFIG.encode(config)));
  configKeys.set(config, key);
  return key;
}

/** Whether a dealing may be in a block at `height`, and what is left to examine. A text says why not. */
export function judgeDealing(
  { summary, recorded }: EpochOnChain,
  height: number,
  dealing: Dealing,
): Examination | string {
  const config = configFor(summary, dealing.target);
  if (config === undefined) return 'dealing of no key of this epoch';
  if (height >= dealingsEnd(summary)) return 'dealing too late in the epoch';
  const dealer = summary.current.record.nodes.find(({ nodeId }) =>
    bytesEqual(nodeId, dealing.dealer),
  );
  if (dealer === undefined || !config.dealers.some((id) => bytesEqual(id, dealing.dealer)))
    return 'not a dealer';
  if (dealingOf(recorded, dealing) !== undefined) return 'second dealing of a dealer';
  return { kind: 'dealing', config, dealing, publicKey: dealer.publicKey };
}

export function judgeComplaint(
  { summary, recorded }: EpochOnChain,
  complaint: Complaint,
): Examination | string {
  const config = configFor(summary, complaint.target);
  if (config === undefined) return 'complaint about no key of this epoch';
  const receiver = summary.record.nodes.find(({ nodeId }) =>
    bytesEqual(nodeId, complaint.receiver),
  );
  if (receiver === undefined) return 'complaint of a stranger';
  const dealing = dealingOf(recorded, complaint);
  if (dealing === undefined) return 'complaint about a dealing that is not in the chain';
  // One is enough to convict.
  const again = recorded.some(({ complaints }) =>
    complaints.some((other) => dealingKey(other) === dealingKey(complaint)),
  );
  if (again) return 'second complaint about a dealer';
  return { kind: 'complaint', config, dealing, complaint, publicKey: receiver.publicKey };
}

function dealingOf(
  recorded: readonly DealingsInBlock[],
  named: Pick<Dealing, 'target' | 'dealer'>,
): Dealing | undefined {
  const key = dealingKey(named);
  for (const { dealings } of recorded) {
    const found = dealings.find((dealing) => dealingKey(dealing) === key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Everything of key generation in a payload, judged in order. A text says what is wrong with it. */
export function judgeKeyGeneration(
  epoch: EpochOnChain,
  height: number,
  payload: { readonly dealings: readonly Dealing[]; readonly complaints: readonly Complaint[] },
): readonly Examination[] | string {
  const { dealings, complaints } = payload;
  if (dealings.length > CONSENSUS_LIMITS.dealingsPerBlock) return 'too many dealings';
  if (complaints.length > CONSENSUS_LIMITS.complaintsPerBlock) return 'too many complaints';
  const accused = new Set(complaints.map(dealingKey));
  if (accused.size !== complaints.length) return 'second complaint about a dealer';
  const examinations: Examination[] = [];
  for (const judged of [
    ...dealings.map((dealing) => judgeDealing(epoch, height, dealing)),
    ...complaints.map((complaint) => judgeComplaint(epoch, complaint)),
  ]) {
    if (typeof judged === 'string') return judged;
    examinations.push(judged);
  }
  return examinations;
}
