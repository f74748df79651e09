// What peers cost. Run with node: `node services/p2p/bench/peers.bench.ts`. Four nodes in one process, so that processor time is
// that of all ends together; the loopback and TLS are real except where it says core.
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { LiveNet, until } from '../test/live.ts';
import { artifact, Net } from '../test/net.ts';

setHashEngine(nodeHashEngine);

const HEIGHTS = 300;
const EACH = 5;

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

function percentile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2);
}

/** Rounds in which everyone offers a few shares of 200 bytes and withdraws those of the round before. */
function shares(round: number, node: number): ReturnType<typeof artifact>[] {
  return Array.from({ length: EACH }, (_, index) =>
    artifact(`share ${index} of ${node} in round ${round}`, { bytes: 200 }),
  );
}

function core(): void {
  const net = Net.started(4);
  const round = (height: number): void => {
    for (const [index, member] of net.members.entries()) {
      for (const each of shares(height, index)) net.publish(member, each);
      for (const each of shares(height - 1, index)) net.withdraw(member, each);
      member.said.length = 0;
      member.events.length = 0;
    }
    net.frames.length = 0;
    net.run(100);
  };
  for (let height = 0; height < 50; height += 1) round(height);
  const began = process.cpuUsage();
  for (let height = 50; height < 50 + HEIGHTS; height += 1) round(height);
  const artifacts = HEIGHTS * 4 * EACH;
  console.log(
    `core, n = 4: ${((1_000 * cpuMs(began)) / artifacts).toFixed(1)} µs per artifact, offered to three and withdrawn`,
  );
}

async function loaded(): Promise<void> {
  await using net = await LiveNet.open(4);
  const heard = net.nodes.map((node) => node.collect('ArtifactReceived'));
  const round = async (height: number): Promise<void> => {
    for (const [index, node] of net.nodes.entries()) {
      heard[index]?.splice(0);
      for (const each of shares(height, index)) node.say({ kind: 'PublishArtifact', ...each });
      for (const { artifactKind, id } of shares(height - 1, index))
        node.say({ kind: 'WithdrawArtifact', artifactKind, id });
    }
    const expected = new Set(
      [0, 1, 2, 3].flatMap((index) => shares(height, index)).map(({ id }) => toHex(id)),
    );
    await until(() =>
      heard.every((list) => list.filter(({ id }) => expected.has(toHex(id))).length >= 3 * EACH),
    );
  };
  for (let height = 0; height < 30; height += 1) await round(height);
  const began = process.cpuUsage();
  const startedMs = performance.now();
  for (let height = 30; height < 30 + HEIGHTS; height += 1) await round(height);
  const cpu = cpuMs(began);
  const tookMs = performance.now() - startedMs;
  const artifacts = HEIGHTS * 4 * EACH;
  console.log(
    `mutual TLS, n = 4, ${EACH} shares of 200 B per node and round: ${(cpu / HEIGHTS / 4).toFixed(2)} ms per round and node, ` +
      `${((1_000 * cpu) / artifacts).toFixed(0)} µs per artifact reaching three, ${Math.round((3_000 * artifacts) / tookMs)} deliveries/s`,
  );
}

async function alone(): Promise<void> {
  await using net = await LiveNet.open(4);
  const tookMs: number[] = [];
  for (let i = 0; i < 300; i += 1) {
    const heard = net.node(1).collect('ArtifactReceived');
    const sentMs = performance.now();
    net.node(0).say({ kind: 'PublishArtifact', ...artifact(`alone ${i}`, { bytes: 200 }) });
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    tookMs.push(performance.now() - sentMs);
  }
  console.log(
    `one share to one peer, quiet: p50 ${percentile(tookMs, 0.5)} ms, p99 ${percentile(tookMs, 0.99)} ms`,
  );
}

async function answers(dialler: 'asks' | 'answers'): Promise<void> {
  await using net = await LiveNet.open(2);
  const [asker, peer] =
    dialler === 'asks' ? [net.node(0), net.node(1)] : [net.node(1), net.node(0)];
  const body = new Uint8Array(1024 * 1024).fill(7);
  peer.hear('PeerAsked', ({ askId, topic, peer: to }) =>
    peer.say({ kind: 'AnswerPeer', askId, topic, peer: to, body }),
  );
  let answered = 0;
  let asked = 0;
  const ask = (): void => {
    asked += 1;
    const askId = new Uint8Array(16);
    new DataView(askId.buffer).setUint32(0, asked);
    const { nodeId } = peer.identity;
    asker.say({
      kind: 'AskPeer',
      askId,
      topic: 'state_sync',
      peer: nodeId,
      body: askId,
      timeoutMs: 10_000,
    });
  };
  asker.hear('PeerAnswered', ({ failure }) => {
    if (failure === '') answered += 1;
    ask();
  });
  const began = process.cpuUsage();
  const startedMs = performance.now();
  for (let i = 0; i < 8; i += 1) ask();
  await until(() => answered >= 400, 60_000);
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(
    `answers of 1 MiB, 8 at a time, the dialler ${dialler}: ${(answered / seconds).toFixed(0)} MiB/s, ${(cpuMs(began) / answered).toFixed(1)} ms per MiB, both ends`,
  );
}

core();
await loaded();
await alone();
await answers('asks');
await answers('answers');
