// What checkers see of what a service says, at the moment it says it: before the bus can lose it.
import { CONTRACTS, type Message, type MessageKind, subjectOf } from '@internode/contracts';
import { assert } from '@internode/prelude';
import type { Role } from '@internode/sim';

type MessageOf<Kind extends MessageKind> = Extract<Message, { kind: Kind }>;

export type Shown =
  | { readonly kind: 'CertifiedShown'; readonly height: number; readonly root: Uint8Array }
  | { readonly kind: 'HashShown'; readonly height: number; readonly root: Uint8Array }
  | { readonly kind: 'CheckpointShown'; readonly height: number; readonly root: Uint8Array }
  | { readonly kind: 'FinalShown'; readonly height: number; readonly hash: Uint8Array }
  | { readonly kind: 'NotarizedShown'; readonly height: number; readonly hash: Uint8Array }
  | { readonly kind: 'BeaconShown'; readonly height: number; readonly value: Uint8Array }
  | { readonly kind: 'TapeShown'; readonly height: number; readonly value: Uint8Array }
  | {
      readonly kind: 'CertificationShown';
      readonly height: number;
      readonly root: Uint8Array;
      readonly signature: Uint8Array;
    }
  /** The low keys in force from two heights on. */
  | { readonly kind: 'LowKeysShown'; readonly keys: ReadonlyMap<number, Uint8Array> }
  /** To be offered to peers. */
  | { readonly kind: 'OfferShown'; readonly artifact: string; readonly body: Uint8Array };

type Show = {
  readonly [Kind in MessageKind]?: (said: MessageOf<Kind>) => Shown;
};

const ALONE: Show = {
  StateCertified: ({ height, root }) => ({ kind: 'CertifiedShown', height, root }),
  StateHashed: ({ height, root }) => ({ kind: 'HashShown', height, root }),
  BlockFinalized: ({ height, blockHash: hash }) => ({ kind: 'FinalShown', height, hash }),
};

const AMONG_PEERS: Show = {
  ...ALONE,
  BlockNotarized: ({ height, blockHash: hash }) => ({ kind: 'NotarizedShown', height, hash }),
  BeaconValue: ({ height, value }) => ({ kind: 'BeaconShown', height, value }),
  TapeValue: ({ height, value }) => ({ kind: 'TapeShown', height, value }),
  CertificationValue: ({ height, root, signature }) => ({
    kind: 'CertificationShown',
    height,
    root,
    signature,
  }),
  CheckpointMade: ({ height, manifestRoot: root }) => ({ kind: 'CheckpointShown', height, root }),
  EpochBegan: ({ summary: { height, nextHeight, current, next } }) => ({
    kind: 'LowKeysShown',
    keys: new Map([
      [height, current.low.groupKey],
      [Math.max(height, nextHeight), next.low.groupKey],
    ]),
  }),
  PublishArtifact: ({ artifactKind, body }) => ({
    kind: 'OfferShown',
    artifact: artifactKind,
    body,
  }),
};

export function showing(shown: Role, hasPeers: boolean): Role {
  const show = hasPeers ? AMONG_PEERS : ALONE;
  return {
    name: shown.name,
    start: (ports, onFailed) => {
      const kinds = new Map(
        (Object.keys(show) as MessageKind[]).map((kind) => [subjectOf(ports.place, kind), kind]),
      );
      const publish: typeof ports.bus.publish = (envelope) => {
        const kind = kinds.get(envelope.subject);
        if (kind !== undefined) {
          const said = CONTRACTS[kind].decode(envelope.body);
          assert(said.kind === 'valid', 'our own message decodes');
          ports.observe(shown.name, (show[kind] as (said: Message) => Shown)(said.value));
        }
        ports.bus.publish(envelope);
      };
      const subscribe: typeof ports.bus.subscribe = (subject, deliver) =>
        ports.bus.subscribe(subject, deliver);
      const { handsOver } = ports.bus;
      shown.start({ ...ports, bus: { handsOver, publish, subscribe } }, onFailed);
    },
    stop: () => shown.stop(),
  };
}
