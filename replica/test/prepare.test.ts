import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { readAloneFile } from '@internode/host';
import { toHex } from '@internode/prelude';
import { describe, expect, onTestFinished, test } from 'vitest';
import { prepareServices } from '../src/apart/prepare.ts';
import { SCALE_ONE, type Scale, SERVICE_NAMES, type ServiceName } from '../src/apart/unit.ts';
import { dealMembers } from '../src/genesis.ts';
import { endFirstLife, type Member, writeGenesis, writeNodeSecrets } from '../src/member.ts';
import { memberOf } from '../src/replica.ts';
import type { ServiceSettings } from '../src/settings.ts';

setHashEngine(nodeHashEngine);
const bls = await loadFastBls();

function scratch(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'internode-prepare-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  return dir;
}

/** A data directory of one of four members. */
function memberDir(): string {
  const dataDir = scratch();
  const addresses = ['a:1', 'b:1', 'c:1', 'd:1'];
  const [own] = dealMembers({ addresses, entropy: new Uint8Array(32).fill(5), bls });
  const { secrets, summary, shares } = own as Member;
  writeNodeSecrets(dataDir, secrets);
  writeGenesis(dataDir, summary, shares);
  return dataDir;
}

function prepare(
  dataDir: string,
  options: { readonly tls?: boolean; readonly scale?: Scale } = {},
) {
  const out = scratch();
  const files = scratch();
  for (const name of ['ca', 'certificate', 'key'])
    fs.writeFileSync(join(files, `${name}.pem`), `PEM of the ${name}`);
  const member = memberOf(dataDir, bls);
  const { tls = false, scale = SCALE_ONE } = options;
  const config = prepareServices(
    member,
    { subnet: 'local', node: 'node' },
    {
      ...{ dataDir, out, servicesData: '/data', brokerDir: '/settings', version: '0' },
      ...{ host: '0.0.0.0', port: 8000, healthPort: 9090 },
      debugTo: 'loopback',
      scale,
      log: { format: 'json', level: 'info' },
      bus: tls ? 'tls://broker:4222' : 'nats://broker:4222',
      busCa: tls ? join(files, 'ca.pem') : undefined,
      certificate: tls
        ? { certificateFile: join(files, 'certificate.pem'), keyFile: join(files, 'key.pem') }
        : undefined,
    },
  );
  const fileOf = <Name extends ServiceName>(service: Name) =>
    readAloneFile<ServiceSettings[Name]>(join(out, service, 'settings.json'), service);
  return { out, config, member, fileOf };
}

const textsIn = (folder: string): string =>
  fs
    .readdirSync(folder)
    .map((name) => fs.readFileSync(join(folder, name), 'utf8'))
    .join('\n');

describe('what is prepared for services that others start', () => {
  test('each finds its settings, its key and how to be asked; clients find the rest', () => {
    const { out, fileOf, config } = prepare(scratch());
    for (const service of SERVICE_NAMES) {
      const { bus, health, dataDir } = fileOf(service);
      expect(bus).toEqual({
        url: 'nats://broker:4222',
        credentialsFile: join(out, service, 'bus.nk'),
      });
      expect(fs.readFileSync(join(out, service, 'bus.nk'), 'utf8')).toMatch(/^SU/);
      expect(fs.statSync(join(out, service)).mode & 0o777).toBe(0o700);
      expect(dataDir).toBe('/data');
      expect(health?.port).toBe(service === 'gateway' ? undefined : 9090);
    }
    const told = JSON.parse(fs.readFileSync(join(out, 'gateway/replica.json'), 'utf8'));
    expect(told).toEqual(config);
    expect(told).toMatchObject({ gatewayUrl: 'http://127.0.0.1:8000' });
  });

  test('several of a service have folders of their own, and those that do the same work the same key', () => {
    const { out } = prepare(scratch(), { scale: { gateway: 2, execution: 2 } });
    const told = (unit: string) =>
      readAloneFile<{ follows?: boolean; unit?: string; processes?: readonly string[] }>(
        join(out, unit, 'settings.json'),
        unit.replace('-2', ''),
      );
    const key = (unit: string) => fs.readFileSync(join(out, unit, 'bus.nk'), 'utf8');
    expect(told('execution-2')).toMatchObject({ unit: 'execution-2', health: { port: 9090 } });
    expect(told('execution-2').settings.follows).toBe(true);
    expect(told('execution').settings.follows).toBeUndefined();
    // A follower may say less than the one that it follows.
    expect(key('execution-2')).not.toBe(key('execution'));
    expect(key('gateway-2')).toBe(key('gateway'));
    expect(told('gateway-2').settings.unit).toBe('gateway-2');
    expect(told('gateway-2').settings.processes).toContain('execution-2');
    expect(told('gateway').settings.processes).toContain('gateway-2');
  });

  test('again: the same keys, so that services which run go on', () => {
    const dataDir = scratch();
    const [first, second] = [prepare(dataDir), prepare(dataDir)];
    for (const name of [...SERVICE_NAMES, 'broker'])
      expect(textsIn(join(second.out, name))).toBe(textsIn(join(first.out, name)));
  });

  test('nobody gets the secrets of others', () => {
    const { out, member } = prepare(memberDir());
    const { secrets, shares } = member;
    const owners: readonly (readonly [Uint8Array | undefined, readonly string[]])[] = [
      [secrets.node, ['beacon', 'consensus', 'p2p', 'gateway']],
      [secrets.vote, ['consensus']],
      [secrets.receiver, ['beacon']],
      [shares?.low, ['beacon']],
      [shares?.high, ['beacon']],
    ];
    const holders = (secret: string): string[] =>
      fs
        .readdirSync(out)
        .filter((name) => textsIn(join(out, name)).includes(secret))
        .sort();
    for (const [secret, names] of owners)
      expect(holders(toHex(secret ?? new Uint8Array(1)))).toEqual([...names].sort());
    for (const service of SERVICE_NAMES) {
      const seed = fs.readFileSync(join(out, service, 'bus.nk'), 'utf8').trim();
      expect(holders(seed)).toEqual([service]);
    }
  });

  test('over TLS: the certificate is the broker’s, who vouches for it is everybody’s', () => {
    const { out, fileOf } = prepare(scratch(), { tls: true });
    const conf = fs.readFileSync(join(out, 'broker/nats.conf'), 'utf8');
    expect(conf).toContain('cert_file: "/settings/certificate.pem", key_file: "/settings/key.pem"');
    expect(fs.readFileSync(join(out, 'broker/key.pem'), 'utf8')).toBe('PEM of the key');
    expect(fileOf('state').bus).toMatchObject({
      url: 'tls://broker:4222',
      caFile: join(out, 'state/ca.pem'),
    });
    expect(fs.existsSync(join(out, 'state/key.pem'))).toBe(false);
  });

  test('an empty journal is believed to be a first one only where it must be', () => {
    expect(prepare(scratch()).fileOf('consensus').settings.config.firstLife).toBe(true);
    const dataDir = memberDir();
    expect(prepare(dataDir).fileOf('consensus').settings.config.firstLife).toBeUndefined();
    endFirstLife(dataDir);
    expect(prepare(dataDir).fileOf('consensus').settings.config.firstLife).toBe(false);
  });
});
