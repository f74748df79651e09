// The honest members of peer-port.ts, in a process of their own: each tells the others an artifact many times a second and looks
// how long it takes; readings go to the parent.
import { toHex } from '@internode/prelude';
import { identities, LiveNode, pause, until } from '../test/live.ts';
import { artifact } from '../test/net.ts';

export interface Reading {
  readonly p50: number;
  readonly p99: number;
  readonly rssMiB: number;
  readonly cpuShare: number;
  /** Told and never heard. */
  readonly lost: number;
  /** What peers did wrong, and limits they met, since the start. */
  readonly counts: Readonly<Record<string, number>>;
}

const TELL_EVERY_MS = 20;
const READ_EVERY_MS = 2_500;
const LOST_MS = 10_000;
/** So many artifacts are on offer before the oldest is withdrawn. */
const KEPT = 20;

const [evil, ...honest] = identities(4);
if (evil === undefined || process.send === undefined) throw new Error('run peer-port.ts');
const nodes = honest.map((identity) => new LiveNode(identity));
for (const node of nodes) await node.open();
const { nodeId, publicKey } = evil;
// The attacker has the lowest id: it dials, and nobody dials it.
const addresses = [
  { nodeId, publicKey, address: '127.0.0.1:1' },
  ...nodes.map(({ address }) => address),
];
for (const node of nodes) node.start(addresses);
await until(() => nodes.every(({ peers }) => peers.linksUp === nodes.length - 1));
process.send(
  nodes.map(({ address }) => ({ key: toHex(address.publicKey), address: address.address })),
);

const told = new Map<string, { readonly atMs: number; missing: number }>();
let tookMs: number[] = [];
let lost = 0;
for (const node of nodes) {
  const own = new Set<string>();
  node.hear('ArtifactReceived', ({ id, fromNode }) => {
    const key = toHex(id);
    const waiting = told.get(key);
    if (waiting === undefined || own.has(key) || toHex(fromNode) === toHex(node.identity.nodeId))
      return;
    own.add(key);
    if (own.size > 1_000) own.clear();
    tookMs.push(performance.now() - waiting.atMs);
    waiting.missing -= 1;
    if (waiting.missing === 0) told.delete(key);
  });
}

const counts: Record<string, number> = {};
function count(): void {
  for (const node of nodes) {
    for (const event of node.events.splice(0)) {
      if (event.kind === 'PeerMisbehaved' || event.kind === 'PeerLimited') {
        const key = `${event.kind}: ${event.what}`;
        counts[key] = (counts[key] ?? 0) + event.times;
      } else if (event.kind === 'LinkRefused') {
        const key = `${event.kind}: ${event.reason}`;
        counts[key] = (counts[key] ?? 0) + 1;
      }
    }
  }
}

let cpu = process.cpuUsage();
let readMs = performance.now();
setInterval(() => {
  count();
  const nowMs = performance.now();
  for (const [key, { atMs }] of told) {
    if (nowMs - atMs < LOST_MS) continue;
    lost += 1;
    told.delete(key);
  }
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? LOST_MS;
  const { user, system } = process.cpuUsage(cpu);
  const reading: Reading = {
    p50: at(0.5),
    p99: at(0.99),
    rssMiB: process.memoryUsage().rss / 2 ** 20,
    cpuShare: (user + system) / 1_000 / (nowMs - readMs),
    lost,
    counts,
  };
  lost = 0;
  tookMs = [];
  cpu = process.cpuUsage();
  readMs = nowMs;
  process.send?.(reading);
}, READ_EVERY_MS);

const offered: { readonly node: LiveNode; readonly made: ReturnType<typeof artifact> }[] = [];
for (let turn = 0; ; turn += 1) {
  const node = nodes[turn % nodes.length];
  if (node === undefined) break;
  const made = artifact(`told ${turn}`, { bytes: 200 });
  told.set(toHex(made.id), { atMs: performance.now(), missing: nodes.length - 1 });
  node.say({ kind: 'PublishArtifact', ...made });
  offered.push({ node, made });
  const oldest = offered.length > KEPT ? offered.shift() : undefined;
  if (oldest !== undefined) {
    const { artifactKind, id } = oldest.made;
    oldest.node.say({ kind: 'WithdrawArtifact', artifactKind, id });
  }
  await pause(TELL_EVERY_MS);
}
