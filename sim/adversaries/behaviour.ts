// What a node that is not honest does: it runs the honest services, and something comes between them and the bus.
import type { Clock } from '@internode/actor';
import type { DealtSubnet, NodeKeys } from '@internode/beacon';
import {
  CONTRACTS,
  encodeMessage,
  type Message,
  type MessageKind,
  subjectOf,
} from '@internode/contracts';
import type { NodeSetup, Random, Role, RolePorts } from '@internode/sim';
import type { Crypto } from '../crypto.ts';

/** What it knows, and what it is. */
export interface Evil {
  readonly subnet: DealtSubnet;
  readonly node: NodeKeys;
  readonly crypto: Crypto;
  readonly random: Random;
}

export type Say = (message: Message) => void;

export interface Behaviour {
  /** Of the service whose words it changes. */
  readonly service: string;
  /** Instead of what the service says. */
  said?(message: Message): readonly Message[];
  /** When the service hears something. */
  heard?(message: Message, say: Say): void;
  /** When the service starts; until it stops. */
  started?(say: Say, clock: Clock): void;
}

export type Temptation = (evil: Evil) => Behaviour;

/** Services of the node with these behaviours between them and the bus, the first one next to the service. */
export function corrupted(setup: NodeSetup, behaviours: readonly Behaviour[]): NodeSetup {
  const roles = setup.roles.map((role) =>
    behaviours.filter(({ service }) => service === role.name).reduceRight(between, role),
  );
  return { ...setup, roles };
}

function between(role: Role, behaviour: Behaviour): Role {
  let stop: (() => void) | undefined;
  return {
    name: role.name,
    start: (ports, onFailed) => {
      const meddler = new Meddler(ports, behaviour);
      stop = () => meddler.end();
      role.start({ ...ports, bus: meddler }, onFailed);
      meddler.begin();
    },
    stop: () => {
      stop?.();
      role.stop();
    },
  };
}

type Bus = RolePorts['bus'];

class Meddler implements Bus {
  readonly #ports: RolePorts;
  readonly #behaviour: Behaviour;
  readonly #kinds: ReadonlyMap<string, MessageKind>;
  #ended = false;

  constructor(ports: RolePorts, behaviour: Behaviour) {
    this.#ports = ports;
    this.#behaviour = behaviour;
    const kinds = Object.keys(CONTRACTS) as MessageKind[];
    this.#kinds = new Map(kinds.map((kind) => [subjectOf(ports.place, kind), kind]));
  }

  begin(): void {
    const { clock } = this.#ports;
    const mortal: Clock = {
      now: () => clock.now(),
      soon: (run) => clock.soon(run),
      after: (delayMs, fire) => clock.after(delayMs, () => this.#ended || fire()),
    };
    this.#behaviour.started?.((message) => this.#say(message), mortal);
  }

  end(): void {
    this.#ended = true;
  }

  publish(envelope: Parameters<Bus['publish']>[0]): void {
    const { said } = this.#behaviour;
    const message = said && this.#read(envelope.subject, envelope.body);
    if (said === undefined || message === undefined) return this.#ports.bus.publish(envelope);
    const instead = said.call(this.#behaviour, message);
    if (instead.length === 1 && instead[0] === message) return this.#ports.bus.publish(envelope);
    for (const other of instead) this.#say(other);
  }

  subscribe(subject: string, deliver: Parameters<Bus['subscribe']>[1]): () => void {
    const { heard } = this.#behaviour;
    return this.#ports.bus.subscribe(subject, (envelope) => {
      const message = heard && this.#read(subject, envelope.body);
      if (message !== undefined) {
        heard?.call(this.#behaviour, message, (other) => this.#say(other));
      }
      deliver(envelope);
    });
  }

  #read(subject: string, body: Uint8Array): Message | undefined {
    const kind = this.#kinds.get(subject);
    if (kind === undefined) return undefined;
    const decoded = CONTRACTS[kind].decode(body);
    return decoded.kind === 'valid' ? decoded.value : undefined;
  }

  #say(message: Message): void {
    if (this.#ended) return;
    this.#ports.bus.publish({
      id: '0',
      cause: '',
      sender: this.#behaviour.service,
      subject: subjectOf(this.#ports.place, message.kind),
      traceparent: '',
      body: encodeMessage(message),
    });
  }
}
