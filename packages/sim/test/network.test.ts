import type { Clock } from '@internode/actor';
import { CONTRACTS, subjectOf } from '@internode/contracts';
import { fromHex, toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  CALM,
  CITIES,
  type NodeSetup,
  type Role,
  type RolePorts,
  roundTripMs,
  type Swarm,
  World,
  withPeers,
} from '../src/index.ts';

const IDENTITIES = ['aa', 'bb', 'cc', 'dd'];
const PLAIN: Swarm = { ...CALM, distance: 1, jitterMsMean: 0 };

/** Connects to all and keeps what it hears: `up`, `down` and the numbers that frames begin with. */
class Chatter {
  readonly heard: string[] = [];
  readonly atMs: number[] = [];
  readonly role: Role;
  #ports: RolePorts | undefined;
  readonly #peers: readonly string[];

  constructor(peers: readonly string[] = IDENTITIES) {
    this.#peers = peers;
    this.role = withPeers({
      name: 'p2p',
      start: (ports) => this.#start(ports),
      stop: () => {
        this.#ports = undefined;
      },
    });
  }

  send(to: string, number: number, bytes = 8): void {
    const frame = new Uint8Array(bytes);
    new DataView(frame.buffer).setUint32(0, number);
    this.#say(
      'SendFrame',
      CONTRACTS.SendFrame.encode({
        kind: 'SendFrame',
        peers: [fromHex(to)],
        frame,
        bulk: false,
        tail: new Uint8Array(0),
        done: false,
      }),
    );
  }

  #say(kind: 'SendFrame' | 'ConnectPeers', body: Uint8Array): void {
    const ports = this.#ports;
    if (ports === undefined) return;
    const subject = subjectOf(ports.place, kind);
    ports.bus.publish({ id: '', cause: '', sender: 'p2p', subject, traceparent: '', body });
  }

  #start(ports: RolePorts): void {
    this.#ports = ports;
    const keep = (text: string): void => {
      this.heard.push(text);
      this.atMs.push(ports.clock.now().ms);
    };
    ports.bus.subscribe(subjectOf(ports.place, 'PeerLinkChanged'), ({ body }) => {
      const said = CONTRACTS.PeerLinkChanged.decode(body);
      if (said.kind === 'valid') keep(`${said.value.up ? 'up' : 'down'} ${toHex(said.value.peer)}`);
    });
    ports.bus.subscribe(subjectOf(ports.place, 'FrameReceived'), ({ body }) => {
      const said = CONTRACTS.FrameReceived.decode(body);
      if (said.kind !== 'valid') return;
      const { frame, peer } = said.value;
      keep(`${toHex(peer)} ${new DataView(frame.buffer, frame.byteOffset).getUint32(0)}`);
    });
    const peers = this.#peers.map((id) => ({
      nodeId: fromHex(id),
      publicKey: new Uint8Array(),
      address: '',
    }));
    this.#say('ConnectPeers', CONTRACTS.ConnectPeers.encode({ kind: 'ConnectPeers', peers }));
  }
}

function setupOf(identity: string, name: string, city: number, chatter: Chatter): NodeSetup {
  return { place: { subnet: 's', node: name }, roles: [chatter.role], peer: { identity, city } };
}

function meshOf(count: number, swarm: Swarm = PLAIN) {
  const chatters = IDENTITIES.slice(0, count).map(() => new Chatter());
  const nodes = chatters.map((chatter, i) =>
    setupOf(IDENTITIES[i] as string, `n${i}`, i * 6, chatter),
  );
  const world = new World({ seed: 'mesh', nodes, swarm });
  world.network.setSwarm(swarm);
  world.startAll();
  return { world, chatters: chatters as [Chatter, Chatter, ...Chatter[]] };
}

