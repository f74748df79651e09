/**
 * What instrumentation costs: each kernel as compiled, and fully instrumented (metering, depth, undo
 * log with commit, canonical NaNs), in turns in one process, best of many runs.
 *
 * `node services/execution/bench/kernels.bench.ts [--json] [--no-hints] [--filter TEXT]`. Without
 * `--no-hints` V8 reads branch hints, as it does in executors.
 */
import v8 from 'node:v8';
import { installed, motoko, parsed, wat } from '../test/wasm/canisters.ts';
import { TestHost } from '../test/wasm/system-api.ts';
import { assembly } from './assembly.ts';
import { ASSEMBLY_KERNELS, ASSEMBLY_SOURCE, WAT_KERNELS, WAT_SOURCE } from './assembly-kernels.ts';
import { MOTOKO_KERNELS, MOTOKO_SOURCE } from './motoko-kernels.ts';

export interface KernelResult {
  readonly toolchain: string;
  readonly kernel: string;
  readonly rawMs: number;
  readonly instrumentedMs: number;
  readonly ratio: number;
  /** Weighted instructions of one run. */
  readonly instructions: number;
}

const ROUNDS = 25;
const ROUND_MS = 12;

/** The module as it is, on the same host. */
function raw(bytes: Uint8Array): (kernel: string) => void {
  const { info } = parsed(bytes);
  const host = new TestHost(info.memory?.is64 === true);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    ic0: host.functions(info.imports),
  });
  const memory = (instance.exports['mem'] ?? instance.exports['memory']) as WebAssembly.Memory;
  host.instance = {
    hostRead: (offset, length) => new Uint8Array(memory.buffer).slice(offset, offset + length),
    hostWrite: (offset, content) => new Uint8Array(memory.buffer).set(content, offset),
    instructionsLeft: () => 0,
  };
  const call = (name: string): void => (instance.exports[name] as () => void)();
  if (info.systemMethods.includes('canister_init')) call('canister_init');
  return (kernel) => {
    host.reply = [];
    call(`canister_update ${kernel}`);
  };
}

function compare(toolchain: string, bytes: Uint8Array, kernels: readonly string[]): KernelResult[] {
  const made = installed(bytes);
  const rawRun = raw(bytes);
  let instructions = 0;
  const fullRun = (kernel: string): void => {
    const result = made.run(`canister_update ${kernel}`, 4e12);
    if (result.kind === 'trapped') throw new Error(`${kernel}: ${result.trap.message}`);
    instructions = result.instructionsUsed;
    made.instance.commit();
  };
  return kernels.map((kernel) => {
    const [rawMs, instrumentedMs] = interleaved(
      () => rawRun(kernel),
      () => fullRun(kernel),
    );
    made.instance.collectDirty();
    return {
      toolchain,
      kernel,
      rawMs,
      instrumentedMs,
      ratio: instrumentedMs / rawMs,
      instructions,
    };
  });
}

/** The shortest time of one run of each, taking turns. */
function interleaved(first: () => void, second: () => void): [number, number] {
  const time = (run: () => void, count: number): number => {
    const start = performance.now();
    for (let index = 0; index < count; index++) run();
    return (performance.now() - start) / count;
  };
  const warm = Math.max(time(first, 3), time(second, 3));
  const count = Math.max(1, Math.round(ROUND_MS / warm));
  let best: [number, number] = [Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    best = [Math.min(best[0], time(first, count)), Math.min(best[1], time(second, count))];
  }
  return best;
}

export function geomean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

async function main(): Promise<void> {
  if (!process.argv.includes('--no-hints')) {
    v8.setFlagsFromString('--experimental-wasm-branch-hinting');
  }
  const at = process.argv.indexOf('--filter');
  const filter = at < 0 ? '' : (process.argv[at + 1] ?? '');
  const chosen = (toolchain: string, kernels: readonly string[]): readonly string[] =>
    kernels.filter((kernel) => `${toolchain} ${kernel}`.includes(filter));
  const results = [
    ...compare('Motoko', motoko(MOTOKO_SOURCE), chosen('Motoko', MOTOKO_KERNELS)),
    ...compare(
      'AssemblyScript',
      await assembly(ASSEMBLY_SOURCE),
      chosen('AssemblyScript', ASSEMBLY_KERNELS),
    ),
    ...compare('WAT', wat(WAT_SOURCE), chosen('WAT', WAT_KERNELS)),
  ];
  const mean = geomean(results.map(({ ratio }) => ratio));
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ results, geomean: mean }));
    return;
  }
  console.log('| toolchain | kernel | raw ms | instrumented ms | ratio | G weighted instr/s |');
  console.log('|---|---|---|---|---|---|');
  for (const { toolchain, kernel, rawMs, instrumentedMs, ratio, instructions } of results) {
    const speed = instructions / instrumentedMs / 1e6;
    const cells = [rawMs.toFixed(3), instrumentedMs.toFixed(3), ratio.toFixed(2), speed.toFixed(2)];
    console.log(`| ${toolchain} | ${kernel} | ${cells.join(' | ')} |`);
  }
  console.log(`| | geomean of ${results.length} | | | ${mean.toFixed(2)} | |`);
}

await main();
