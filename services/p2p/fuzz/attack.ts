// What an attacker does with a member's key, and what strangers do without one. Bounded: each act ends by itself.
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PeerAddress } from '@internode/contracts';
import { unreachable } from '@internode/prelude';
import { certify } from '../src/adapters/certificate.ts';
import { FRAME_LIMITS } from '../src/index.ts';
import { Evil } from '../test/evil.ts';
import { type Identity, identityOf, Puppet, pause } from '../test/live.ts';
import { dice } from '../test/net.ts';

const ACT_MS = 2_000;

export const ACTS = [
  'nonsense',
  'flood',
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

export class Attack {
  readonly #identity: Identity;
  readonly #targets: readonly PeerAddress[];
  readonly #chance: () => number;
  readonly #evil: Evil;
  readonly #done = new Map<string, number>();
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
    else puppet.stream.on('data', () => puppet.frames.splice(0));
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
    return this.#evil.frameOf([this.#evil.flood((turn * 100) % 30_000, 100, 500)]);
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