describe('cities', () => {
  test('round trips are those that were published', () => {
    const between = (from: string, to: string): number =>
      roundTripMs(
        CITIES.findIndex(({ name }) => name === from),
        CITIES.findIndex(({ name }) => name === to),
      );
    for (const [from, to, ms] of [
      ['Frankfurt', 'London', 16.5],
      ['Frankfurt', 'Zurich', 9.5],
      ['Sao Paulo', 'Singapore', 330.5],
      ['Tokyo', 'Seoul', 29.5],
      ['Seoul', 'Sydney', 126.5],
      ['Sydney', 'Sydney', 0.5],
    ] as const) {
      expect(between(from, to)).toBe(ms);
      expect(between(to, from)).toBe(ms);
    }
    for (const a of CITIES.keys())
      for (const b of CITIES.keys()) expect(roundTripMs(a, b) > 1).toBe(a !== b);
  });
});

describe('a link', () => {
  test('comes up on both sides, and frames take half a round trip, in order', () => {
    const { world, chatters } = meshOf(2, { ...PLAIN, jitterMsMean: 20 });
    const [a, b] = chatters;
    world.runFor(1000);
    expect(a.heard).toEqual(['up bb']);
    expect(b.heard).toEqual(['up aa']);
    const sentMs = world.nowMs;
    for (let i = 0; i < 200; i++) a.send('bb', i);
    world.runFor(1000);
    expect(b.heard.slice(1)).toEqual(Array.from({ length: 200 }, (_, i) => `aa ${i}`));
    const firstMs = (b.atMs[1] as number) - sentMs;
    expect(firstMs).toBeGreaterThanOrEqual(roundTripMs(0, 6) / 2);
  });

  test('lets through what the nodes have bandwidth for', () => {
    const { world, chatters } = meshOf(3, { ...PLAIN, bandwidthMbit: 80 });
    const [a, b, c] = chatters;
    world.runFor(2000);
    const sentMs = world.nowMs;
    // 10 MB at 10 kB a millisecond: a second, shared by both receivers.
    for (let i = 0; i < 5; i++) for (const to of ['bb', 'cc']) a.send(to, i, 1_000_000);
    world.runFor(3000);
    const lastMs = Math.max(b.atMs.at(-1) ?? 0, c?.atMs.at(-1) ?? 0);
    expect(lastMs - sentMs).toBeGreaterThan(1000);
    expect(lastMs - sentMs).toBeLessThan(1400);
  });

  test('lets a backlog through at its pace when bandwidth has no bound any more', () => {
    const { world, chatters } = meshOf(2, { ...PLAIN, bandwidthMbit: 8 });
    const [a, b] = chatters;
    world.runFor(2000);
    const sentMs = world.nowMs;
    // 100 kB at 1 kB a millisecond, and as much again while it is under way.
    for (let i = 0; i < 10; i++) a.send('bb', i, 10_000);
    world.network.setSwarm(PLAIN);
    for (let i = 10; i < 20; i++) a.send('bb', i, 10_000);
    world.runFor(1000);
    expect(b.heard.slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => `aa ${i}`));
    const atMs = b.atMs.slice(1);
    for (const [i, ms] of atMs.entries())
      if (i > 0) expect(ms - (atMs[i - 1] ?? 0)).toBeGreaterThan(5);
    // Nothing waits: at once again.
    const laterMs = world.nowMs;
    for (let i = 20; i < 30; i++) a.send('bb', i, 10_000);
    world.runFor(1000);
    expect((b.atMs.at(-1) ?? 0) - laterMs).toBeLessThan((b.atMs[1] ?? 0) - sentMs);
  });

  test('cut for a moment holds frames back; cut for long it breaks, and comes back after', () => {
    const { world, chatters } = meshOf(2);
    const [a, b] = chatters;
    world.runFor(1000);
    world.network.cut('n0', 'n1', 300);
    a.send('bb', 1);
    b.send('aa', 2);
    world.runFor(200);
    expect(a.heard).toEqual(['up bb', 'bb 2']);
    expect(b.heard).toEqual(['up aa']);
    world.runFor(800);
    expect(b.heard).toEqual(['up aa', 'aa 1']);
    world.network.cut('n1', 'n0', 4000);
    b.send('aa', 3);
    world.runFor(3000);
    expect(a.heard.at(-1)).toBe('down bb');
    expect(b.heard.at(-1)).toBe('down aa');
    world.runFor(3000);
    expect(a.heard.at(-1)).toBe('up bb');
    expect(a.heard).not.toContain('bb 3');
  });

  test('breaks at once when its holder is killed, and is missed after a power cut', () => {
    const { world, chatters } = meshOf(2);
    const [, b] = chatters;
    world.runFor(1000);
    world.crashService('n0', 'p2p');
    world.runFor(300);
    expect(b.heard).toEqual(['up aa', 'down aa']);
    world.startAll();
    world.runFor(500);
    expect(b.heard.at(-1)).toBe('up aa');
    world.crashNode('n0');
    world.runFor(500);
    expect(b.heard.at(-1)).toBe('up aa');
    world.startAll();
    world.runFor(500);
    // It came back before it was missed: the old link is told to be gone first.
    expect(b.heard.slice(-2)).toEqual(['down aa', 'up aa']);
  });

  test('under weather never loses one frame and delivers the next', () => {
    const seeds = Array.from({ length: 40 }, (_, i) => `weather ${i}`);
    let delivered = 0;
    for (const seed of seeds) {
      const chatters = IDENTITIES.map(() => new Chatter());
      const nodes = chatters.map((chatter, i) =>
        setupOf(IDENTITIES[i] as string, `n${i}`, i * 5, chatter),
      );
      const world = new World({ seed, nodes });
      let number = 0;
      for (let ms = 0; ms < 8000; ms += 20) {
        world.at(ms, () => {
          number += 1;
          for (const chatter of chatters) for (const to of IDENTITIES) chatter.send(to, number);
        });
      }
      expect(world.run({ safetyMs: 8000, livenessMs: 3000 }).violation).toBeUndefined();
      for (const chatter of chatters) delivered += gaplessFrames(chatter.heard);
      for (const [i, chatter] of chatters.entries()) {
        const others = IDENTITIES.filter((_, j) => j !== i);
        for (const peer of others) {
          expect(
            chatter.heard.findLast((text) => text === `up ${peer}` || text === `down ${peer}`),
          ).toBe(`up ${peer}`);
        }
      }
    }
    expect(delivered).toBeGreaterThan(10_000);
  });
});

