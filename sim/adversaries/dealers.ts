// Members that are not honest when keys are generated. They act where a subnet has epochs.
import {
  type Complaint,
  contract,
  type Dealing,
  type DkgConfig,
  decodeComplaint,
  decodeDealing,
  encodeComplaint,
  encodeDealing,
  type Summary,
} from '@internode/contracts';
import { type BlsEngine, complain, deal, generateReceiverKey } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, concatBytes, utf8 } from '@internode/prelude';
import { offerOf } from './artifacts.ts';
import type { Evil, Temptation } from './behaviour.ts';

const DEALING = contract('Dealing', 'types', 'dealing', encodeDealing, decodeDealing);
const COMPLAINT = contract('Complaint', 'types', 'complaint', encodeComplaint, decodeComplaint);
/** Complaints of one life. */
const COMPLAINTS_MAX = 20;

/** Commits to another polynomial than it deals: all that everyone can check is in order, no receiver's share fits. */
export const badDealer: Temptation = (evil) => {
  let summary: Summary | undefined;
  const dealt = new Map<string, Dealing>();
  const instead = (honest: Dealing): Dealing => {
    const name = `${honest.target.summaryHeight}/${honest.target.key}`;
    const made = dealt.get(name) ?? cheat(evil, summary, honest) ?? honest;
    dealt.set(name, made);
    return made;
  };
  return {
    service: 'beacon',
    heard: (message) => {
      if (message.kind === 'EpochBegan') summary = message.summary;
    },
    said: (message) => {
      if (message.kind === 'DealingMade')
        return [{ kind: 'DealingMade', dealing: instead(message.dealing) }];
      if (message.kind !== 'PublishArtifact' || message.artifactKind !== 'dealing')
        return [message];
      const honest = DEALING.decode(message.body);
      if (honest.kind !== 'valid') return [message];
      return [offerOf('dealing', DEALING.encode(instead(honest.value)))];
    },
  };
};

function configOf(summary: Summary | undefined, { target }: Dealing): DkgConfig | undefined {
  return summary?.configs.find(
    (config) =>
      config.target.key === target.key &&
      config.target.summaryHeight === target.summaryHeight &&
      config.dealerShareKeys.length === 0,
  );
}

function cheat(
  { node, crypto }: Evil,
  summary: Summary | undefined,
  honest: Dealing,
): Dealing | undefined {
  const config = configOf(summary, honest);
  if (config === undefined) return undefined;
  const engines = { bls: crooked(crypto.bls), signatures: crypto.signatures };
  const entropy = sha256(concatBytes(node.nodeSecret, utf8(`${config.target.summaryHeight}`)));
  const { nodeId: dealer, nodeSecret } = node;
  const made = deal(engines, { config, dealer, nodeSecret, entropy });
  return made.kind === 'valid' ? made.value : undefined;
}

/** Its first public key is right, those after it are of neighbours. */
function crooked(bls: BlsEngine): BlsEngine {
  let keys = 0;
  const publicKey = (secret: Uint8Array): Uint8Array => {
    keys += 1;
    const other = secret.map((byte, i) => (i === secret.length - 1 ? byte ^ 1 : byte));
    return bls.publicKey(keys === 1 ? secret : other);
  };
  return new Proxy(bls, {
    get: (target, name) => {
      if (name === 'publicKey') return publicKey;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Complains of dealings that are good, with a proof that its envelope is its envelope. */
export const falseComplaints: Temptation = (evil) => {
  let summary: Summary | undefined;
  let made = 0;
  return {
    service: 'beacon',
    heard: (message, say) => {
      if (message.kind === 'EpochBegan') summary = message.summary;
      if (message.kind !== 'DealingsFinalized') return;
      for (const dealing of message.dealings) {
        if (bytesEqual(dealing.dealer, evil.node.nodeId) || made >= COMPLAINTS_MAX) continue;
        const complaint = lie(evil, configOf(summary, dealing), dealing);
        if (complaint === undefined) continue;
        made += 1;
        say({ kind: 'ComplaintMade', complaint });
        say(offerOf('complaint', COMPLAINT.encode(complaint)));
      }
    },
  };
};

function lie(
  { node, crypto, random }: Evil,
  config: DkgConfig | undefined,
  dealing: Dealing,
): Complaint | undefined {
  if (config?.receivers.some((receiver) => bytesEqual(receiver, node.nodeId)) !== true)
    return undefined;
  return complain(crypto, {
    config,
    dealing,
    receiver: node.nodeId,
    receiverSecret: generateReceiverKey(node.receiverSecret).secretKey,
    nodeSecret: node.nodeSecret,
    entropy: sha256(utf8(`${random.below(2 ** 30)}`)),
  });
}
