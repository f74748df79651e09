import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CONTRACTS, subjectOf } from '@internode/contracts';
import { give, toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { certify } from '../src/adapters/certificate.ts';
import { PEER_FRAME } from '../src/core/frame.ts';
import { FRAME_LIMITS, LINK_LIMITS, PEER_LIMITS } from '../src/index.ts';
import { Evil } from './evil.ts';
import { identityOf, LiveNet, Puppet, pause, until } from './live.ts';
import { artifact, dice } from './net.ts';

describe('four nodes on the loopback', () => {
  test('what one offers reaches the others, small and large', async () => {
    await using net = await LiveNet.open(4);
    const calls = [1, 2, 3].map((index) => net.node(index).collect('IngressReceived'));
    const others = [1, 2, 3].map((index) => net.node(index).collect('ArtifactReceived'));
    const heard = () => calls.map((list, at) => [...list, ...(others[at] ?? [])]);
    const made = [
      artifact('vote'),
      artifact('call', { artifactKind: 'ingress', bytes: 2_000_000 }),
      artifact('block', { artifactKind: 'block_proposal', bytes: 200_000 }),
      artifact('large block', { artifactKind: 'block_proposal', bytes: 4_000_000 }),
    ];
    for (const each of made) net.node(0).say({ kind: 'PublishArtifact', ...each });
    await until(() => heard().every((list) => idsOf(list).size >= made.length), 30_000);
    for (const list of heard()) {
      expect(idsOf(list)).toEqual(idsOf(made));
      expect(
        list.every(({ fromNode }) => toHex(fromNode) === toHex(net.node(0).identity.nodeId)),
      ).toBe(true);
    }
  });
});

describe('a large answer', () => {
  test('arrives as it was, several at once: in one piece without a copy, in several with the memory of each free again', async () => {
    await using net = await LiveNet.open(2);
    const [asker, peer] = [net.node(0), net.node(1)];
    const answers = asker.collect('PeerAnswered');
    const frames = asker.collect('FrameReceived');
    const questions = peer.collect('PeerAsked');
    const askIds = Array.from({ length: 6 }, (_, at) => new Uint8Array(16).fill(at));
    const ask = { topic: 'state_sync', body: new Uint8Array(1), timeoutMs: 20_000 } as const;
    for (const askId of askIds)
      asker.say({ kind: 'AskPeer', askId, peer: peer.identity.nodeId, ...ask });
    await until(() => questions.length === askIds.length);
    const bodies = askIds.map((askId, at) => ({
      askId,
      body: randomBytes(1_000_000 + at * 200_000),
    }));
    const given = bodies.map(({ body }) => give(Uint8Array.from(body)));
    for (const [at, { askId }] of bodies.entries()) {
      const body = given[at] as Uint8Array;
      const to = asker.identity.nodeId;
      peer.say({ kind: 'AnswerPeer', askId, topic: 'state_sync', peer: to, body });
    }
    await until(() => answers.length === askIds.length);
    for (const { askId, body } of bodies) {
      const answer = answers.find((each) => toHex(each.askId) === toHex(askId));
      expect(Buffer.compare(answer?.body ?? new Uint8Array(0), body)).toBe(0);
    }
    await until(() => given.every(({ length }) => length === 0));
    const inOne = bodies.filter(({ body }) => body.length <= FRAME_LIMITS.chunkBytes).length;
    const large = frames.filter(({ frame }) => frame.length > 100_000).map(({ frame }) => frame);
    expect([inOne, large.length]).toEqual([2, 2]);
    for (const { buffer } of large)
      expect(answers.some(({ body }) => body.buffer === buffer)).toBe(true);
    // Of each of the others two.
    expect(frames.filter(({ frame }) => frame.length === 0)).toHaveLength(8);
  });
});

describe('trace context', () => {
  test('of what is offered reaches the peers with it, of nothing else', async () => {
    await using net = await LiveNet.open(2);
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const carried = new Map<string, string>();
    const { bus, place } = net.node(1);
    bus.subscribe(subjectOf(place, 'IngressReceived'), (envelope) => {
      const decoded = CONTRACTS.IngressReceived.decode(envelope.body);
      if (decoded.kind === 'valid') carried.set(toHex(decoded.value.id), envelope.traceparent);
    });
    const [plain, traced] = ['plain', 'traced'].map((name) =>
      artifact(name, { artifactKind: 'ingress', bytes: 500 }),
    );
    if (plain === undefined || traced === undefined) throw new Error('two were made');
    net.node(0).say({ kind: 'PublishArtifact', ...plain });
    await until(() => carried.has(toHex(plain.id)));
    net.node(0).say({ kind: 'PublishArtifact', ...traced }, traceparent);
    await until(() => carried.has(toHex(traced.id)));
    expect(carried.get(toHex(plain.id))).toBe('');
    expect(carried.get(toHex(traced.id))).toBe(traceparent);
  });
});

describe('whoever is not a member', () => {
  test('is closed upon: no key, another key, old TLS, garbage; members do not notice', async () => {
    await using net = await LiveNet.open(2);
    const { port } = net.node(1).peers;
    const stranger = certify(identityOf('stranger').secret);
    const refused = (reason: string): boolean =>
      net.node(1).events.some((event) => event.kind === 'LinkRefused' && event.reason === reason);
    const at = { host: '127.0.0.1', port, rejectUnauthorized: false };
    await closed(connectTls({ ...at, ...stranger }));
    expect(refused('not a member')).toBe(true);
    await closed(connectTls(at));
    expect(refused('no key')).toBe(true);
    await closed(connectTls({ ...at, ...stranger, maxVersion: 'TLSv1.2' }));
    const plain = connectTcp(port, '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed(plain);
    expect(refused('handshake')).toBe(true);
    expect(net.node(1).peers.linksUp).toBe(1);
  });

  test('does not become one by being dialled: the record says another key', async () => {
    await using net = new LiveNet(3);
    for (const node of net.nodes) await node.open();
    const [first, second, third] = net.nodes;
    if (!first || !second || !third) throw new Error('three nodes');
    const lie = { ...second.address, address: third.address.address };
    first.start([lie]);
    third.start([first.address]);
    await until(() =>
      first.events.some((event) => event.kind === 'LinkRefused' && event.reason === 'wrong key'),
    );
    expect(first.peers.linksUp + third.peers.linksUp).toBe(0);
  });

  test('says nothing and is closed upon in time', async () => {
    await using net = await LiveNet.open(2);
    const { port } = net.node(1).peers;
    const silent = connectTcp(port, '127.0.0.1');
    const member = certify(net.node(0).identity.secret);
    const mute = connectTls({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...member,
    });
    await Promise.all([closed(silent), closed(mute)]);
    expect(net.node(1).peers.linksUp).toBe(1);
  });

  test('comes in hundreds: the oldest strangers make room', async () => {
    await using net = await LiveNet.open(2);
    const { port } = net.node(1).peers;
    const crowd = Array.from({ length: 200 }, () => connectTcp(port, '127.0.0.1'));
    for (const socket of crowd) socket.on('error', () => {});
    await until(
      () => crowd.filter(({ destroyed }) => destroyed).length >= 200 - LINK_LIMITS.strangersMax,
    );
    await net.node(0).restartPeers();
    await until(() => net.node(1).peers.linksUp === 1 && net.node(0).peers.linksUp === 1);
    for (const socket of crowd) socket.destroy();
  });
});

describe('handshakes', () => {
  test('are begun at a pace: a crowd from one place costs no more, and who comes last is not kept out', async () => {
    await using net = await LiveNet.open(2);
    const victim = net.node(1);
    const refusals = (): number =>
      victim.events.filter(({ kind }) => kind === 'LinkRefused').length;
    const beganMs = performance.now();
    const crowd = Array.from({ length: 120 }, () => {
      const socket = connectTcp(victim.peers.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      return socket;
    });
    await until(() => refusals() >= LINK_LIMITS.handshakesAtOnce - 2);
    await net.node(0).restartPeers();
    await until(() => victim.peers.linksUp === 1 && net.node(0).peers.linksUp === 1);
    const earned = (LINK_LIMITS.handshakesPerSecond * (performance.now() - beganMs)) / 1_000;
    expect(refusals()).toBeLessThanOrEqual(LINK_LIMITS.handshakesAtOnce + earned + 1);
    for (const socket of crowd) socket.destroy();
  });
});

describe('a member that means harm', () => {
  test.each([
    [
      'a frame that is too large',
      (puppet: Puppet) => puppet.send(new Uint8Array(FRAME_LIMITS.frameBytesMax + 1)),
    ],
    ['its farewell', (puppet: Puppet) => puppet.stream.end()],
  ])('sends %s: its link is closed, the others stay', async (_name, act) => {
    await using net = await LiveNet.open(3);
    const victim = net.node(1);
    await net.node(0).closePeers();
    await using puppet = new Puppet(net.node(0).identity, victim.address, {
      'grpc.max_send_message_length': -1,
    } as never);
    await until(() => puppet.isOpen);
    act(puppet);
    await until(() => puppet.isLost);
    const heard = net.node(2).collect('ArtifactReceived');
    const made = artifact('still here');
    victim.say({ kind: 'PublishArtifact', ...made });
    await until(() => idsOf(heard).has(toHex(made.id)));
  });

  test('speaks no HTTP/2 behind its right key: closed', async () => {
    await using net = await LiveNet.open(2);
    const { port } = net.node(1).peers;
    await net.node(0).closePeers();
    const member = certify(net.node(0).identity.secret);
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
    const socket = connectTls({ ...options, ...member });
    socket.on('secureConnect', () => socket.write(randomBytes(100_000)));
    await closed(socket);
    await net.node(0).reopenPeers();
    await until(() => net.node(1).peers.linksUp === 1);
  });

  test('sends frames of every kind of nonsense: counted, and the service lives', async () => {
    await using net = await LiveNet.open(3);
    const victim = net.node(1);
    await net.node(0).closePeers();
    await using puppet = new Puppet(net.node(0).identity, victim.address);
    await until(() => puppet.isOpen);
    const evil = new Evil(dice(5));
    for (let i = 0; i < 600; i += 1) {
      const frame = evil.frame();
      if (frame.length <= FRAME_LIMITS.frameBytesMax) puppet.send(frame);
      if (i % 50 === 0) await pause(5);
    }
    await until(() => victim.events.some(({ kind }) => kind === 'PeerMisbehaved'));
    expect(victim.service.running).toBe(true);
    const heard = victim.collect('ArtifactReceived');
    const made = artifact('still here');
    net.node(2).say({ kind: 'PublishArtifact', ...made });
    await until(() => idsOf(heard).has(toHex(made.id)));
  });

  test('does not read: its queue is bounded, and when it reads again it gets what it lacks', async () => {
    await using net = await LiveNet.open(3);
    const victim = net.node(1);
    const reader = net.node(2).collect('ArtifactReceived');
    await net.node(0).closePeers();
    await using puppet = new Puppet(net.node(0).identity, victim.address);
    await until(() => puppet.isOpen);
    puppet.stream.pause();
    const isFull = (): boolean => victim.events.some(({ kind }) => kind === 'FrameDropped');
    const made: ReturnType<typeof artifact>[] = [];
    // How much the buffers on the way hold is the system's business.
    while (!isFull() && made.length < 500) {
      const each = artifact(`block ${made.length}`, {
        artifactKind: 'block_proposal',
        bytes: 200_000,
      });
      made.push(each);
      victim.say({ kind: 'PublishArtifact', ...each });
      await pause(1);
    }
    expect(isFull()).toBe(true);
    await until(() => idsOf(reader).size === made.length, 30_000);
    puppet.stream.resume();
    const ids = new Set<string>();
    let after = 0;
    let taken = 0;
    const take = (): boolean => {
      for (const frame of puppet.frames.slice(taken)) {
        taken += 1;
        const decoded = PEER_FRAME.decode(frame);
        for (const { part } of decoded.kind === 'valid' ? decoded.value.parts : []) {
          if (part.kind !== 'updates') continue;
          for (const { content } of part.updates.changes)
            if (content?.body) ids.add(toHex(content.id));
          const { updates } = part;
          if (updates.after <= after) after = Math.max(after, updates.through);
        }
      }
      return ids.size === made.length;
    };
    const want = (from: number): Uint8Array =>
      new Evil(dice()).frameOf([
        { kind: 'want', want: { life: lifeOf(puppet.frames), after: from } },
      ]);
    await until(() => puppet.frames.length > 0);
    const asking = setInterval(() => puppet.send(want(after)), PEER_LIMITS.wantAgainMs);
    await until(take, 30_000);
    clearInterval(asking);
  });
});

describe('links', () => {
  test('come back by themselves, and what was offered meanwhile is learnt', async () => {
    await using net = await LiveNet.open(3);
    const heard = net.node(2).collect('ArtifactReceived');
    await net.node(2).closePeers();
    await until(() => net.node(0).peers.linksUp === 1 && net.node(1).peers.linksUp === 1);
    const made = artifact('meanwhile');
    net.node(0).say({ kind: 'PublishArtifact', ...made });
    await pause(300);
    await net.node(2).reopenPeers();
    await until(() => idsOf(heard).has(toHex(made.id)), 20_000);
  });

  test('of whoever is no member any more are closed, and refused', async () => {
    await using net = await LiveNet.open(3);
    const [first, second] = [net.node(0), net.node(1)];
    second.say({ kind: 'ConnectPeers', peers: [net.node(2).address] });
    await until(() => second.peers.linksUp === 1);
    await pause(500);
    expect(second.peers.linksUp).toBe(1);
    expect(first.peers.linksUp).toBe(1);
    expect(second.events).toContainEqual({ kind: 'LinkRefused', peer: '', reason: 'not a member' });
  });
});

describe('a peer that is stopped: the system takes its connections, and nobody answers', () => {
  test('is dialled again and again by one connection at a time; closing leaves none behind', async () => {
    const taken: Socket[] = [];
    const mute = createServer((socket) => {
      taken.push(socket);
      void closed(socket);
    }).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const open = (): number => taken.filter(({ destroyed }) => !destroyed).length;
    try {
      await using net = new LiveNet(2);
      const first = net.node(0);
      await first.open();
      const { nodeId, publicKey } = net.node(1).identity;
      first.start([{ nodeId, publicKey, address: `127.0.0.1:${port}` }]);
      await until(() => taken.length === 2, 2 * LINK_LIMITS.openingMs);
      await until(() => open() === 1);
      await first.closePeers();
      await until(() => open() === 0, LINK_LIMITS.openingMs / 2);
    } finally {
      mute.close();
    }
  });
});

function lifeOf(frames: readonly Uint8Array[]): number {
  const decoded = PEER_FRAME.decode(frames[0] ?? new Uint8Array(0));
  return decoded.kind === 'valid' ? decoded.value.life : 0;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.once('close', () => resolve());
  });
}

function idsOf(artifacts: readonly { readonly id: Uint8Array }[]): Set<string> {
  return new Set(artifacts.map(({ id }) => toHex(id)));
}
