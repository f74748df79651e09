/** Counter increments a second: in place, and through a pool of workers with many under way. */
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxPool } from '../src/adapters/sandbox-pool.ts';
import { createInPlaceSandbox } from '../src/sandbox/in-place.ts';
import type { Answer, Context, Executed, Task } from '../src/sandbox/interface.ts';

interface Motoko {
  write(file: string, source: string): void;
  wasm(file: string, mode: string): { readonly wasm: Uint8Array };
}

const compiler = createRequire(import.meta.url)('motoko').default as Motoko;
compiler.write(
  'main.mo',
  'persistent actor { var n = 0; public func inc() : async () { n += 1 } }',
);
const COUNTER = new Uint8Array(compiler.wasm('main.mo', 'ic').wasm);
const EMPTY = new TextEncoder().encode('DIDL\0\0');
const ROUNDS = 5;
const CANISTERS = 10;
const UNDER_WAY = 500;

const contextOf = (index: number): Context => ({
  canisterId: new Uint8Array([0, 0, 0, 0, 0, 0, 0, index, 1, 1]),
  caller: new Uint8Array(29).fill(7),
  senderInfo: undefined,
  timeNanos: 1_700_000_000_000_000_000n,
  status: 'running',
  canisterVersion: 1n,
  controllers: [new Uint8Array(29).fill(7)],
  balance: 100_000_000_000_000n,
  freezingReserve: 1_000_000n,
  cyclesAvailable: 0n,
  cyclesRefunded: 0n,
  responded: false,
  deadlineNanos: 0n,
  contextInstructions: 0n,
  instructionLimit: 40_000_000_000n,
  wasmMemoryLimit: 3 * 2 ** 30,
  globalTimerNanos: 0n,
  subnetId: new Uint8Array(29).fill(8),
  subnetNodes: 13,
  rootKeyDer: new Uint8Array(133),
  environmentVariables: [],
  dataCertificate: undefined,
  callSlots: 500,
  callSlotsPerCallee: 500,
  openCalls: {},
  nextLogIndex: 0n,
});

const increment = (index: number): Task => ({
  kind: 'execute',
  entry: { kind: 'update', method: 'inc', argument: EMPTY },
  context: contextOf(index),
  session: undefined,
});

type Ask = (task: Task) => Promise<Answer>;

async function installAll(ask: Ask): Promise<void> {
  const prepared = await ask({ kind: 'prepare', wasm: COUNTER });
  if (prepared.kind !== 'prepared') throw new Error('the counter is not a module');
  for (let index = 0; index < CANISTERS; index += 1) {
    const installed = await ask({
      kind: 'install',
      mode: 'install',
      moduleHash: prepared.facts.hash,
      argument: EMPTY,
      skipPreUpgrade: false,
      keepHeap: false,
      context: contextOf(index),
      versionAfter: 1n,
    });
    checked(installed);
  }
}

function checked(answer: Answer): void {
  const { trap } = answer as Executed;
  if (trap !== undefined) throw new Error(trap.message);
}

function report(name: string, perSecond: readonly number[]): void {
  const best = Math.max(...perSecond);
  const each = perSecond.map((value) => Math.round(value)).join(' ');
  console.log(
    `${name.padEnd(44)} ${Math.round(best).toLocaleString('en').padStart(9)} /s   (${each})`,
  );
}

async function inPlace(): Promise<void> {
  const sandbox = createInPlaceSandbox();
  await installAll(async (task) => sandbox.run(task));
  const run = (count: number, collect: boolean): number => {
    const start = performance.now();
    for (let i = 0; i < count; i += 1) {
      checked(sandbox.run(increment(i % CANISTERS)));
      if (collect && i % 1_000 === 999) sandbox.run({ kind: 'collect' });
    }
    return (count * 1_000) / (performance.now() - start);
  };
  run(20_000, true);
  report(
    'in place',
    Array.from({ length: ROUNDS }, () => run(20_000, false)),
  );
  sandbox.run({ kind: 'collect' });
  report(
    'in place, collected every 1,000',
    Array.from({ length: ROUNDS }, () => run(20_000, true)),
  );
}

async function pooled(workers: number): Promise<void> {
  const onFault = (reason: Error): void => {
    throw reason;
  };
  const cacheDirectory = join(tmpdir(), 'internode-bench-modules');
  const pool = new SandboxPool({ workers, cacheDirectory, onFault });
  await installAll(
    (task) =>
      new Promise((resolve) => {
        pool.solve(task, resolve);
      }),
  );
  const run = (count: number): Promise<number> =>
    new Promise((resolve) => {
      const start = performance.now();
      let said = 0;
      let answers = 0;
      const say = (): void => {
        said += 1;
        pool.solve(increment(said % CANISTERS), (answer) => {
          checked(answer);
          answers += 1;
          if (answers === count) resolve((count * 1_000) / (performance.now() - start));
          else if (said < count) say();
        });
      };
      while (said < Math.min(count, UNDER_WAY)) say();
    });
  await run(20_000);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await run(20_000));
  report(`pool of ${workers}, ${UNDER_WAY} under way`, rounds);
  const alone = performance.now();
  for (let i = 0; i < 2_000; i += 1) {
    await new Promise<Answer>((resolve) => {
      pool.solve(increment(i % CANISTERS), resolve);
    });
  }
  console.log(
    `pool of ${workers}, one at a time: ${(((performance.now() - alone) / 2_000) * 1_000).toFixed(1)} us each`,
  );
  await pool.close();
}

await inPlace();
await pooled(1);
await pooled(2);
