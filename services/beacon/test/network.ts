// Beacon cores of one subnet in one thread: artifacts reach every other node, tasks are solved in place by noble or mcl.
import type { Effect, Instant } from '@internode/actor';
import type { BeaconValue, CertificationValue, Message, TapeValue } from '@internode/contracts';
import { loadFastBls, nodeSignatures } from '@internode/crypto/fast';
import { toHex } from '@internode/prelude';
import {
  type BeaconAnswer,
  BeaconCore,
  type BeaconEvent,
  type BeaconTask,
  dealSubnet,
  heldKeys,
  type SubnetDealing,
  solveBeacon,
} from '../src/index.ts';

export const bls = await loadFastBls();

const tools = { bls, signatures: nodeSignatures, entropy: () => new Uint8Array(32) };

export function deal(nodes: number): SubnetDealing {
  return dealSubnet({
    nodes,
    entropy: new Uint8Array(32).fill(nodes),
    bls,
    signatures: nodeSignatures,
  });
}

export class Network {
  readonly dealing: SubnetDealing;
  readonly cores: BeaconCore[];
  readonly said: Message[][];
  readonly events: BeaconEvent[][];
  readonly journals: Uint8Array[][];
  readonly tasks: BeaconTask[] = [];
  /** Changes or drops an artifact on its way. */
  tamper: (message: Message, from: number, to: number) => Message | undefined = (message) =>
    message;
  readonly silent = new Set<number>();
  readonly timers: Set<string>[];
  patient = false;
  ms = 0;
  #queue: (() => void)[] = [];

  constructor(nodes: number) {
    this.dealing = deal(nodes);
    this.cores = this.dealing.nodes.map(
      ({ nodeId }) => new BeaconCore({ subnet: this.dealing.subnet, nodeId }),
    );
    this.said = this.cores.map(() => []);
    this.events = this.cores.map(() => []);
    this.journals = this.cores.map(() => []);
    this.timers = this.cores.map(() => new Set());
  }

  start(): void {
    for (const index of this.cores.keys())
      this.#perform(index, this.core(index).step(this.#now, { kind: 'started' }));
    this.settle();
  }

  restart(index: number, entries = Number.POSITIVE_INFINITY): void {
    const nodeId = this.dealing.nodes[index]?.nodeId as Uint8Array;
    const core = new BeaconCore({ subnet: this.dealing.subnet, nodeId });
    this.cores[index] = core;
    for (const entry of (this.journals[index] ?? []).slice(0, entries))
      core.step(this.#now, { kind: 'replayed', entry });
    this.#perform(index, core.step(this.#now, { kind: 'started' }));
    this.settle();
  }

  get #now(): Instant {
    return { ms: this.ms, unixNanos: 0n };
  }

  core(index: number): BeaconCore {
    return this.cores[index] as BeaconCore;
  }

  tell(index: number, message: Message): void {
    if (!this.silent.has(index))
      this.#perform(
        index,
        this.core(index).step(this.#now, { kind: 'message', message, sender: 'test' }),
      );
  }

  tellAll(message: Message): void {
    for (const index of this.cores.keys()) this.tell(index, message);
    this.settle();
  }

  fireTimers(): void {
    for (const [index, tokens] of this.timers.entries()) {
      for (const token of [...tokens]) {
        tokens.delete(token);
        if (!this.silent.has(index))
          this.#perform(index, this.core(index).step(this.#now, { kind: 'timer', token }));
      }
    }
    this.settle();
  }

  /** Whoever waits for a share more has heard all there are when nothing is on its way, unless it is patient. */
  settle(): void {
    do for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next();
    while (!this.patient && this.timers.some((tokens, index) => this.#endWait(tokens, index)));
  }

  #endWait(tokens: Set<string>, index: number): boolean {
    const token = [...tokens].find((one) => one.startsWith('agree/'));
    if (token === undefined) return false;
    tokens.delete(token);
    if (!this.silent.has(index))
      this.#perform(index, this.core(index).step(this.#now, { kind: 'timer', token }));
    return true;
  }

  beacons(index: number): readonly BeaconValue[] {
    return (this.said[index] ?? []).filter((message) => message.kind === 'BeaconValue');
  }

  tapes(index: number): readonly TapeValue[] {
    return (this.said[index] ?? []).filter((message) => message.kind === 'TapeValue');
  }

  certifications(index: number): readonly CertificationValue[] {
    return (this.said[index] ?? []).filter((message) => message.kind === 'CertificationValue');
  }

  #perform(index: number, effects: readonly Effect<BeaconTask, BeaconEvent>[]): void {
    const node = this.dealing.nodes[index];
    if (node === undefined) throw new Error('no such node');
    for (const effect of effects) {
      switch (effect.kind) {
        case 'publish':
          this.said[index]?.push(effect.message);
          this.#spread(index, effect.message);
          break;
        case 'persist':
          this.journals[index]?.push(effect.entry);
          break;
        case 'compact':
          this.journals[index] = [...effect.entries];
          break;
        case 'solve': {
          this.tasks.push(effect.task);
          const core = this.core(index);
          this.#queue.push(() => {
            if (this.cores[index] !== core) return;
            const answer: BeaconAnswer = solveBeacon(
              tools,
              heldKeys(this.dealing.subnet, node),
              effect.task,
            );
            this.#perform(index, core.step(this.#now, { kind: 'solved', id: effect.id, answer }));
          });
          break;
        }
        case 'wait':
          this.timers[index]?.add(effect.token);
          break;
        case 'cancel':
          this.timers[index]?.delete(effect.token);
          break;
        case 'observe':
          this.events[index]?.push(effect.event);
          break;
        default:
      }
    }
  }

  #spread(from: number, message: Message): void {
    if (this.silent.has(from)) return;
    if (message.kind !== 'PublishArtifact' && message.kind !== 'SendArtifact') return;
    const { artifactKind, id, body } = message;
    const fromNode = this.dealing.nodes[from]?.nodeId as Uint8Array;
    for (const to of this.cores.keys()) {
      if (to === from) continue;
      const toNode = this.dealing.nodes[to]?.nodeId as Uint8Array;
      if (message.kind === 'SendArtifact' && !has(message.toNodes, toNode)) continue;
      const sent = this.tamper(
        { kind: 'ArtifactReceived', artifactKind, id, body, fromNode },
        from,
        to,
      );
      if (sent !== undefined) this.#queue.push(() => this.tell(to, sent));
    }
  }
}

function has(nodes: readonly Uint8Array[], node: Uint8Array): boolean {
  return nodes.some((other) => toHex(other) === toHex(node));
}