/** Fails when a number is missing between two that came over one life of a link. */
function gaplessFrames(heard: readonly string[]): number {
  const last = new Map<string, number>();
  let frames = 0;
  for (const text of heard) {
    const [word = '', rest = ''] = text.split(' ');
    if (word === 'up' || word === 'down') last.delete(rest);
    else {
      frames += 1;
      const before = last.get(word);
      if (before !== undefined) expect(Number(rest)).toBe(before + 1);
      last.set(word, Number(rest));
    }
  }
  return frames;
}

describe('twins', () => {
  test('are met one at a time under their identity, and never by each other', () => {
    const [a, b, first, second] = [new Chatter(), new Chatter(), new Chatter(), new Chatter()];
    const world = new World({
      seed: 'twins',
      swarm: PLAIN,
      nodes: [
        setupOf('aa', 'n0', 0, a),
        setupOf('bb', 'n1', 1, b),
        setupOf('cc', 'n2', 2, first),
        setupOf('cc', 'twin', 3, second),
      ],
    });
    world.network.setSwarm(PLAIN);
    world.startAll();
    world.runFor(1000);
    expect(a.heard.filter((text) => text === 'up cc')).toHaveLength(1);
    expect(second.heard).toEqual([]);
    const swaps = 20;
    const { network } = world;
    const random = { chance: () => false } as never;
    for (let i = 0; i < swaps; i++) {
      network.swapTwins('cc', random);
      world.runFor(1000);
    }
    expect(second.heard.filter((text) => text === 'up aa')).toHaveLength(swaps / 2);
    expect([...first.heard, ...second.heard].some((text) => text.endsWith('cc'))).toBe(false);
  });
});

