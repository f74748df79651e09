/** Which exports a canister may have, and what they are (interface-spec 4.1). */
import { malformed } from './binary-reader.ts';

const METHODS_MAX = 1_000;
const METHOD_NAME_BYTES_MAX = 20_000;

const SYSTEM_METHODS: ReadonlySet<string> = new Set([
  'canister_init',
  'canister_pre_upgrade',
  'canister_post_upgrade',
  'canister_inspect_message',
  'canister_heartbeat',
  'canister_global_timer',
  'canister_on_low_wasm_memory',
]);

export interface ExportedMethods {
  readonly updates: string[];
  readonly queries: string[];
  readonly compositeQueries: string[];
  readonly systemMethods: string[];
}

export class ExportNames implements ExportedMethods {
  readonly updates: string[] = [];
  readonly queries: string[] = [];
  readonly compositeQueries: string[] = [];
  readonly systemMethods: string[] = [];
  readonly #seen = new Set<string>();
  #nameBytes = 0;

  /** True when the export is one that the host will run. */
  add(name: string, isFunction: boolean): boolean {
    if (!name.startsWith('canister_')) return false;
    if (!isFunction) malformed(`export '${name}' must be a function`);
    if (SYSTEM_METHODS.has(name)) {
      this.systemMethods.push(name);
      return true;
    }
    const space = name.indexOf(' ');
    const list = this.#listOf(name.slice(0, Math.max(space, 0)));
    const method = name.slice(space + 1);
    if (list === undefined)
      malformed(`export '${name}' begins with 'canister_' but is not reserved`);
    if (method.startsWith(' ')) malformed(`export '${name}' has more than one space`);
    if (this.#seen.has(method)) malformed(`method '${method}' is exported more than once`);
    this.#seen.add(method);
    list.push(method);
    this.#nameBytes += new TextEncoder().encode(method).length;
    if (this.#seen.size > METHODS_MAX) malformed(`more than ${METHODS_MAX} exported methods`);
    if (this.#nameBytes > METHOD_NAME_BYTES_MAX) {
      malformed(`names of exported methods exceed ${METHOD_NAME_BYTES_MAX} bytes`);
    }
    return true;
  }

  #listOf(prefix: string): string[] | undefined {
    switch (prefix) {
      case 'canister_update':
        return this.updates;
      case 'canister_query':
        return this.queries;
      case 'canister_composite_query':
        return this.compositeQueries;
      default:
        return undefined;
    }
  }
}
