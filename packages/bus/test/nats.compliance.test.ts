import { fork } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
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

  test('a slow consumer is disconnected, connects again by itself and hears what is said then', async () => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'internode-slow-'));
    const config = join(folder, 'nats.conf');
    fs.writeFileSync(
      config,
      'max_payload: 1048576\nmax_pending: 2097152\nwrite_deadline: "100ms"\n',
    );
    const impatient = await startNatsServer(['-c', config]);
    const subject = 'internode.s.n.beacon.beacon_value';
    const script = fileURLToPath(new URL('./slow-hearer.ts', import.meta.url));
    const hearer = fork(script, [impatient.url, subject, '1500']);
    const heard: string[] = [];
    hearer.on('message', (id) => heard.push(String(id)));
    const bus = await NatsBus.connect({ url: impatient.url });
    try {
      await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['ready']);
      const say = (id: string, bytes = 1) =>
        bus.publish({
          id,
          cause: '',
          sender: 's',
          subject,
          traceparent: '',
          body: new Uint8Array(bytes),
        });
      say('pause');
      await expect.poll(() => heard).toContain('pause');
      // More than the broker and both sockets hold for it.
      for (let index = 0; index < 40; index++) {
        say(`lost ${index}`, 1_000_000);
        await bus.ready();
      }
      const again = async (): Promise<boolean> => {
        say('again');
        return heard.includes('again');
      };
      await expect.poll(again, { timeout: 20_000, interval: 50 }).toBe(true);
      expect(heard.filter((id) => id.startsWith('lost')).length).toBeLessThan(40);
    } finally {
      hearer.kill('SIGKILL');
      await bus.close();
      await impatient.stop();
      fs.rmSync(folder, { recursive: true });
    }
  });

  test('what is no envelope is dropped and counted: no names, names too long, chunks that are none', async () => {
    const bus = await NatsBus.connect({ url: server.url });
    const subject = 'internode.s.n.beacon.beacon_value';
    const heard: string[] = [];
    bus.subscribe(subject, ({ id }) => heard.push(id));
    await bus.ready();
    const raw = await connect({ servers: server.url });
    const say = (on: string, heads?: Readonly<Record<string, string>>): void => {
      const head = headers();
      for (const [name, value] of Object.entries(heads ?? {})) head.set(name, value);
      raw.publish(on, new Uint8Array(3), heads === undefined ? {} : { headers: head });
    };
    const named = { 'Internode-Id': 'good', 'Internode-Sender': 's' };
    say(subject);
    say(subject, { 'Internode-Id': 'nobody says it' });
    say(subject, { ...named, 'Internode-Sender': 's'.repeat(10_000) });
    say(subject, { ...named, 'Internode-Chunk': 'x' });
    say(`${subject}.part`, named);
    say(subject, { ...named, 'Internode-Chunk': '5/2' });
    say(subject, named);
    await raw.flush();
    await bus.ready();
    await expect.poll(() => heard).toEqual(['good']);
    expect(bus.strange).toBe(5);
    await raw.close();
    await bus.close();
  });

  test('what is said or heard of while it closes, or after, harms nobody', async () => {
    const bus = await NatsBus.connect({ url: server.url });
    const subject = 'internode.s.n.beacon.beacon_value';
    const envelope = { id: 'i', cause: '', sender: 's', subject, traceparent: '' };
    const say = () => bus.publish({ ...envelope, body: new Uint8Array(1) });
    const closed = bus.close();
    say();
    const cancel = bus.subscribe(subject, () => {});
    cancel();
    await closed;
    say();
    bus.subscribe(subject, () => {})();
  });

  test('no server: the connection is refused in time', async () => {
    await expect(NatsBus.connect({ url: 'nats://127.0.0.1:1' })).rejects.toThrow();
  });

  test('a port that says nothing is given up before a standstill of three seconds', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const startedAt = performance.now();
    await expect(NatsBus.connect({ url: `nats://127.0.0.1:${port}` })).rejects.toThrow(/timeout/i);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
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
