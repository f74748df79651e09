// What deploy, call and canister share: which replica, as whom, and canister names.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CanisterStatus, HttpAgent } from '@icp-sdk/core/agent';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { Principal } from '@icp-sdk/core/principal';
import { type CandidInterface, parseInterface } from '../candid/interface.ts';
import { writeDurably } from '../data-dir.ts';
import { seedOf } from '../identities.ts';
import { readReplicaConfig } from '../replica-config.ts';
import { StartFault } from '../start-fault.ts';
import { dataDirOf } from './flags.ts';

export interface Client {
  readonly agent: HttpAgent;
  readonly dataDir: string;
  readonly defaultEffectiveCanisterId: Principal;
  readonly positionals: readonly string[];
  readonly json: boolean;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

const FLAGS = {
  'data-dir': { type: 'string' },
  url: { type: 'string' },
  identity: { type: 'string' },
  json: { type: 'boolean' },
  mode: { type: 'string' },
  name: { type: 'string' },
  query: { type: 'boolean' },
} as const;

export async function openClient(args: readonly string[]): Promise<Client> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: FLAGS,
    allowPositionals: true,
  });
  const dataDir = dataDirOf(values['data-dir']);
  const config = readReplicaConfig(dataDir);
  const url = values.url ?? config?.gatewayUrl;
  if (url === undefined) {
    throw new StartFault(
      `no replica is known in ${dataDir}`,
      'start one with `npm start`, or name it: --url http://127.0.0.1:8000 or --data-dir DIR',
    );
  }
  const identity = Ed25519KeyIdentity.generate(seedOf(values.identity ?? 'alice'));
  const agent = await connect(url, identity);
  const first = config?.defaultEffectiveCanisterId ?? 'rwlgt-iiaaa-aaaaa-aaaaa-cai';
  return {
    agent,
    dataDir,
    positionals,
    json: values.json ?? false,
    values,
    defaultEffectiveCanisterId: Principal.fromText(first),
  };
}

export async function connect(
  url: string,
  identity: Ed25519KeyIdentity | undefined,
): Promise<HttpAgent> {
  try {
    return await HttpAgent.create({
      host: url,
      ...(identity && { identity }),
      shouldFetchRootKey: true,
    });
  } catch (fault) {
    throw new StartFault(
      `no replica answers on ${url} (${(fault as Error).message.split('\n')[0]})`,
      'start one with `npm start`',
    );
  }
}

type Names = Record<string, string>;

function namesFile(dataDir: string): string {
  return join(dataDir, 'canisters.json');
}

function readNames(dataDir: string): Names {
  const file = namesFile(dataDir);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Names) : {};
}

export function rememberCanister(dataDir: string, name: string, id: Principal): void {
  mkdirSync(dataDir, { recursive: true });
  writeDurably(
    namesFile(dataDir),
    `${JSON.stringify({ ...readNames(dataDir), [name]: id.toText() }, null, 2)}\n`,
  );
}

export function knownCanister(dataDir: string, name: string): Principal | undefined {
  const text = readNames(dataDir)[name];
  return text === undefined ? undefined : Principal.fromText(text);
}

/** A canister by its textual id or the name it was deployed under. */
export function resolveCanister(dataDir: string, text: string | undefined): Principal {
  if (text === undefined) throw new StartFault('which canister? give its name or id');
  const known = knownCanister(dataDir, text);
  if (known) return known;
  try {
    return Principal.fromText(text);
  } catch {
    const names = Object.keys(readNames(dataDir));
    throw new StartFault(
      `no canister is called ${text} here`,
      names.length > 0 ? `known names: ${names.join(', ')}` : 'deploy one: internode deploy FILE',
    );
  }
}

/** The interface that the canister carries as metadata; undefined when it has none that this caller may see. */
export async function readInterface(
  client: Client,
  canisterId: Principal,
): Promise<CandidInterface | undefined> {
  const status = await CanisterStatus.request({
    agent: client.agent,
    canisterId,
    paths: ['candid'],
  });
  const source = status.get('candid');
  return typeof source === 'string' ? parseInterface(source) : undefined;
}