describe('nodes', () => {
  test('may be there in name only, whatever the weather', () => {
    const absent = {
      place: { subnet: 's', node: 'n1' },
      roles: [],
      peer: { identity: 'bb', city: 1 },
    };
    for (let seed = 0; seed < 20; seed++) {
      const chatter = new Chatter();
      const world = new World({
        seed: `absent ${seed}`,
        nodes: [setupOf('aa', 'n0', 0, chatter), absent],
        swarm: {
          partitionEveryMs: 20,
          partitionForMs: 10,
          nodeCrashEveryMs: 100,
          serviceCrashEveryMs: 100,
        },
      });
      expect(world.run({ safetyMs: 1000, livenessMs: 100 }).violation).toBeUndefined();
    }
  });

  test('lose their disks only when told to', () => {
    let entries: number[] = [];
    const role: Role = {
      name: 'writer',
      start: ({ journal }) => {
        let count = 0;
        journal.replay(() => {
          count += 1;
        });
        entries.push(count);
        journal.append(new Uint8Array(1), () => {});
      },
      stop: () => {},
    };
    const world = new World({
      seed: 'disk',
      nodes: [{ place: { subnet: 's', node: 'n0' }, roles: [role] }],
      swarm: CALM,
    });
    const live = (lose: boolean): void => {
      world.startNode('n0');
      world.runFor(100);
      world.crashNode('n0');
      if (lose) world.loseDisk('n0');
    };
    for (const lose of [false, false, true, false]) live(lose);
    expect(entries).toEqual([0, 1, 2, 0]);
    entries = [];
  });

  test('have clocks that drift apart', () => {
    const times: number[] = [];
    const clockOf = (name: string): NodeSetup => ({
      place: { subnet: 's', node: name },
      roles: [
        {
          name: 'clock',
          start: ({ clock }) => {
            clock.after(10_000, () => times.push(world.nowMs));
          },
          stop: () => {},
        },
      ],
    });
    const world: World = new World({
      seed: 'drift',
      nodes: [clockOf('n0'), clockOf('n1'), clockOf('n2')],
      swarm: { ...CALM, clockDrift: 0.05 },
    });
    world.startAll();
    world.runFor(11_000);
    expect(new Set(times).size).toBe(3);
    for (const ms of times) expect(Math.abs(ms - 10_000)).toBeLessThan(530);
  });

  test('have wall clocks that are wrong until calm sets them right', () => {
    const clocks: Clock[] = [];
    const nodeOf = (name: string): NodeSetup => ({
      place: { subnet: 's', node: name },
      roles: [{ name: 'clock', start: ({ clock }) => clocks.push(clock), stop: () => {} }],
    });
    const world: World = new World({
      seed: 'wall',
      nodes: [nodeOf('n0'), nodeOf('n1'), nodeOf('n2')],
      swarm: { ...CALM, clockDrift: 0.05, wallSkewMs: 2_000 },
    });
    const walls = (): number => {
      world.runFor(1_000);
      return new Set(clocks.map((clock) => clock.now().unixNanos)).size;
    };
    world.startAll();
    world.storm();
    expect(walls()).toBe(3);
    world.calm();
    expect(walls()).toBe(1);
    expect(new Set(clocks.map((clock) => clock.now().ms)).size).toBe(3);
    world.storm();
    expect(walls()).toBe(3);
  });

  test('wait for their processors when work has a cost', () => {
    const done: number[] = [];
    const role: Role = {
      name: 'worker',
      start: ({ solve }) => {
        for (let i = 0; i < 4; i++)
          solve(
            () => i,
            () => done.push(world.nowMs),
          );
      },
      stop: () => {},
    };
    const world: World = new World({
      seed: 'cpu',
      nodes: [{ place: { subnet: 's', node: 'n0' }, roles: [role] }],
      swarm: CALM,
      cpu: { cores: 2, deliveryMs: 0.1, charged: () => 10 },
    });
    world.startAll();
    world.runFor(100);
    expect(done.map((ms) => Math.round(ms))).toEqual([10, 10, 20, 20]);
    expect(world.cpuMs('n0')).toBe(40);
  });
});
