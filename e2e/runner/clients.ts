// The official clients, current and previous, unmodified and with every check on, behind the few words that tests need.
import * as previousAgent from '@dfinity/agent';
import * as previousCandid from '@dfinity/candid';
import * as previousIdentity from '@dfinity/identity';
import * as previousPrincipal from '@dfinity/principal';
import * as currentAgent from '@icp-sdk/core/agent';
import * as currentCandid from '@icp-sdk/core/candid';
import * as currentIdentity from '@icp-sdk/core/identity';
import * as currentPrincipal from '@icp-sdk/core/principal';
import { managementInterface } from './interfaces.ts';
import type { Replica } from './replica.ts';

type Method = (...values: unknown[]) => Promise<unknown>;
export type AnyActor = Readonly<Record<string, Method>>;
type Interface = typeof managementInterface;

export interface Canister {
  readonly id: string;
  readonly actor: AnyActor;
}

export interface Client {
  readonly principal: string;
  actor(shape: Interface, canisterId: string): AnyActor;
  /** Calls on the management canister, routed by a canister's id. */
  management(effectiveCanisterId: string): AnyActor;
  create(amount?: bigint): Promise<string>;
  install(canisterId: string, wasm: Uint8Array, options?: InstallOptions): Promise<void>;
  deploy(shape: Interface, wasm: Uint8Array, argument?: Uint8Array): Promise<Canister>;
  principalOf(text: string): unknown;
}

export interface InstallOptions {
  readonly mode?: unknown;
  readonly argument?: Uint8Array;
}

export interface ClientLibrary {
  readonly name: string;
  open(
    replica: Pick<Replica, 'gatewayUrl' | 'defaultEffectiveCanisterId'>,
    seed?: number,
  ): Promise<Client>;
}

export const EMPTY_ARGUMENT = Uint8Array.from([0x44, 0x49, 0x44, 0x4c, 0, 0]);
export const INSTALL = { install: null };
export const REINSTALL = { reinstall: null };
export const UPGRADE = { upgrade: [] };
export const UPGRADE_KEEP = {
  upgrade: [{ skip_pre_upgrade: [], wasm_memory_persistence: [{ keep: null }] }],
};

/** The two libraries share names and shapes but not types: this is the part that tests use. */
interface Modules {
  readonly Actor: { createActor(shape: unknown, config: object): unknown };
  readonly HttpAgent: { create(options: object): Promise<unknown> };
  readonly Ed25519KeyIdentity: {
    generate(seed: Uint8Array): { getPrincipal(): { toText(): string } };
  };
  readonly Principal: { fromText(text: string): { toText(): string } };
  readonly IDL: unknown;
}

function library(name: string, modules: Modules): ClientLibrary {
  return {
    name,
    open: async (replica, seed = 1) => {
      const identity = modules.Ed25519KeyIdentity.generate(new Uint8Array(32).fill(seed));
      const agent = await modules.HttpAgent.create({
        host: replica.gatewayUrl,
        identity,
        shouldFetchRootKey: true,
      });
      return clientOf(
        modules,
        agent,
        identity.getPrincipal().toText(),
        replica.defaultEffectiveCanisterId,
      );
    },
  };
}

function clientOf(modules: Modules, agent: unknown, principal: string, firstId: string): Client {
  const { Actor, Principal } = modules;
  const actor = (shape: Interface, canisterId: string): AnyActor =>
    Actor.createActor(shape, { agent, canisterId }) as AnyActor;
  const management = (target: string): AnyActor => {
    const effectiveCanisterId = Principal.fromText(target);
    return Actor.createActor(managementInterface, {
      agent,
      canisterId: Principal.fromText('aaaaa-aa'),
      effectiveCanisterId,
      callTransform: () => ({ effectiveCanisterId }),
      queryTransform: () => ({ effectiveCanisterId }),
    }) as AnyActor;
  };
  const call = (target: string, method: string, argument: object): Promise<unknown> =>
    (management(target)[method] as Method)(argument);
  const create = async (amount?: bigint): Promise<string> => {
    const argument = {
      amount: amount === undefined ? [] : [amount],
      settings: [],
      specified_id: [],
    };
    const created = await call(firstId, 'provisional_create_canister_with_cycles', argument);
    return (created as { canister_id: { toText(): string } }).canister_id.toText();
  };
  const install = async (
    id: string,
    wasm: Uint8Array,
    { mode = INSTALL, argument = EMPTY_ARGUMENT }: InstallOptions = {},
  ) => {
    await call(id, 'install_code', {
      mode,
      canister_id: Principal.fromText(id),
      wasm_module: wasm,
      arg: argument,
    });
  };
  return {
    principal,
    actor,
    management,
    create,
    install,
    deploy: async (shape, wasm, argument = EMPTY_ARGUMENT) => {
      const id = await create();
      await install(id, wasm, { argument });
      return { id, actor: actor(shape, id) };
    },
    principalOf: (text) => Principal.fromText(text),
  };
}

const current = { ...currentAgent, ...currentCandid, ...currentIdentity, ...currentPrincipal };
const previous = { ...previousAgent, ...previousCandid, ...previousIdentity, ...previousPrincipal };

export const currentClient = library('@icp-sdk/core', current as unknown as Modules);
export const previousClient = library('@dfinity/agent', previous as unknown as Modules);
export const CLIENT_LIBRARIES = [currentClient, previousClient];
