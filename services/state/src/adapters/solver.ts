// The store and the curve behind the core's tasks.
import { HANDED_BYTES_MAX, type Solver } from '@internode/actor';
import type { BlsEngine } from '@internode/crypto';
import { stateRootMessage } from '@internode/hash-tree';
import { assert, give, unreachable } from '@internode/prelude';
import { StorageFault, type Store } from '@internode/storage';
import type { MemoryStore } from '@internode/storage/memory';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import type { StateAnswer, StateTask } from '../core/task.ts';
import { withChecksum, withoutChecksum } from './checksum.ts';
import { EngineInPlace } from './engine-in-place.ts';

interface Verifier {
  readonly bls: Pick<BlsEngine, 'verify'>;
  /** The subnet's key, 96 bytes. */
  readonly publicKey: Uint8Array;
}

export interface StateSolverOptions extends Verifier {
  /** Opened with the extension `CHECKPOINTS` where the service makes checkpoints. */
  readonly store: Store & {
    call?(request: unknown, give?: readonly ArrayBuffer[]): Promise<unknown>;
  };
  /** Told when what is stored must not be served, with a message for people. The node cannot go on. */
  readonly onRefused?: (fault: Error) => void;
}

/** The store is closed by whoever opened it, after the service has stopped. */
export function createStateSolver(options: StateSolverOptions): Solver<StateTask, StateAnswer> {
  return {
    solve: (task, answer) => {
      solve(options, task).then(answer, (error: unknown) => answer(failureOf(error)));
    },
  };
}

async function solve(options: StateSolverOptions, task: StateTask): Promise<StateAnswer> {
  const { store } = options;
  switch (task.kind) {
    case 'write':
      await store.write(task.changes.map(withChecksum), { sync: task.sync });
      return { kind: 'written' };
    case 'sweep':
      await store.deleteRange(task.range, { sync: false });
      return { kind: 'swept' };
    case 'get':
      return gotOf(task.key, await store.get(task.key));
    case 'range': {
      const entries = await store.range({ ...task.range, limit: task.limit });
      return { kind: 'rows', rows: entries.map(withoutChecksum) };
    }
    case 'engine': {
      assert(store.call !== undefined, 'a store without checkpoints');
      const answer = (await store.call(task.request, given(task.request))) as EngineAnswer;
      // From the store's thread, and nobody's but the peer's whom it is for.
      if (answer.kind === 'served') give(answer.answer);
      return { kind: 'engine', answer };
    }
    case 'verify':
    case 'verify-package':
      return verify(options, task);
    case 'refuse':
      options.onRefused?.(new Error(task.detail));
      return { kind: 'refused' };
    default:
      return unreachable(task);
  }
}

/** The same in place on a store in memory, for worlds that draw when to answer. */
export function solveStateInPlace(
  options: Verifier & { readonly store: MemoryStore },
  task: StateTask,
): StateAnswer {
  const { store } = options;
  try {
    switch (task.kind) {
      case 'write':
        engineOf(store).write(task.changes, { sync: task.sync });
        return { kind: 'written' };
      case 'sweep':
        store.deleteRangeNow(task.range, { sync: false });
        return { kind: 'swept' };
      case 'get':
        return gotOf(task.key, store.getNow(task.key));
      case 'range': {
        const entries = store.rangeNow({ ...task.range, limit: task.limit });
        return { kind: 'rows', rows: entries.map(withoutChecksum) };
      }
      case 'engine':
        return { kind: 'engine', answer: engineOf(store).call(task.request) };
      case 'verify':
      case 'verify-package':
        return verify(options, task);
      case 'refuse':
        return { kind: 'refused' };
      default:
        return unreachable(task);
    }
  } catch (error) {
    return failureOf(error);
  }
}

/** The ids and names beside a chunk in the message that brought it, and in the frame of the peer that did, at most. */
const BESIDE_BYTES_MAX = 256;

/**
 * Chunks of a peer are large, and with the message that brought them nobody else's: they go to the store's thread without a copy.
 * A small one may be handed over, and so be others' too; a view of anything larger is copied, for it may be of more than that message.
 */
function given(request: EngineRequest): ArrayBuffer[] {
  if (request.kind !== 'apply') return [];
  const { buffer, byteLength } = request.answer;
  const isAlone = buffer.byteLength - byteLength <= BESIDE_BYTES_MAX;
  return isAlone && byteLength > HANDED_BYTES_MAX ? [buffer as ArrayBuffer] : [];
}

/** The engine lives as long as the store; a new life of the core makes it forget. */
const engines = new WeakMap<MemoryStore, EngineInPlace>();

function engineOf(store: MemoryStore): EngineInPlace {
  const engine = engines.get(store) ?? new EngineInPlace(store);
  engines.set(store, engine);
  return engine;
}

function gotOf(key: Uint8Array, value: Uint8Array | undefined): StateAnswer {
  return { kind: 'got', value: value && withoutChecksum({ key, value }).value };
}

function verify(
  { bls, publicKey }: Verifier,
  task: Extract<StateTask, { kind: 'verify' | 'verify-package' }>,
): StateAnswer {
  const { signature } = task;
  const message = task.kind === 'verify' ? stateRootMessage(task.root) : task.message;
  return {
    kind: 'verified',
    valid: bls.verify({ publicKey, message, signature }).kind === 'valid',
  };
}

function failureOf(error: unknown): StateAnswer {
  if (!(error instanceof StorageFault)) throw error;
  const { code, message } = error;
  const known = code === 'full' || code === 'corrupt' ? code : 'broken';
  return { kind: 'failed', fault: { code: known, detail: message } };
}
