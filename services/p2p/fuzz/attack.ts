// What an attacker does with a member's key, and what strangers do without one. Bounded: each act ends by itself.
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ArtifactKind, PeerAddress } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { unreachable } from '@internode/prelude';
import { certify } from '../src/adapters/certificate.ts';
import { PEER_FRAME } from '../src/core/frame.ts';
import { FRAME_LIMITS } from '../src/index.ts';
import { Evil } from '../test/evil.ts';
import { type Identity, identityOf, Puppet, pause } from '../test/live.ts';
import { dice } from '../test/net.ts';

const ACT_MS = 2_000;

export const ACTS = [
  'nonsense',
  'flood',
  'replayed',
  'wrongly signed',
  'mis-addressed',
  'oversize',
  'wants and fetches',
  'garbage behind the key',
  'garbage',
  'strangers',
  'slow strangers',
  'reconnects',
  'not reading',
] as const;

type Act = (typeof ACTS)[number];

interface Heard {
  readonly artifactKind: ArtifactKind;
  readonly body: Uint8Array;
}

/** What honest members said, to be said again: the newest. */
const HEARD_MAX = 2_000;
const REPLAYED_AT_ONCE = 20;
const SLOTS = 30_000;

export class Attack {
  readonly #identity: Identity;
  readonly #targets: readonly PeerAddress[];
  readonly #chance: () => number;
  readonly #evil: Evil;
  readonly #done = new Map<string, number>();
  readonly #heard: Heard[] = [];
  #bytes = 0;

  constructor(identity: Identity, targets: readonly PeerAddress[], seed: number) {
    this.#identity = identity;
    this.#targets = targets;
    this.#chance = dice(seed);
    this.#evil = new Evil(this.#chance);
  }

