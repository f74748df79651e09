import { readFileSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { CanisterStatus } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import type { Principal } from '@icp-sdk/core/principal';
import { StartFault } from '../start-fault.ts';
import { type Client, knownCanister, openClient, rememberCanister } from './client.ts';
import { type InstallMode, managementOf } from './management.ts';

export async function deploy(args: readonly string[]): Promise<void> {
  const client = await openClient(args);
  const [file] = client.positionals;
  if (file === undefined) throw new StartFault('which file? internode deploy FILE');
  // npm runs scripts in the repository's root; the file is named from where the person stands.
  const wasm = await readModule(resolve(process.env['INIT_CWD'] ?? '.', file));
  const name = String(client.values['name'] ?? basename(file).replace(/\.(mo|wasm|wasm\.gz)$/, ''));
  const known = knownCanister(client.dataDir, name);
  const canisterId = known ?? (await create(client));
  const installed = known !== undefined && (await hasModule(client, known));
  await managementOf(client.agent, canisterId).install_code({
    mode: chooseMode(client, installed, wasm),
    canister_id: canisterId,
    wasm_module: wasm,
    arg: new Uint8Array(IDL.encode([], [])),
  });
  rememberCanister(client.dataDir, name, canisterId);
  if (client.json)
    console.log(JSON.stringify({ name, canisterId: canisterId.toText(), bytes: wasm.length }));
  else
    console.log(
      `${installed ? 'Upgraded' : 'Installed'} ${name} (${wasm.length} bytes): ${canisterId.toText()}`,
    );
}

async function create(client: Client): Promise<Principal> {
  const management = managementOf(client.agent, client.defaultEffectiveCanisterId);
  return (await management.provisional_create_canister_with_cycles({ amount: [] })).canister_id;
}

async function hasModule(client: Client, canisterId: Principal): Promise<boolean> {
  const status = await CanisterStatus.request({
    agent: client.agent,
    canisterId,
    paths: ['module_hash'],
  });
  return Boolean(status.get('module_hash'));
}

/** Motoko's modules say by a section whether their heap must be kept (interface-spec 5.9). */
function chooseMode(client: Client, installed: boolean, wasm: Uint8Array): InstallMode {
  const mode = client.values['mode'] ?? (installed ? 'upgrade' : 'install');
  if (mode === 'install') return { install: null };
  if (mode === 'reinstall') return { reinstall: null };
  if (mode !== 'upgrade')
    throw new StartFault(`--mode ${mode} is unknown: install, reinstall or upgrade`);
  const keeps = Buffer.from(wasm).includes('enhanced-orthogonal-persistence');
  return {
    upgrade: [{ skip_pre_upgrade: [], wasm_memory_persistence: keeps ? [{ keep: null }] : [] }],
  };
}

async function readModule(file: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (fault) {
    throw new StartFault(`cannot read ${file}: ${(fault as Error).message}`);
  }
  if (extname(file) !== '.mo') return bytes;
  const { compileMotoko } = await import('./motoko.ts');
  return compileMotoko(file, bytes.toString('utf8'));
}
