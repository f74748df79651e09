// Several cores and the ways between them: virtual time, and frames that a test may lose, repeat, reorder or look at.
import type { Effect, Input, MessageOf } from '@internode/actor';
import type { ArtifactKind, Message, PeerAddress } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { concatBytes, give, toHex, utf8 } from '@internode/prelude';
import { P2pCore, type P2pEvent } from '../src/index.ts';

export const START_NANOS = 1_785_000_000_000_000_000n;

interface Ring {
  readonly atMs: number;
  readonly core: P2pCore;
  readonly token: string;
}

export interface Frame {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly frame: Uint8Array;
}

export class Member {
  readonly nodeId: Uint8Array;
  readonly address: PeerAddress;
  readonly said: Message[] = [];
  readonly events: P2pEvent[] = [];
  core: P2pCore;
  lives = 0;

  constructor(name: string, core: P2pCore) {
    this.nodeId = utf8(name);
    this.address = addressOf(name);
    this.core = core;
  }

  /** Ids of what it was told by peers, in order. */
  received(): string[] {
    return this.said.flatMap((message) =>
      isReceived(message) && toHex(message.fromNode) !== toHex(this.nodeId)
        ? [toHex(message.id)]
        : [],
    );
  }

  count(kind: P2pEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }
}

function addressOf(name: string): PeerAddress {
  return { nodeId: utf8(name), publicKey: utf8(`key of ${name}`), address: `${name}:1` };
}

export function artifact(
  text: string,
  { artifactKind = 'beacon' as ArtifactKind, bytes = 0 } = {},
): { artifactKind: ArtifactKind; id: Uint8Array; body: Uint8Array } {
  const body = new Uint8Array(Math.max(bytes, text.length));
  body.set(utf8(text));
  return { artifactKind, id: sha256(body), body };
}

export class Net {
  readonly members: readonly Member[];
  nowMs = 1;
  /** What a way does with a frame: how often it arrives, in ms from now. */
  way: (frame: Frame) => readonly number[] = () => [1];
  readonly frames: Frame[] = [];
  readonly #agenda: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly #timers = new Map<string, Ring>();
  readonly #up = new Set<string>();

