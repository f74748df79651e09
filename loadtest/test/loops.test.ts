import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { median, percentile, postAll, runClosedLoop, runOpenLoop } from '../src/index.ts';
import { isLoopback, parseOptions } from '../src/load-options.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Echoes bodies after `delayMs`; counts how many requests it holds at a time. */
async function startEcho(
  delayMs: number,
): Promise<{ url: string; server: Server; heldMax(): number }> {
  let held = 0;
  let most = 0;
  const server = createServer((request, response) => {
    most = Math.max(most, ++held);
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      setTimeout(() => {
        held--;
        response.end(Buffer.concat(parts));
      }, delayMs);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server, heldMax: () => most };
}

test('percentiles by nearest rank, medians, and of nothing NaN', () => {
  const values = [15, 20, 35, 40, 50];
  expect([0, 0.05, 0.3, 0.4, 0.5, 1].map((share) => percentile(values, share))).toEqual([
    15, 15, 20, 20, 35, 50,
  ]);
  expect(
    percentile(
      Array.from({ length: 100 }, (_, i) => 100 - i),
      0.99,
    ),
  ).toBe(99);
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])]).toEqual([2, 2.5, 7]);
  expect([percentile([], 0.5), median([])]).toEqual([Number.NaN, Number.NaN]);
});

test('a closed loop does every operation once, its own share on each connection, never more at a time', async () => {
  const echo = await startEcho(2);
  const seen: number[] = [];
  const figures = await runClosedLoop({
    url: echo.url,
    concurrency: 4,
    count: 41,
    operation: async (connection, index) => {
      const answer = await connection.post('/', Buffer.from(String(index)));
      seen.push(Number(Buffer.from(answer.body).toString()));
    },
  });
  expect(seen.sort((left, right) => left - right)).toEqual(Array.from({ length: 41 }, (_, i) => i));
  expect(echo.heldMax()).toBe(4);
  expect(figures.count).toBe(41);
  expect(figures.p50Ms).toBeGreaterThanOrEqual(1.5);
  expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms);
  expect(figures.perSecond).toBeCloseTo(41 / figures.seconds, 6);
});

test('answers come back in the order of their requests', async () => {
  const echo = await startEcho(0);
  const bodies = Array.from({ length: 50 }, (_, i) => Buffer.from(`body ${i}`));
  const { answers } = await postAll({ url: echo.url, path: '/', concurrency: 7, bodies });
  expect(answers.map(({ body }) => Buffer.from(body).toString())).toEqual(bodies.map(String));
});

test('what an operation throws ends the closed loop', async () => {
  const echo = await startEcho(0);
  const operation = async (): Promise<void> => {
    throw new Error('wrong answer');
  };
  await expect(
    runClosedLoop({ url: echo.url, concurrency: 2, count: 5, operation }),
  ).rejects.toThrow('wrong answer');
});

test('an open loop keeps its rate while answers are slow, and counts latency from the instant due', async () => {
  const echo = await startEcho(50);
  const answered = new Set<number>();
  const figures = await runOpenLoop({
    url: echo.url,
    path: '/',
    concurrency: 2, // 40 answers a second at most
    rate: 200,
    count: 40,
    body: (index) => Buffer.from(String(index)),
    answered: ({ body }, index) => {
      expect(Number(Buffer.from(body).toString())).toBe(index);
      answered.add(index);
    },
  });
  expect(answered.size).toBe(40);
  expect(figures.broken).toBe(0);
  expect(figures.backlogMax).toBeGreaterThan(20);
  // The last was due after 195 ms and answered in the 20th pair: after at least 1,000 ms.
  expect(percentile(figures.latenciesMs, 1)).toBeGreaterThan(700);
  // From when it was sent, a request knows nothing of the line before it.
  const { latenciesMs, requestsMs } = figures;
  expect(requestsMs).toHaveLength(40);
  expect(requestsMs.every((ms, i) => ms <= (latenciesMs[i] ?? 0))).toBe(true);
  expect(percentile(requestsMs, 0.5)).toBeLessThan(percentile(latenciesMs, 0.5) / 2);
});

test('a connection that the server closed while it was idle is opened again; nothing counts as broken', async () => {
  const echo = await startEcho(1);
  const figures = await runOpenLoop({
    url: echo.url,
    path: '/',
    concurrency: 1,
    // Far enough apart that the server has closed it before the next is due, also on a busy machine.
    rate: 4,
    count: 4,
    body: () => Buffer.from('x'),
    answered: () => setTimeout(() => echo.server.closeIdleConnections(), 5),
  });
  expect(figures.broken).toBe(0);
  expect(figures.latenciesMs.length).toBe(4);
});

test('an open loop ends when the server goes away: the rest counts as broken', async () => {
  const echo = await startEcho(1);
  let seen = 0;
  const figures = await runOpenLoop({
    url: echo.url,
    path: '/',
    concurrency: 3,
    rate: 500,
    count: 200,
    body: () => Buffer.from('x'),
    answered: () => {
      if (++seen !== 20) return;
      echo.server.closeAllConnections();
      echo.server.close();
    },
  });
  expect(figures.latenciesMs.length + figures.broken).toBe(200);
  expect(figures.broken).toBeGreaterThan(100);
});

test('load is for this machine only', () => {
  for (const url of [
    'http://127.0.0.1:8000',
    'http://localhost:1',
    'http://[::1]:8000',
    'http://127.9.9.9',
  ])
    expect([url, isLoopback(url)]).toEqual([url, true]);
  for (const url of [
    'http://example.com',
    'https://127.0.0.1',
    'http://127.0.0.1.example.com',
    'http://localhost@example.com',
    'http://user@localhost',
    'http://10.0.0.1:8000',
    'http://0.0.0.0:8000',
    'http://[::ffff:10.0.0.1]',
    '127.0.0.1:8000',
    '',
  ])
    expect([url, isLoopback(url)]).toEqual([url, false]);
});

test('flags have defaults and bounds', () => {
  expect(parseOptions([])).toMatchObject({
    kind: 'valid',
    value: {
      url: 'http://127.0.0.1:8000',
      rate: 200,
      seconds: 10,
      concurrency: 64,
      kind: 'update',
    },
  });
  for (const args of [
    ['--url', 'http://icp-api.io'],
    ['--rate', '0'],
    ['--rate', '1e9'],
    ['--rate', 'many'],
    ['--seconds', '-1'],
    ['--seconds', '3600', '--rate', '20000'],
    ['--concurrency', '1.5'],
    ['--kind', 'stress'],
    ['--unknown'],
  ])
    expect([args, parseOptions(args).kind]).toEqual([args, 'invalid']);
});
