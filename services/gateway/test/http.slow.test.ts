// Slow on purpose: waits for the door's own timeouts.
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { HEADERS_TIMEOUT_MS } from '../src/limits.ts';
import { SmallReplica } from './small-replica.ts';

test('a client that sends its headers drop by drop is answered 408 and hung up on', async () => {
  await using gateway = await new SmallReplica().open();
  const socket = connect(gateway.port, '127.0.0.1');
  const startMs = performance.now();
  socket.write('POST /api/v2/status HTTP/1.1\r\nhost: x\r\n');
  const drip = setInterval(() => socket.write('x: y\r\n'), 500);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(drip);
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  expect(performance.now() - startMs).toBeLessThan(HEADERS_TIMEOUT_MS + 5_000);
});
