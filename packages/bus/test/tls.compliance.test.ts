// A real nats-server that is heard over TLS only.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Envelope } from '@internode/actor';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { NatsBus } from '../src/nats.ts';
import { brokerConfig, newUser } from '../src/server.ts';
import { type NatsServer, startNatsServer } from '../src/testing.ts';

const SUBJECT = 'internode.s.n.beacon.beacon_value';
const dir = mkdtempSync(join(tmpdir(), 'internode-tls-'));
const at = (name: string): string => join(dir, name);
const { seed, publicKey } = newUser();
const credentialsFile = at('user.nk');
const limits = { payloadBytesMax: 1_048_576, pendingBytesMax: 67_108_864 };
const users = [{ publicKey, publish: [SUBJECT], subscribe: [SUBJECT] }];

/** A certificate that vouches for itself, of the loopback. */
function certificateOf(name: string): {
  readonly certificateFile: string;
  readonly keyFile: string;
} {
  const files = { certificateFile: at(`${name}.pem`), keyFile: at(`${name}.key`) };
  const how = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=broker'];
  const who = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  const out = ['-keyout', files.keyFile, '-out', files.certificateFile];
  execFileSync('openssl', ['req', ...how, ...who, ...out], { stdio: 'pipe' });
  return files;
}

let server: NatsServer;
let caFile: string;
let url: string;

beforeAll(async () => {
  writeFileSync(credentialsFile, `${seed}\n`, { mode: 0o600 });
  const certificate = certificateOf('broker');
  caFile = certificate.certificateFile;
  writeFileSync(at('nats.conf'), brokerConfig(users, limits, certificate));
  server = await startNatsServer(['-c', at('nats.conf')]);
  url = server.url.replace('nats:', 'tls:');
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true });
});

async function open(options: { readonly url: string; readonly caFile?: string }): Promise<NatsBus> {
  const bus = await NatsBus.connect({ credentialsFile, ...options });
  onTestFinished(() => bus.close());
  return bus;
}

test('what is said is heard, also after the server was killed', async () => {
  const bus = await open({ url, caFile });
  const heard: Envelope[] = [];
  bus.subscribe(SUBJECT, (envelope) => heard.push(envelope));
  await bus.ready();
  const say = (): void =>
    bus.publish({
      ...{ id: '1', cause: '', sender: 'x', subject: SUBJECT, traceparent: '' },
      body: new Uint8Array(3_000_000).fill(7),
    });
  say();
  await expect.poll(() => heard.length).toBe(1);
  expect(heard[0]?.body.length).toBe(3_000_000);
  await server.restart();
  const again = (): boolean => {
    say();
    return heard.length > 1;
  };
  await expect.poll(again, { timeout: 10_000 }).toBe(true);
});

test('a server that somebody else vouches for, or nobody, is not spoken to', async () => {
  const other = certificateOf('other').certificateFile;
  await expect(open({ url, caFile: other })).rejects.toThrow(/self-signed|verify|issuer/i);
  await expect(open({ url })).rejects.toThrow(/self-signed|verify|issuer/i);
});

test('a server without TLS is not spoken to either when TLS is asked for', async () => {
  writeFileSync(at('plain.conf'), brokerConfig(users, limits));
  const plain = await startNatsServer(['-c', at('plain.conf')]);
  onTestFinished(() => plain.stop());
  const insisting = plain.url.replace('nats:', 'tls:');
  await expect(open({ url: insisting })).rejects.toThrow(/tls/i);
  await expect(open({ url: plain.url, caFile })).rejects.toThrow(/tls/i);
  await open({ url: plain.url });
});
