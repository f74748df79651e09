// Who may say and hear what on the broker of a node: each service what its own list says, and the supervisor a little. Seeds stand
// in files of their own (mode 600); the broker's configuration holds public halves only.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subjects } from '@internode/actor';
import { beaconSubjects } from '@internode/beacon';
import {
  type BrokerCertificate,
  type BusUser,
  brokerConfig,
  newUser,
  publicKeyOf,
} from '@internode/bus/server';
import { consensusSubjects } from '@internode/consensus';
import { type Place, subjectOf } from '@internode/contracts';
import { executionSubjects, followerSubjects } from '@internode/execution';
import { gatewaySubjects } from '@internode/gateway';
import { p2pSubjects } from '@internode/p2p';
import { stateSubjects } from '@internode/state';
import { writeDurably } from '../data-dir.ts';
import { StartFault } from '../start-fault.ts';
import { isFollower, type ServiceName, serviceOf, type UnitName } from './unit.ts';

export type BusUserName = ServiceName | 'follower' | 'supervisor';

/** Of the process, beside those of the service in it. */
function inProcess({ says, hears }: Subjects): Subjects {
  return {
    says: [...says, 'ProcessFigures', 'SpansRecorded'],
    hears: [...hears, 'RequestFigures', 'CallFollowed'],
  };
}

const SUBJECTS: { readonly [User in BusUserName]: Subjects } = {
  state: inProcess(stateSubjects),
  execution: inProcess(executionSubjects),
  follower: inProcess(followerSubjects),
  beacon: inProcess(beaconSubjects),
  consensus: inProcess(consensusSubjects),
  p2p: inProcess(p2pSubjects),
  gateway: {
    says: [
      ...gatewaySubjects.says,
      'RequestFigures',
      'ProcessFigures',
      'CallFollowed',
      'SpansRecorded',
    ],
    hears: [...gatewaySubjects.hears, 'RequestFigures', 'ProcessFigures', 'SpansRecorded'],
  },
  supervisor: {
    says: ['RequestReadiness'],
    hears: ['Readiness', 'EpochBegan', 'BlockFinalized'],
  },
};

const LIMITS = { payloadBytesMax: 1024 * 1024, pendingBytesMax: 256 * 1024 * 1024 };

export const BUS_USERS = Object.keys(SUBJECTS) as readonly BusUserName[];

/** As whom a unit speaks: those that do the same work have the same rights. */
export function userOf(unit: UnitName): BusUserName {
  return isFollower(unit) ? 'follower' : serviceOf(unit);
}

export function credentialsFileOf(folder: string, user: BusUserName): string {
  return join(folder, `${user}.nk`);
}

/** Makes keys for whoever has none in the folder. */
export function prepareCredentials(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const user of BUS_USERS) {
    const file = credentialsFileOf(folder, user);
    if (!existsSync(file)) writeDurably(file, `${newUser().seed}\n`, 0o600);
  }
}

export interface BrokerFile {
  readonly file: string;
  readonly certificate?: BrokerCertificate;
}

/** Writes what a broker needs to let those with keys in the folder in at this node, and answers where it stands. */
export function writeBrokerConfig(
  folder: string,
  place: Place,
  { file, certificate }: BrokerFile = { file: join(folder, 'nats.conf') },
): string {
  const users: BusUser[] = BUS_USERS.map((user) => {
    const { says, hears } = SUBJECTS[user];
    return {
      publicKey: publicKeyIn(credentialsFileOf(folder, user)),
      publish: says.map((kind) => subjectOf(place, kind)),
      subscribe: hears.map((kind) => subjectOf(place, kind)),
    };
  });
  writeFileSync(file, brokerConfig(users, LIMITS, certificate), { mode: 0o600 });
  return file;
}

function publicKeyIn(file: string): string {
  try {
    return publicKeyOf(readFileSync(file, 'utf8'));
  } catch (fault) {
    throw new StartFault(
      `the key in ${file} cannot be read: ${(fault as Error).message}`,
      'delete the file: another key is made at the next start',
    );
  }
}
