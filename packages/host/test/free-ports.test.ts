import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePorts } from '@internode/host';
import { expect, test } from 'vitest';

test('ports are those that were wanted and are free, else others; none is of those that systems give to connections', async () => {
  const any = await freePorts(Array.from({ length: 200 }));
  expect(new Set(any).size).toBe(200);
  for (const port of any) {
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_768);
  }
  const [taken = 0, free = 0] = any;
  const server = createServer().listen(taken, '127.0.0.1');
  await once(server, 'listening');
  const [other, same] = await freePorts([taken, free]);
  expect(other).not.toBe(taken);
  expect(same).toBe(free);
  server.close();
});
