// A real nats-server with the configuration that the command writes: who may say and hear what.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Envelope } from '@internode/actor';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { NatsBus } from '../src/nats.ts';
import { brokerConfig, newUser } from '../src/server.ts';
import { type NatsServer, startNatsServer } from '../src/testing.ts';

const FACT = 'internode.s.n.beacon.beacon_value';
const COMMAND = 'internode.s.n.beacon.request_beacon';
const dir = fs.mkdtempSync(join(tmpdir(), 'internode-permissions-'));
let server: NatsServer;

function keyFile(name: string): { readonly file: string; readonly publicKey: string } {
  const { seed, publicKey } = newUser();
  const file = join(dir, `${name}.nk`);
  fs.writeFileSync(file, `${seed}\n`, { mode: 0o600 });
  return { file, publicKey };
}

const owner = keyFile('owner');
const other = keyFile('other');
const stranger = keyFile('stranger');

const config = join(dir, 'nats.conf');

function configure(othersHear: readonly string[]): void {
  const users = [
    { publicKey: owner.publicKey, publish: [FACT], subscribe: [COMMAND] },
    { publicKey: other.publicKey, publish: [COMMAND], subscribe: othersHear },
  ];
  const limits = { payloadBytesMax: 1_048_576, pendingBytesMax: 67_108_864 };
  fs.writeFileSync(config, brokerConfig(users, limits));
}

beforeAll(async () => {
  configure([FACT]);
  server = await startNatsServer(['-c', config]);
});
afterAll(async () => {
  await server?.stop();
  fs.rmSync(dir, { recursive: true });
});

async function open(credentialsFile: string) {
  const troubles: string[] = [];
  const bus = await NatsBus.connect({
    url: server.url,
    credentialsFile,
    onTrouble: (text) => troubles.push(text),
  });
  onTestFinished(() => bus.close());
  return { bus, troubles };
}

function envelope(subject: string): Envelope {
  return { id: '1', cause: '', sender: 'x', subject, traceparent: '', body: new Uint8Array(3) };
}

test('each says what it owns and hears what it may; the rest is refused and told', async () => {
  const own = await open(owner.file);
  const foreign = await open(other.file);
  const facts: Envelope[] = [];
  const commands: Envelope[] = [];
  foreign.bus.subscribe(FACT, (heard) => facts.push(heard));
  own.bus.subscribe(COMMAND, (heard) => commands.push(heard));
  await own.bus.ready();
  await foreign.bus.ready();
  own.bus.publish(envelope(FACT));
  foreign.bus.publish(envelope(COMMAND));
  await expect.poll(() => [facts.length, commands.length]).toEqual([1, 1]);

  // Forged: the fact of another service, and ears where they are not allowed.
  foreign.bus.publish(envelope(FACT));
  foreign.bus.subscribe(COMMAND, (heard) => commands.push(heard));
  await expect.poll(() => foreign.troubles.join('\n')).toMatch(/publish.*beacon_value/i);
  await expect.poll(() => foreign.troubles.join('\n')).toMatch(/request_beacon/);
  foreign.bus.publish(envelope(COMMAND));
  await expect.poll(() => commands.length).toBe(2);
  expect(facts.length).toBe(1);
});

test('nobody without a key of the list is let in', async () => {
  await expect(NatsBus.connect({ url: server.url })).rejects.toThrow(/authorization/i);
  const { file } = stranger;
  await expect(NatsBus.connect({ url: server.url, credentialsFile: file })).rejects.toThrow(
    /authorization/i,
  );
});

test('a subscription that the server ends is made again', async () => {
  const own = await open(owner.file);
  const foreign = await open(other.file);
  const facts: Envelope[] = [];
  foreign.bus.subscribe(FACT, (heard) => facts.push(heard));
  await foreign.bus.ready();
  configure([]);
  server.reload();
  await expect.poll(() => foreign.troubles.join('\n')).toMatch(/beacon_value/);
  own.bus.publish(envelope(FACT));
  await own.bus.ready();
  await foreign.bus.ready();
  expect(facts.length).toBe(0);
  configure([FACT]);
  server.reload();
  const again = (): boolean => {
    own.bus.publish(envelope(FACT));
    return facts.length > 0;
  };
  await expect.poll(again, { timeout: 10_000 }).toBe(true);
});
