// The subnet's record and members, through the official client: every answer is verified against the subnet's key.
import { Actor, type HttpAgent, SubnetStatus } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { Principal } from '@icp-sdk/core/principal';
import type { SubnetRecord } from '@internode/contracts';
import { principalToText } from '@internode/encoding';
import { RECORD } from '../forms.ts';
import { CANISTER_RANGES } from '../genesis.ts';
import { StartFault } from '../start-fault.ts';
import { connect } from './client.ts';

const SERVICE = IDL.Service({
  internode_subnet_record: IDL.Func([], [IDL.Vec(IDL.Nat8)], []),
  internode_set_subnet_record: IDL.Func([IDL.Vec(IDL.Nat8)], [], []),
});

interface Methods {
  internode_subnet_record(): Promise<Uint8Array>;
  internode_set_subnet_record(record: Uint8Array): Promise<void>;
}

export interface Controller {
  readonly agent: HttpAgent;
  readonly subnetId: string;
  /** Of the ceremony key; absent: it can look at what everybody may see. */
  readonly secret: Uint8Array | undefined;
}

export async function openController(options: {
  readonly url: string;
  readonly subnetId: string;
  readonly secret: Uint8Array | undefined;
}): Promise<Controller> {
  const { url, secret, subnetId } = options;
  const identity = secret && Ed25519KeyIdentity.generate(secret);
  return { agent: await connect(url, identity), subnetId, secret };
}

export async function readRecord(controller: Controller): Promise<SubnetRecord> {
  const bytes = await explained(methodsOf(controller).internode_subnet_record());
  const record = RECORD.decode(new Uint8Array(bytes));
  if (record.kind !== 'valid') throw new StartFault(`the subnet's record: ${record.reason}`);
  return record.value;
}

export async function setRecord(controller: Controller, record: SubnetRecord): Promise<void> {
  await explained(methodsOf(controller).internode_set_subnet_record(RECORD.encode(record)));
}

/** Node ids of the epoch in force, from the certified tree. */
export async function membersInForce({ agent, subnetId }: Controller): Promise<string[]> {
  const status = await SubnetStatus.request({
    agent,
    subnetId: Principal.fromText(subnetId),
    paths: ['nodeKeys'],
  });
  const keys = status.get('nodeKeys');
  if (!(keys instanceof Map)) throw new StartFault('the subnet shows no nodes');
  return [...keys.keys()].map(String);
}

function methodsOf({ agent }: Controller) {
  const [first] = CANISTER_RANGES[0] ?? [new Uint8Array()];
  const effectiveCanisterId = Principal.fromText(principalToText(first));
  return Actor.createActor<Methods>(() => SERVICE, {
    agent,
    canisterId: Principal.managementCanister(),
    effectiveCanisterId,
    callTransform: () => ({ effectiveCanisterId }),
  });
}

async function explained<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (fault) {
    const text = (fault as Error).message;
    const [, reason] = /Reject text: ([^\n]*(?:\n[^\n:]*: [a-z0-9-]+)*)/.exec(text) ?? [];
    throw new StartFault(`the subnet refuses: ${reason ?? text}`);
  }
}
