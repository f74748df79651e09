import { StartFault } from '../start-fault.ts';
import { type Client, openClient, resolveCanister } from './client.ts';
import { managementOf } from './management.ts';

export async function canister(args: readonly string[]): Promise<void> {
  const [verb, ...rest] = args;
  if (verb !== 'status' && verb !== 'logs')
    throw new StartFault('internode canister status|logs CANISTER');
  const client = await openClient(rest);
  await (verb === 'status' ? status(client) : logs(client));
}

async function status(client: Client): Promise<void> {
  const canisterId = resolveCanister(client.dataDir, client.positionals[0]);
  const found = await managementOf(client.agent, canisterId).canister_status({
    canister_id: canisterId,
  });
  const [hash] = found.module_hash;
  const view = {
    canister_id: canisterId.toText(),
    status: Object.keys(found.status)[0],
    version: String(found.version),
    cycles: String(found.cycles),
    idle_cycles_burned_per_day: String(found.idle_cycles_burned_per_day),
    memory_bytes: String(found.memory_size),
    module_hash: hash ? Buffer.from(hash).toString('hex') : null,
    controllers: found.settings.controllers.map((controller) => controller.toText()),
  };
  if (client.json) console.log(JSON.stringify(view));
  else
    for (const [name, value] of Object.entries(view))
      console.log(`${name.padEnd(28)}${value ?? '(empty)'}`);
}

async function logs(client: Client): Promise<void> {
  const canisterId = resolveCanister(client.dataDir, client.positionals[0]);
  const { canister_log_records: records } = await managementOf(
    client.agent,
    canisterId,
  ).fetch_canister_logs({
    canister_id: canisterId,
  });
  for (const { idx, timestamp_nanos: nanos, content } of records) {
    const time = new Date(Number(nanos / 1_000_000n)).toISOString();
    const text = new TextDecoder().decode(content);
    console.log(
      client.json ? JSON.stringify({ idx: String(idx), time, text }) : `[${idx}] ${time} ${text}`,
    );
  }
}
