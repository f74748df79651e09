// A service whose peers are reached through the world's network: what the peers adapter is in production, part of the
// same process. Its words to the adapter never touch the bus, so they are neither lost nor reordered; its links break
// when it dies.
import type { Cancel, Envelope } from '@internode/actor';
import { CONTRACTS, type Message, type MessageKind, subjectOf } from '@internode/contracts';
import { concatBytes, fromHex, toHex } from '@internode/prelude';
import type { Role, RolePorts } from './role.ts';

type Deliver = (envelope: Envelope) => void;

export function withPeers(role: Role): Role {
  return {
    name: role.name,
    start: (ports, onFailed) => role.start({ ...ports, bus: new PeersBus(ports) }, onFailed),
    stop: () => role.stop(),
  };
}

/** A frame for many peers reads the same for all of them: it is encoded once. */
const heardAs = new WeakMap<Uint8Array, { readonly peer: string; readonly body: Uint8Array }>();

function heardBy(peer: string, frame: Uint8Array): Uint8Array {
  const known = heardAs.get(frame);
  if (known?.peer === peer) return known.body;
  const body = CONTRACTS.FrameReceived.encode({
    kind: 'FrameReceived',
    peer: fromHex(peer),
    frame,
  });
  heardAs.set(frame, { peer, body });
  return body;
}

/** The node's bus, with the adapter's four messages taken out of it. */
class PeersBus {
  readonly #bus: RolePorts['bus'];
  readonly #line: ReturnType<RolePorts['openLine']>;
  readonly #subjects: { readonly [Kind in MessageKind]?: string };
  readonly #ears = new Map<string, Set<Deliver>>();

  constructor({ bus, place, openLine }: RolePorts) {
    this.#bus = bus;
    this.#subjects = {
      ConnectPeers: subjectOf(place, 'ConnectPeers'),
      SendFrame: subjectOf(place, 'SendFrame'),
    };
    for (const kind of ['PeerLinkChanged', 'FrameReceived'] as const) {
      this.#ears.set(subjectOf(place, kind), new Set());
    }
    const say = (message: Message, subject: string): void => this.#say(message, subject);
    const [link, frame] = [subjectOf(place, 'PeerLinkChanged'), subjectOf(place, 'FrameReceived')];
    this.#line = openLine({
      linkChanged: (peer, up) => say({ kind: 'PeerLinkChanged', peer: fromHex(peer), up }, link),
      frame: (peer, body) => this.#hear(heardBy(peer, body), frame),
    });
  }

  publish(envelope: Envelope): void {
    if (envelope.subject === this.#subjects.SendFrame) {
      const said = CONTRACTS.SendFrame.decode(envelope.body);
      if (said.kind !== 'valid') return;
      const { peers, frame, tail } = said.value;
      this.#line.send(peers.map(toHex), tail.length === 0 ? frame : concatBytes(frame, tail));
    } else if (envelope.subject === this.#subjects.ConnectPeers) {
      const said = CONTRACTS.ConnectPeers.decode(envelope.body);
      if (said.kind === 'valid') this.#line.connect(said.value.peers.map((p) => toHex(p.nodeId)));
    } else this.#bus.publish(envelope);
  }

  subscribe(subject: string, deliver: Deliver): Cancel {
    const ears = this.#ears.get(subject);
    if (ears === undefined) return this.#bus.subscribe(subject, deliver);
    ears.add(deliver);
    return () => {
      ears.delete(deliver);
    };
  }

  #say(message: Message, subject: string): void {
    const contract = CONTRACTS[message.kind] as { encode(message: Message): Uint8Array };
    this.#hear(contract.encode(message), subject);
  }

  #hear(body: Uint8Array, subject: string): void {
    const envelope = { id: '0', cause: '', sender: 'peers', subject, traceparent: '', body };
    for (const deliver of this.#ears.get(subject) ?? []) deliver(envelope);
  }
}
