/**
 * The system API `ic0` (interface-spec 3): each function once: type, contexts, meaning.
 * `SYSTEM_IMPORTS` is what the validator admits, `linkSystemApi` what V8 is given.
 */
import type { HostFunctions, ImportTable, ModuleInfo } from '../wasm/index.ts';
import { CALL_CALLS } from './api/calls.ts';
import { COST_CALLS } from './api/costs.ts';
import { type Definition, signatureOf } from './api/define.ts';
import { ENVIRONMENT_CALLS } from './api/environment.ts';
import { type Host, type HostFunction, linkOne } from './api/link.ts';
import { MESSAGE_CALLS } from './api/message.ts';
import { STABLE_CALLS } from './api/stable.ts';

const DEFINITIONS: ReadonlyMap<string, Definition> = new Map(
  [...MESSAGE_CALLS, ...CALL_CALLS, ...STABLE_CALLS, ...ENVIRONMENT_CALLS, ...COST_CALLS].map(
    (definition) => [definition.name, definition],
  ),
);

/** Names and exact types of all functions that a module may import from `ic0`. */
export const SYSTEM_IMPORTS: ImportTable = new Map(
  [...DEFINITIONS].map(([name, definition]) => [name, signatureOf(definition)]),
);

/** The functions a module imports; they act on the execution that `host` holds at that time. */
export function linkSystemApi(info: ModuleInfo, host: Host): HostFunctions {
  const memory64 = info.memory?.is64 === true;
  const functions: Record<string, HostFunction> = {};
  for (const name of info.imports) {
    const definition = DEFINITIONS.get(name);
    if (definition !== undefined) functions[name] = linkOne(definition, memory64, host);
  }
  return functions as HostFunctions;
}
