/** Which function of a module an entry means, and with what it is started. */
import { unreachable } from '@internode/prelude';
import type { ModuleInfo, Entry as WasmEntry } from '../wasm/index.ts';
import type { Entry, Trap } from './interface.ts';

export type EntryPoint =
  | { readonly kind: 'run'; readonly entry: WasmEntry }
  /** A hook that the module does not have: there is nothing to do, which is a success. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'missing'; readonly trap: Trap };

export function entryPointOf(entry: Entry, info: ModuleInfo): EntryPoint {
  switch (entry.kind) {
    case 'update':
      return method(info.updates.includes(entry.method), 'update', entry.method);
    case 'query':
      return method(info.queries.includes(entry.method), 'query', entry.method);
    case 'composite_query': {
      const known = info.compositeQueries.includes(entry.method);
      return method(known, 'composite_query', entry.method);
    }
    case 'inspect_message':
    case 'heartbeat':
    case 'global_timer':
    case 'on_low_wasm_memory':
      return hook(info, `canister_${entry.kind}`);
    case 'reply_callback':
    case 'reject_callback':
    case 'cleanup': {
      const { function: index, environment: env } = entry.callback;
      return { kind: 'run', entry: { kind: 'callback', index, env } };
    }
    default:
      return unreachable(entry);
  }
}

export function hook(info: ModuleInfo, name: string): EntryPoint {
  if (!info.systemMethods.includes(name)) return { kind: 'absent' };
  return { kind: 'run', entry: { kind: 'export', name } };
}

function method(known: boolean, kind: string, name: string): EntryPoint {
  if (known) return { kind: 'run', entry: { kind: 'export', name: `canister_${kind} ${name}` } };
  const message = `Canister has no ${kind.replace('_', ' ')} method '${name}'.`;
  return { kind: 'missing', trap: { code: 'IC0536', message } };
}

const NOTHING = new Uint8Array(0);

/** The parts of an execution's input that come from its entry. */
export function inputOf(entry: Entry) {
  const none = { argument: NOTHING, methodName: '', rejectCode: 0, rejectMessage: NOTHING };
  switch (entry.kind) {
    case 'update':
    case 'query':
    case 'composite_query':
    case 'inspect_message':
      return { ...none, argument: entry.argument, methodName: entry.method };
    case 'reply_callback':
      return { ...none, argument: entry.reply };
    case 'reject_callback': {
      const rejectMessage = new TextEncoder().encode(entry.message);
      return { ...none, rejectCode: entry.code, rejectMessage };
    }
    case 'cleanup':
      return { ...none, rejectCode: entry.code };
    case 'heartbeat':
    case 'global_timer':
    case 'on_low_wasm_memory':
      return none;
    default:
      return unreachable(entry);
  }
}
