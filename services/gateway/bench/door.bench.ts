// Requests a second through the door, with the stand-in for the rest of the node on the same
// thread: node bench/door.bench.ts. The generator is a process of its own.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { canisterText, contentOf, envelopeOf } from '../test/client.ts';
import { SmallReplica } from '../test/small-replica.ts';

const SECONDS = 4;
const CONNECTIONS = 32;
const generator = fileURLToPath(new URL('./generator.ts', import.meta.url));
const secrets = Array.from({ length: 64 }, (_, i) => new Uint8Array(32).fill(i + 40));

const replica = new SmallReplica();
await using gateway = await replica.open();

type Scenario = { name: string; path: string; count: number; body: (i: number) => Uint8Array };

const signer = (i: number): Uint8Array => secrets[i % secrets.length] as Uint8Array;
const scenarios: Scenario[] = [
  {
    name: 'anonymous queries',
    path: `v3/canister/${canisterText}/query`,
    count: 60_000,
    body: () => envelopeOf(contentOf('query')),
  },
  {
    name: 'signed queries',
    path: `v3/canister/${canisterText}/query`,
    count: 30_000,
    body: (i) => envelopeOf(contentOf('query'), signer(i)),
  },
  {
    name: 'signed updates, certified',
    path: `v4/canister/${canisterText}/call`,
    count: 20_000,
    body: (i) => envelopeOf(contentOf('call'), signer(i)),
  },
];

for (const scenario of scenarios) {
  const lines = Array.from({ length: scenario.count }, (_, i) => {
    const body = scenario.body(i);
    const head =
      `POST /api/${scenario.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\n` +
      `content-length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]).toString('base64');
  });
  const args = [generator, String(gateway.port), String(CONNECTIONS), String(SECONDS)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const before = process.cpuUsage();
  child.stdin.end(lines.join('\n'));
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  const { user, system } = process.cpuUsage(before);
  const result = JSON.parse(output) as Record<'done' | 'failed' | 'tookMs' | 'p50' | 'p99', number>;
  const perSecond = Math.round((result.done / result.tookMs) * 1e3);
  const cpuUs = Math.round((user + system) / result.done);
  console.log(
    `${scenario.name}: ${perSecond}/s, p50 ${result.p50.toFixed(1)} ms, ` +
      `p99 ${result.p99.toFixed(1)} ms, cpu ${cpuUs} µs each, failed ${result.failed}`,
  );
}
