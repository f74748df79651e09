// Sends prepared requests over keep-alive sockets, one at a time on each, and counts answers.
// Run by door.bench.ts; argv: port, connections, seconds. Requests come on stdin as base64 lines.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [port, connections, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const requests: Buffer[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  requests.push(Buffer.from(line, 'base64'));
}

let next = 0;
let done = 0;
let failed = 0;
const latencies: number[] = [];
const endMs = performance.now() + seconds * 1e3;

function run(finish: () => void): void {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let sentMs = 0;
  let pending = Buffer.alloc(0);
  const send = (): void => {
    const request = requests[next++];
    if (request === undefined || performance.now() > endMs) {
      socket.destroy();
      return finish();
    }
    sentMs = performance.now();
    socket.write(request);
  };
  socket.on('connect', send);
  socket.on('error', finish);
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const headEnd = pending.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const head = pending.toString('latin1', 0, headEnd);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (pending.length < headEnd + 4 + length) return;
    pending = Buffer.alloc(0);
    if (head.startsWith('HTTP/1.1 200')) done += 1;
    else failed += 1;
    latencies.push(performance.now() - sentMs);
    send();
  });
}

const startMs = performance.now();
await Promise.all(Array.from({ length: connections }, () => new Promise<void>(run)));
const tookMs = performance.now() - startMs;
latencies.sort((left, right) => left - right);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
console.log(JSON.stringify({ done, failed, tookMs, p50: at(0.5), p99: at(0.99) }));
