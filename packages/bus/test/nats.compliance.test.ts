import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Assembly } from '../src/assembly.ts';
import { busCompliance } from '../src/compliance.ts';
import { NatsBus } from '../src/nats.ts';
import { type NatsServer, startNatsServer } from '../src/testing.ts';

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(async () => {
  await server?.stop();
});

busCompliance('nats', async () => {
  const left = await NatsBus.connect({ url: server.url, name: 'left' });
  const right = await NatsBus.connect({ url: server.url });
  return {
    left,
    right,
    ready: async () => {
      await left.ready();
      await right.ready();
    },
    close: async () => {
      await left.close();
      await right.close();
    },
  };
});

describe('nats', () => {
  test('mends a lost connection and keeps its subscriptions', async () => {
    const bus = await NatsBus.connect({ url: server.url });
    const subject = 'internode.s.n.beacon.beacon_value';
    const heard: string[] = [];
    bus.subscribe(subject, ({ id }) => heard.push(id));
    await bus.ready();
    await server.restart();
    const say = (id: string) =>
      bus.publish({
        id,
        cause: '',
        sender: 's',
        subject,
        traceparent: '',
        body: new Uint8Array(1),
      });
    const started = Date.now();
    while (heard.length === 0 && Date.now() - started < 20_000) {
      say('again');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(heard[0]).toBe('again');
    await bus.close();
    expect(() => say('closed')).not.toThrow();
  });

  test('no server: the connection is refused in time', async () => {
    await expect(NatsBus.connect({ url: 'nats://127.0.0.1:1' })).rejects.toThrow();
  });
});

describe('chunks', () => {
  const chunk = (key: string, index: number, count: number, length = 10) => ({
    key,
    index,
    count,
    bytes: new Uint8Array(length).fill(index),
  });

  test('come together in any order, once', () => {
    const assembly = new Assembly();
    expect(assembly.add(chunk('a', 2, 3))).toBeUndefined();
    expect(assembly.add(chunk('a', 0, 3))).toBeUndefined();
    expect(assembly.add(chunk('a', 0, 3))).toBeUndefined();
    const body = assembly.add(chunk('a', 1, 3));
    expect(body).toEqual(Uint8Array.from([0, 1, 2].flatMap((n) => new Array(10).fill(n))));
  });

  test('nonsense is ignored, unfinished messages are bounded', () => {
    const assembly = new Assembly();
    expect(assembly.add(chunk('a', 3, 3))).toBeUndefined();
    expect(assembly.add(chunk('a', 0, 1_000_000))).toBeUndefined();
    expect(assembly.add(chunk('b', 0, 2))).toBeUndefined();
    expect(assembly.add(chunk('b', 1, 3))).toBeUndefined();
    for (let i = 0; i < 64; i++) assembly.add(chunk(`c${i}`, 0, 2));
    // The oldest was forgotten, the newest was not.
    expect(assembly.add(chunk('b', 1, 2))).toBeUndefined();
    expect(assembly.add(chunk('c63', 1, 2))).toHaveLength(20);
  });
});
