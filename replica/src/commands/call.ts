import { Actor } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import { parseArguments, printValues } from '../candid/value.ts';
import { StartFault } from '../start-fault.ts';
import { openClient, readInterface, resolveCanister } from './client.ts';

export async function call(args: readonly string[]): Promise<void> {
  const client = await openClient(args);
  const [canister, methodName, text = ''] = client.positionals;
  const canisterId = resolveCanister(client.dataDir, canister);
  if (methodName === undefined)
    throw new StartFault('which method? internode call CANISTER METHOD [ARGS]');
  const methods = (await readInterface(client, canisterId))?.methods;
  if (!methods) {
    throw new StartFault(
      `canister ${canister} shows no interface (metadata candid:service) to this identity`,
    );
  }
  const method = methods.get(methodName);
  if (!method) {
    throw new StartFault(
      `canister ${canister} has no method ${methodName}`,
      `it has: ${[...methods.keys()].join(', ')}`,
    );
  }
  const isQuery = method.annotations.some((mode) => mode === 'query' || mode === 'composite_query');
  if (client.values['query'] && !isQuery) throw new StartFault(`${methodName} is an update method`);
  const values = parseArguments(text, method.argTypes);
  const actor = Actor.createActor(() => IDL.Service({ [methodName]: method }), {
    agent: client.agent,
    canisterId,
  });
  const run = actor[methodName] as (...values: unknown[]) => Promise<unknown>;
  const result = await run(...values);
  const results = method.retTypes.length === 1 ? [result] : ((result ?? []) as unknown[]);
  console.log(printValues(results, method.retTypes));
}
