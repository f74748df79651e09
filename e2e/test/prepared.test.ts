// Services that nobody supervises, as in containers: each started by hand with what `internode prepare` wrote for it, over a broker
// that is heard over TLS only.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNatsServer, type NatsServer, runNatsServer } from '@internode/bus/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../runner/certificate.ts';
import { type AnyActor, currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { freePorts } from '../runner/ports.ts';
import { type ReplicaConfig, runInternode, scratchDir } from '../runner/replica.ts';
import { SERVICES, type ServiceName } from '../runner/services.ts';
import { wait } from '../runner/under-load.ts';

const folder = scratchDir();
const at = (name: string): string => join(folder, name);
const running = new Map<ServiceName, ChildProcess>();
/** The newest that services printed, for who has to find out why one failed. */
let said = '';
const SAID_MAX = 4_000;
let broker: NatsServer | undefined;
let config: ReplicaConfig;
let healthUrl: string;
let startBroker: () => Promise<void>;

function startService(service: ServiceName): void {
  const main = fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, INTERNODE_SETTINGS: at(`out/${service}/settings.json`) },
  });
  child.stderr?.on('data', (text) => {
    said = `${said}${service}: ${text}`.slice(-SAID_MAX);
  });
  running.set(service, child);
}

async function end(service: ServiceName, signal: NodeJS.Signals): Promise<void> {
  const child = running.get(service);
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

const statusOf = async (url: string): Promise<number> =>
  (await fetch(url).catch(() => undefined))?.status ?? 0;

async function answers(url: string, status: number): Promise<void> {
  while ((await statusOf(url)) !== status) await wait(50);
}

beforeAll(async () => {
  const [port = 0, busPort = 0, healthPort = 0] = await freePorts(3);
  const { certificate, key } = selfSigned(folder);
  const bus = ['--bus', `tls://127.0.0.1:${busPort}`, '--bus-ca', certificate];
  const own = ['--bus-certificate', certificate, '--bus-key', key];
  const folders = ['--out', at('out'), '--broker-dir', at('out/broker')];
  const data = ['--data-dir', at('keys'), '--services-data', at('data')];
  const door = ['--host', '127.0.0.1', '--port', String(port), '--health-port', '0'];
  const args = ['prepare', ...bus, ...own, ...folders, ...data, ...door];
  const { code, stdout, stderr } = await runInternode(args);
  if (code !== 0) throw new Error(stderr);
  config = JSON.parse(stdout) as ReplicaConfig;
  // All are on one machine here, so only one of them can have this port.
  const file = at('out/state/settings.json');
  const settings = JSON.parse(readFileSync(file, 'utf8')) as object;
  const health = { host: '127.0.0.1', port: healthPort };
  writeFileSync(file, JSON.stringify({ ...settings, health }));
  healthUrl = `http://127.0.0.1:${healthPort}`;
  const binary = findNatsServer(() => {});
  startBroker = async () => {
    const configured = ['-c', at('out/broker/nats.conf')];
    broker = await runNatsServer({ binary, args: configured, port: busPort });
  };
});
afterAll(async () => {
  await Promise.all(SERVICES.map((service) => end(service, 'SIGKILL')));
  await broker?.stop();
});

let actor: AnyActor;

test('the broker may be the last to start; then the replica becomes ready and answers', async () => {
  for (const service of SERVICES) startService(service);
  await wait(500);
  await startBroker();
  await answers(`${config.gatewayUrl}/readyz`, 200);
  const client = await currentClient.open(config);
  ({ actor } = await client.deploy(counterInterface, motokoModule('counter.mo')));
  expect(await actor['inc']?.()).toBe(1n);
});

test('a service says how it is at a door of its own', async () => {
  expect(await statusOf(`${healthUrl}/readyz`)).toBe(200);
  expect(await (await fetch(`${healthUrl}/metrics`)).text()).toContain('internode_state_');
  await broker?.kill();
  await answers(`${healthUrl}/readyz`, 503);
  expect(await statusOf(`${healthUrl}/healthz`)).toBe(200);
  await startBroker();
  await answers(`${healthUrl}/readyz`, 200);
  expect(await actor['inc']?.()).toBe(2n);
});

test('one that ended goes on where it was when somebody starts it again', async () => {
  for (const [index, service] of (['state', 'consensus', 'gateway'] as const).entries()) {
    await end(service, index % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
    startService(service);
    await answers(`${config.gatewayUrl}/readyz`, 200);
    expect(await actor['inc']?.()).toBe(BigInt(index + 3));
  }
});

test('all end at SIGTERM with status 0', async () => {
  await Promise.all(SERVICES.map((service) => end(service, 'SIGTERM')));
  const codes = [...running.values()].map(({ exitCode }) => exitCode);
  expect(codes, said).toEqual(SERVICES.map(() => 0));
});

test('a node whose ceremony failed is not prepared as a replica of its own', async () => {
  mkdirSync(at('failed'));
  writeFileSync(at('failed/ceremony-begun'), '');
  const where = ['--data-dir', at('failed'), '--out', at('failed-out')];
  const { code, stderr } = await runInternode(['prepare', '--bus', 'nats://broker:4222', ...where]);
  expect(code).toBe(1);
  expect(stderr).toContain('docker compose logs ceremony');
  expect(existsSync(at('failed-out'))).toBe(false);
});
