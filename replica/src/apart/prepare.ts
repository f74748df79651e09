// What services that others start are told, each in a folder of its own: whoever gives a container its folder gives it its own
// secrets and nobody else's.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { principalToText } from '@internode/encoding';
import { type AloneFile, writeAloneFile } from '@internode/host';
import { toHex } from '@internode/prelude';
import type { DebugTo } from '../command-line.ts';
import { writeDurably } from '../data-dir.ts';
import { CANISTER_RANGES } from '../genesis.ts';
import { isFirstLife, isMemberDir, type Member, subnetOf } from '../member.ts';
import type { ReplicaConfig } from '../replica-config.ts';
import { settingsOf } from '../settings.ts';
import { credentialsFileOf, prepareCredentials, userOf, writeBrokerConfig } from './bus-users.ts';
import { type Scale, serviceOf, settingsOfUnit, unitsOf } from './unit.ts';

export interface PrepareOptions {
  readonly dataDir: string;
  readonly out: string;
  readonly bus: string;
  readonly busCa: string | undefined;
  /** Of the broker. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  readonly servicesData: string;
  readonly brokerDir: string;
  readonly host: string;
  readonly port: number;
  readonly healthPort: number;
  readonly log: AloneFile['log'];
  readonly debugTo: DebugTo;
  /** Further ones have folders of their own, `gateway-2` and so on, and each gateway its own address. */
  readonly scale: Scale;
  readonly version: string;
}

/** The owner alone looks into a folder with secrets. */
const FOLDER_MODE = 0o700;

/** Answers what clients need to know. */
export function prepareServices(
  member: Member,
  place: AloneFile['place'],
  options: PrepareOptions,
): ReplicaConfig {
  const { dataDir, out, host, port, version, debugTo } = options;
  const alone = !isMemberDir(dataDir);
  const settings = settingsOf(member, {
    ...{ host, port, version, alone, debugTo },
    // Nobody here hears when the first life is over: whoever may be in it asks the others (docs/spec/vote-lock.md).
    firstLife: alone ? true : isFirstLife(dataDir) ? undefined : false,
    checksCertifications: true,
  });
  prepareBroker(place, options);
  const units = unitsOf(options.scale);
  for (const unit of units) {
    const service = serviceOf(unit);
    const folder = folderOf(out, unit);
    copy(credentialsFileOf(join(dataDir, 'bus'), userOf(unit)), join(folder, 'bus.nk'));
    if (options.busCa !== undefined) copy(options.busCa, join(folder, 'ca.pem'));
    writeAloneFile(join(folder, 'settings.json'), {
      ...{ service, unit, place, dataDir: options.servicesData, log: options.log },
      subnet: toHex(subnetOf(member.summary).subnetId),
      bus: {
        url: options.bus,
        credentialsFile: 'bus.nk',
        ...(options.busCa !== undefined && { caFile: 'ca.pem' }),
      },
      // The gateway answers at its own door.
      ...(service !== 'gateway' &&
        options.healthPort !== 0 && { health: { host: '0.0.0.0', port: options.healthPort } }),
      settings: settingsOfUnit(unit, units, settings),
    });
  }
  const config = configOf(member, options);
  writeDurably(join(out, 'gateway', 'replica.json'), `${JSON.stringify(config, null, 2)}\n`);
  return config;
}

function prepareBroker(place: AloneFile['place'], options: PrepareOptions): void {
  const { dataDir, out, certificate, brokerDir } = options;
  const keys = join(dataDir, 'bus');
  prepareCredentials(keys);
  const folder = folderOf(out, 'broker');
  if (certificate !== undefined) {
    copy(certificate.certificateFile, join(folder, 'certificate.pem'));
    copy(certificate.keyFile, join(folder, 'key.pem'));
  }
  writeBrokerConfig(keys, place, {
    file: join(folder, 'nats.conf'),
    ...(certificate !== undefined && {
      certificate: {
        certificateFile: join(brokerDir, 'certificate.pem'),
        keyFile: join(brokerDir, 'key.pem'),
      },
    }),
  });
}

function folderOf(out: string, name: string): string {
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  return folder;
}

/** Whole or not at all; for the owner's eyes only. */
function copy(from: string, to: string): void {
  writeDurably(to, readFileSync(from, 'utf8'), 0o600);
}

function configOf(member: Member, { host, port, version, servicesData }: PrepareOptions) {
  const { subnetId, publicKeyDer, members } = subnetOf(member.summary);
  const shownHost = host === '0.0.0.0' ? '127.0.0.1' : host;
  return {
    version,
    gatewayUrl: `http://${shownHost}:${port}`,
    rootKey: toHex(publicKeyDer),
    subnetId: principalToText(subnetId),
    nodeId: principalToText(member.nodeId),
    nodeIds: members.map(({ nodeId }) => principalToText(nodeId)),
    defaultEffectiveCanisterId: principalToText(CANISTER_RANGES[0]?.[0] ?? new Uint8Array()),
    dataDir: servicesData,
    pid: 0,
  } satisfies ReplicaConfig;
}