  async run(forMs: number, isOver: () => boolean = () => false, only?: string): Promise<void> {
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs && !isOver()) {
      const act = ACTS.find((one) => one === only) ?? this.#pick(ACTS);
      this.#done.set(act, (this.#done.get(act) ?? 0) + 1);
      await this.#perform(act, this.#pick(this.#targets));
    }
  }

  text(): string {
    const acts = [...this.#done].map(([name, times]) => `${name} ${times}`).join(', ');
    return `attacks of ${ACT_MS / 1_000} s: ${acts}; ${(this.#bytes / 2 ** 20).toFixed(0)} MiB of frames sent`;
  }

  #perform(act: Act, to: PeerAddress): Promise<void> {
    switch (act) {
      case 'nonsense':
        return this.#asMember(to, () => this.#nonsense());
      case 'flood':
        return this.#asMember(to, (turn) => this.#flood(turn));
      case 'replayed':
        return this.#asMember(to, (turn) => this.#again(turn, (heard) => heard));
      case 'wrongly signed':
        return this.#asMember(to, (turn) => this.#again(turn, (heard) => this.#bent(heard)));
      case 'mis-addressed':
        return this.#asMember(to, (turn) => this.#again(turn, (heard) => this.#astray(heard)));
      case 'oversize':
        return this.#asMember(to, () => new Uint8Array(FRAME_LIMITS.frameBytesMax + 1));
      case 'wants and fetches':
        return this.#asMember(to, () => this.#greed());
      case 'not reading':
        return this.#asMember(to, () => this.#greed(), true);
      case 'garbage behind the key':
        return this.#garbage(to, true);
      case 'garbage':
        return this.#garbage(to, false);
      case 'strangers':
        return this.#strangers(to);
      case 'slow strangers':
        return this.#slowStrangers(to);
      case 'reconnects':
        return this.#reconnects(to);
      default:
        return unreachable(act);
    }
  }

  /** As fast as the connection takes it. */
  async #asMember(
    to: PeerAddress,
    frameOf: (turn: number) => Uint8Array,
    deaf = false,
  ): Promise<void> {
    await using puppet = new Puppet(this.#identity, to, {
      'grpc.max_send_message_length': -1,
    } as never);
    if (deaf) puppet.stream.pause();
    else puppet.stream.on('data', () => this.#listen(puppet.frames.splice(0)));
    const endMs = performance.now() + ACT_MS;
    for (let turn = 0; performance.now() < endMs && !puppet.isLost; turn += 1) {
      if (!puppet.isOpen && !deaf) {
        await pause(5);
        continue;
      }
      const frame = frameOf(turn);
      this.#bytes += frame.length;
      const isFlowing = puppet.stream.write(Buffer.from(frame));
      if (!isFlowing)
        await Promise.race([
          new Promise((resolve) => puppet.stream.once('drain', resolve)),
          pause(100),
        ]);
      else if (turn % 16 === 0) await pause(0);
    }
  }

  #nonsense(): Uint8Array {
    const frame = this.#evil.frame();
    return frame.length > FRAME_LIMITS.frameBytesMax ? frame.subarray(0, 1_000) : frame;
  }

  #flood(turn: number): Uint8Array {
    return this.#evil.frameOf([this.#evil.flood((turn * 100) % SLOTS, 100, 500)]);
  }

  #listen(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const decoded = PEER_FRAME.decode(frame);
      if (decoded.kind !== 'valid') continue;
      for (const { part } of decoded.value.parts) {
        if (part.kind === 'direct') this.#heard.push(part.direct);
        if (part.kind !== 'updates') continue;
        for (const { content } of part.updates.changes)
          if (content?.body !== undefined)
            this.#heard.push({ artifactKind: content.artifactKind, body: content.body });
      }
    }
    this.#heard.splice(0, this.#heard.length - HEARD_MAX);
  }

  /** What was heard, in other slots and as messages of its own, as it was or bent a little. */
  #again(turn: number, bend: (heard: Heard) => Heard): Uint8Array {
    if (this.#heard.length === 0) return this.#greed();
    const some = Array.from({ length: REPLAYED_AT_ONCE }, () => bend(this.#pick(this.#heard)));
    const from = (turn * REPLAYED_AT_ONCE) % SLOTS;
    const direct = bend(this.#pick(this.#heard));
    return this.#evil.frameOf([
      this.#evil.offer(from, some),
      { kind: 'direct', direct: { ...direct, id: sha256(direct.body) } },
    ]);
  }

  /** Most likely in a signature, which is what most artifacts end in. */
  #bent({ artifactKind, body }: Heard): Heard {
    const bent = body.slice();
    const at = bent.length - 1 - Math.floor(this.#chance() * Math.min(bent.length, 60));
    bent[at] = (bent[at] ?? 0) ^ (1 << Math.floor(this.#chance() * 8));
    return { artifactKind, body: bent };
  }

  /** As another kind of artifact, which others than its signer make. */
  #astray({ body }: Heard): Heard {
    return { artifactKind: this.#pick(this.#heard).artifactKind, body };
  }

  #greed(): Uint8Array {
    const want = { kind: 'want', want: { life: 0, after: 0 } } as const;
    const ids = Array.from({ length: 256 }, () => new Uint8Array(randomBytes(32)));
    return this.#evil.frameOf([want, { kind: 'fetch', fetch: { artifactKind: 'ingress', ids } }]);
  }

  async #garbage(to: PeerAddress, asMember: boolean): Promise<void> {
    const own = certify(asMember ? this.#identity.secret : identityOf('stranger').secret);
    const endMs = performance.now() + ACT_MS;
    while (performance.now() < endMs) {
      const socket = asMember
        ? connectTls({ ...placeOf(to), ...own, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
        : connectTcp(placeOf(to));
      socket.write(randomBytes(100 + Math.floor(this.#chance() * 50_000)));
      await over(socket, 200);
    }
  }

  async #strangers(to: PeerAddress): Promise<void> {
    const own = certify(identityOf(`stranger ${this.#chance()}`).secret);
    const endMs = performance.now() + ACT_MS;
    while (performance.now() < endMs) {
      const crowd = Array.from({ length: 10 }, () =>
        connectTls({ ...placeOf(to), ...own, rejectUnauthorized: false }),
      );
      await Promise.all(crowd.map((socket) => over(socket, 1_000)));
      await pause(50);
    }
  }

  async #slowStrangers(to: PeerAddress): Promise<void> {
    const crowd = Array.from({ length: 200 }, () => connectTcp(placeOf(to)));
    await Promise.all(crowd.map((socket) => over(socket, ACT_MS)));
  }

  async #reconnects(to: PeerAddress): Promise<void> {
    const endMs = performance.now() + ACT_MS;
    while (performance.now() < endMs) {
      await using puppet = new Puppet(this.#identity, to);
      const untilMs = performance.now() + 200;
      while (!puppet.isOpen && !puppet.isLost && performance.now() < untilMs) await pause(2);
    }
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#chance() * values.length)] as T;
  }
}

function placeOf({ address }: PeerAddress): { readonly host: string; readonly port: number } {
  const [host = '', port = ''] = address.split(':');
  return { host, port: Number(port) };
}

async function over(socket: Socket, withinMs: number): Promise<void> {
  socket.on('error', () => {});
  socket.on('data', () => {});
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), pause(withinMs)]);
  socket.destroy();
}
