/** A state service with its shell on a real disk, its own bus, and a stand-in for p2p that carries questions to others. */
import { randomFillSync } from 'node:crypto';
import { Caller, type MessageOf, type Ports, Service } from '@internode/actor';
import { MemoryBus } from '@internode/bus/memory';
import type { Message, MessageKind } from '@internode/contracts';
import { SystemClock } from '@internode/host';
import { toHex } from '@internode/prelude';
import { MemoryJournal } from '@internode/storage/memory';
import { RocksStore } from '@internode/storage/rocksdb';
import { CHECKPOINTS, createState, createStateSolver, type StateEvent } from '../src/index.ts';
import { beaconOn } from './killed-node.ts';
import { bls, publicKey, SUBNET } from './rig.ts';

export interface Live {
  readonly id: Uint8Array;
  readonly caller: Caller;
  readonly store: RocksStore;
  /** `meddle` may make another answer of the other's. */
  link(other: Live, meddle?: (body: Uint8Array) => Uint8Array): void;
  until<Kind extends MessageKind>(
    kind: Kind,
    holds: (message: MessageOf<Kind>) => boolean,
  ): Promise<MessageOf<Kind>>;
  last<Kind extends MessageKind>(kind: Kind): MessageOf<Kind> | undefined;
  /** Once it was observed. */
  event(kind: StateEvent['kind']): Promise<StateEvent>;
  stepMsMax(): number;
  bytesAnswered(): number;
  /** What was observed so far. */
  readonly events: readonly StateEvent[];
  close(): Promise<void>;
}

const HEARD: readonly MessageKind[] = [
  'Readiness',
  'StateCertified',
  'StateCommitted',
  'StateHashed',
  'CheckpointMade',
  'TipLoaded',
];

export async function live(path: string, name: number): Promise<Live> {
  const store = await RocksStore.open({ path, extension: CHECKPOINTS });
  const ports: Ports<never, never> = {
    place: { subnet: 'subnet', node: 'node' },
    // As embedded in a replica.
    bus: new MemoryBus({ handsOver: true }),
    clock: new SystemClock(),
    entropy: { fill: (bytes) => randomFillSync(bytes) },
    journal: new MemoryJournal(),
    solver: { solve: () => {} },
    observe: () => {},
  };
  const service = new Service(createState({ subnet: SUBNET, checkpoints: true }));
  const caller = new Caller({ name: 'test', ports, keyOf: {}, pendingMax: 1 });
  const newest = new Map<MessageKind, Message>();
  const waiting = new Set<() => void>();
  for (const kind of HEARD) {
    caller.listen(kind, (message) => {
      newest.set(kind, message);
      for (const look of [...waiting]) look();
    });
  }
  beaconOn(caller);
  const peers = new Map<string, { readonly other: Linked; readonly meddle: Meddle }>();
  const askers = new Map<string, (body: Uint8Array) => void>();
  let bytes = 0;
  const id = Uint8Array.of(name, 2);
  caller.listen('AskPeer', ({ askId, topic, peer, body }) => {
    const answer = (content: Uint8Array, failure: string) =>
      caller.tell({ kind: 'PeerAnswered', askId, topic, peer, body: content, failure });
    const link = peers.get(toHex(peer));
    if (link === undefined) answer(new Uint8Array(0), 'no link');
    else
      link.other.askedBy({ kind: 'PeerAsked', askId, topic, peer: id, body }, (said) =>
        answer(link.meddle(said), ''),
      );
  });
  caller.listen('AnswerPeer', ({ askId, body }) => {
    bytes += body.length;
    askers.get(toHex(askId))?.(body);
    askers.delete(toHex(askId));
  });
  const events: StateEvent[] = [];
  const observe = (_service: string, event: unknown): void => {
    events.push(event as StateEvent);
    for (const look of [...waiting]) look();
  };
  service.start({ ...ports, observe, solver: createStateSolver({ store, bls, publicKey }) });
  caller.tell({ kind: 'Readiness', service: 'consensus', ready: true, height: 0, detail: '' });
  const last = <Kind extends MessageKind>(kind: Kind) =>
    newest.get(kind) as MessageOf<Kind> | undefined;
  const node: Linked = {
    id,
    caller,
    store,
    last,
    link: (other, meddle = (body) => body) =>
      peers.set(toHex(other.id), { other: other as Linked, meddle }),
    events,
    until: (kind, holds) =>
      new Promise((resolve) => {
        const look = (): void => {
          const message = last(kind);
          if (message === undefined || !holds(message)) return;
          waiting.delete(look);
          resolve(message);
        };
        waiting.add(look);
        look();
      }),
    event: (kind) =>
      new Promise((resolve) => {
        const look = (): void => {
          const event = events.find((each) => each.kind === kind);
          if (event === undefined) return;
          waiting.delete(look);
          resolve(event);
        };
        waiting.add(look);
        look();
      }),
    askedBy: (asked, answer) => {
      askers.set(toHex(asked.askId), answer);
      caller.tell(asked);
    },
    stepMsMax: () => service.figures().stepMsMax,
    bytesAnswered: () => bytes,
    close: async () => {
      service.stop();
      caller.close();
      await store.close();
    },
  };
  // What is told before the store is read is not taken.
  await node.until('Readiness', ({ service: speaker, detail }) => {
    return speaker === 'state' && !/reading|consensus/.test(detail);
  });
  return node;
}

type Meddle = (body: Uint8Array) => Uint8Array;

interface Linked extends Live {
  askedBy(asked: MessageOf<'PeerAsked'>, answer: (body: Uint8Array) => void): void;
}