  constructor(count: number) {
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    this.members = names.map((name) => new Member(name, this.#birth(name, 0, count)));
  }

  static started(count: number): Net {
    const net = new Net(count);
    for (const member of net.members) net.step(member, { kind: 'started' });
    net.linkAll();
    net.run(50);
    return net;
  }

  member(index: number): Member {
    const member = this.members[index];
    if (member === undefined) throw new Error(`no member ${index}`);
    return member;
  }

  linkAll(): void {
    for (const a of this.members) for (const b of this.members) if (a !== b) this.link(a, b, true);
  }

  /** One end of a link learns that it is up or down. */
  link(of: Member, to: Member, up: boolean): void {
    const key = `${toHex(of.nodeId)}>${toHex(to.nodeId)}`;
    if (up) this.#up.add(key);
    else this.#up.delete(key);
    this.hear(of, { kind: 'PeerLinkChanged', peer: to.nodeId, up });
  }

  /** A new life, with nothing remembered. */
  restart(member: Member): void {
    member.lives += 1;
    for (const [key, { core }] of this.#timers) if (core === member.core) this.#timers.delete(key);
    member.core = this.#birth(member.address.address.slice(0, -2), member.lives);
    this.step(member, { kind: 'started' });
  }

  hear(member: Member, message: Message): readonly Message[] {
    return this.step(member, { kind: 'message', message, sender: 'test' });
  }

  publish(member: Member, what: ReturnType<typeof artifact>): void {
    this.hear(member, { kind: 'PublishArtifact', ...what });
  }

  withdraw(member: Member, { artifactKind, id }: ReturnType<typeof artifact>): void {
    this.hear(member, { kind: 'WithdrawArtifact', artifactKind, id });
  }

  step(member: Member, input: Input<never>): readonly Message[] {
    const now = { ms: this.nowMs, unixNanos: START_NANOS + BigInt(Math.round(this.nowMs * 1e6)) };
    const effects = member.core.step(now, input);
    return this.#perform(member, effects);
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, next.atMs) + 1e-6;
      next.run();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  #next(): { readonly atMs: number; readonly run: () => void } | undefined {
    let found: Ring | undefined;
    let key = '';
    for (const [name, ring] of this.#timers) {
      if (found === undefined || ring.atMs < found.atMs) {
        found = ring;
        key = name;
      }
    }
    const [first] = this.#agenda;
    if (first !== undefined && (found === undefined || first.atMs <= found.atMs))
      return this.#agenda.shift();
    if (found === undefined) return undefined;
    const { atMs, core, token } = found;
    const run = (): void => {
      this.#timers.delete(key);
      const member = this.members.find((candidate) => candidate.core === core);
      if (member !== undefined) this.step(member, { kind: 'timer', token });
    };
    return { atMs, run };
  }

  #birth(name: string, life: number, count = 8): P2pCore {
    const peers = (this.members ?? []).map(({ address }) => address);
    const all =
      peers.length > 0
        ? peers
        : Array.from({ length: Math.max(8, count) }, (_, i) => addressOf(`n${i}`));
    return new P2pCore({ nodeId: utf8(name), peers: all }, sha256(utf8(`${name}/${life}`)));
  }

  #perform(member: Member, effects: readonly Effect<never, P2pEvent>[]): readonly Message[] {
    const said: Message[] = [];
    for (const effect of effects) {
      if (effect.kind === 'observe') member.events.push(effect.event);
      else if (effect.kind === 'wait') this.#setTimer(member.core, effect.token, effect.delayMs);
      else if (effect.kind === 'cancel') this.#timers.delete(timerOf(member, effect.token));
      else if (effect.kind === 'publish') {
        said.push(effect.message);
        member.said.push(effect.message);
        if (effect.message.kind === 'SendFrame') this.#send(member, effect.message);
      }
    }
    return said;
  }

  #setTimer(core: P2pCore, token: string, delayMs: number): void {
    const member = this.members?.find((candidate) => candidate.core === core);
    if (member !== undefined)
      this.#timers.set(timerOf(member, token), { atMs: this.nowMs + delayMs, core, token });
  }

  #send(from: Member, { peers, ...said }: MessageOf<'SendFrame'>): void {
    const frame = concatBytes(said.frame, said.tail);
    for (const to of peers) {
      const sent = { from: from.nodeId, to, frame };
      this.frames.push(sent);
      if (!this.#up.has(`${toHex(from.nodeId)}>${toHex(to)}`)) continue;
      for (const delayMs of this.way(sent))
        this.at(this.nowMs + delayMs, () => this.#deliver(sent));
    }
  }

  at(atMs: number, run: () => void): void {
    let index = this.#agenda.length;
    while (index > 0 && (this.#agenda[index - 1]?.atMs ?? 0) > atMs) index -= 1;
    this.#agenda.splice(index, 0, { atMs, run });
  }

  #deliver({ from, to, frame }: Frame): void {
    const member = this.members.find(({ nodeId }) => toHex(nodeId) === toHex(to));
    if (member !== undefined) this.hearFrame(member, from, frame);
  }

  /** As from the adapter: the memory of each frame is its own, and goes with it. */
  hearFrame(member: Member, peer: Uint8Array, frame: Uint8Array): void {
    this.hear(member, { kind: 'FrameReceived', peer, frame: give(Uint8Array.from(frame)) });
  }
}

function timerOf(member: Member, token: string): string {
  return `${toHex(member.nodeId)}/${token}`;
}

/** Numbers from 0 to 1 that look drawn and are the same each time. */
export function dice(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function isReceived(
  message: Message,
): message is Extract<Message, { kind: 'ArtifactReceived' | 'IngressReceived' }> {
  return message.kind === 'ArtifactReceived' || message.kind === 'IngressReceived';
}
