/**
 * Enough of `ic0` for canisters under test: types of the base functions, and a host that has one
 * argument, keeps the reply, and traps for what it does not have.
 */
import {
  type HostFunctions,
  HostTrap,
  type ImportSignature,
  type ImportTable,
  type Instance,
} from '../../src/wasm/index.ts';

type Word = 'i32' | 'i64' | 'I';

function signature(text: string): ImportSignature {
  const [params, results] = text.split('>').map((part) => part.split('').map(wordOf)) as [
    Word[],
    Word[],
  ];
  return { params, results };
}

function wordOf(letter: string): Word {
  return letter === 'I' ? 'I' : letter === 'l' ? 'i64' : 'i32';
}

/** Letters: I pointer, l i64, i i32. */
const SIGNATURES: Readonly<Record<string, string>> = {
  msg_arg_data_size: '>I',
  msg_arg_data_copy: 'III>',
  msg_caller_size: '>I',
  msg_caller_copy: 'III>',
  msg_reject_code: '>i',
  msg_reject_msg_size: '>I',
  msg_reject_msg_copy: 'III>',
  msg_deadline: '>l',
  msg_reply_data_append: 'II>',
  msg_reply: '>',
  msg_reject: 'II>',
  msg_cycles_refunded128: 'I>',
  msg_cycles_available128: 'I>',
  msg_cycles_accept128: 'llI>',
  canister_self_size: '>I',
  canister_self_copy: 'III>',
  canister_status: '>i',
  canister_cycle_balance128: 'I>',
  canister_version: '>l',
  call_new: 'IIIIIIII>',
  call_on_cleanup: 'II>',
  call_data_append: 'II>',
  call_with_best_effort_response: 'i>',
  call_cycles_add128: 'll>',
  call_perform: '>i',
  stable64_size: '>l',
  stable64_grow: 'l>l',
  stable64_write: 'lll>',
  stable64_read: 'lll>',
  certified_data_set: 'II>',
  data_certificate_present: '>i',
  data_certificate_size: '>I',
  data_certificate_copy: 'III>',
  time: '>l',
  global_timer_set: 'l>l',
  performance_counter: 'i>l',
  is_controller: 'II>i',
  in_replicated_execution: '>i',
  debug_print: 'II>',
  trap: 'II>',
  cycles_burn128: 'llI>',
};

export const IMPORTS: ImportTable = new Map(
  Object.entries(SIGNATURES).map(([name, text]) => [name, signature(text)]),
);

export class TestHost {
  argument: Uint8Array = new TextEncoder().encode('DIDL\0\0');
  reply: number[] = [];
  printed: string[] = [];
  instance: Pick<Instance, 'hostRead' | 'hostWrite' | 'instructionsLeft'> | undefined;
  readonly #is64: boolean;

  constructor(is64: boolean) {
    this.#is64 = is64;
  }

  functions(names: readonly string[]): HostFunctions {
    const own = this.#own();
    const missing = (name: string) => (): never => {
      throw new HostTrap({ code: 'IC0502', message: `Canister trapped: no ${name} here` });
    };
    return Object.fromEntries(names.map((name) => [name, own[name] ?? missing(name)]));
  }

  #pointer(value: number): number | bigint {
    return this.#is64 ? BigInt(value) : value;
  }

  #bytes(source: unknown, size: unknown): Uint8Array {
    return this.instance?.hostRead(Number(source), Number(size)) ?? new Uint8Array(0);
  }

  #own(): Record<string, (...args: never[]) => number | bigint | undefined> {
    const text = (source: unknown, size: unknown): string =>
      new TextDecoder().decode(this.#bytes(source, size));
    const copy =
      (from: () => Uint8Array) =>
      (to: never, offset: never, size: never): undefined => {
        const start = Number(offset);
        this.instance?.hostWrite(Number(to), from().subarray(start, start + Number(size)));
      };
    const caller = new Uint8Array([4]);
    return {
      msg_arg_data_size: () => this.#pointer(this.argument.length),
      msg_arg_data_copy: copy(() => this.argument),
      msg_caller_size: () => this.#pointer(caller.length),
      msg_caller_copy: copy(() => caller),
      canister_self_size: () => this.#pointer(caller.length),
      canister_self_copy: copy(() => caller),
      msg_reply_data_append: (source: never, size: never): undefined => {
        this.reply.push(...this.#bytes(source, size));
      },
      msg_reply: () => undefined,
      canister_status: () => 1,
      time: () => 1_620_328_630_000_000_000n,
      stable64_size: () => 0n,
      stable64_grow: () => 0n,
      global_timer_set: () => 0n,
      in_replicated_execution: () => 1,
      performance_counter: () => BigInt(this.instance?.instructionsLeft() ?? 0),
      debug_print: (source: never, size: never): undefined => {
        this.printed.push(text(source, size));
      },
      trap: (source: never, size: never): never => {
        const message = `Canister called \`ic0.trap\` with message: ${text(source, size)}`;
        throw new HostTrap({ code: 'IC0503', message });
      },
    };
  }
}
