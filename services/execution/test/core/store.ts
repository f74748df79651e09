/** What the state service would keep, as far as execution asks for it. */
import type { BatchExecuted, CanisterImage, Message, RequestChange } from '@internode/contracts';
import { assert, fromHex, toHex } from '@internode/prelude';

const NOTHING = new Uint8Array(0);

interface StoredCanister {
  systemState: Uint8Array;
  readonly memories: { heap: Stored; stable: Stored };
}
interface Stored {
  sizeBytes: number;
  pages: Map<number, Uint8Array>;
}

const empty = (): Stored => ({ sizeBytes: 0, pages: new Map() });

export class Store {
  height = 0;
  /** Goes on over restarts, so that no two calls are the same. */
  nonces = 0;
  timeNanos = 0n;
  subnetState: Uint8Array = NOTHING;
  readonly canisters = new Map<string, StoredCanister>();
  readonly records = new Map<string, BatchExecuted['canisters'][number]['record']>();
  readonly modules = new Map<string, Uint8Array>();
  readonly requests = new Map<string, RequestChange>();

  apply(executed: BatchExecuted): void {
    if (executed.height <= this.height) return;
    assert(executed.height === this.height + 1, 'a gap in executed heights');
    this.height = executed.height;
    this.timeNanos = executed.timeNanos;
    this.subnetState = executed.subnetState;
    for (const request of executed.requests) this.requests.set(toHex(request.requestId), request);
    for (const id of executed.forgottenRequests)
      assert(this.requests.delete(toHex(id)), 'forgot the unknown');
    for (const module of executed.modules) this.modules.set(toHex(module.hash), module.content);
    for (const hash of executed.droppedModules)
      assert(this.modules.delete(toHex(hash)), 'dropped the unknown');
    for (const change of executed.canisters) this.#change(change);
  }

  #change(change: BatchExecuted['canisters'][number]): void {
    const key = toHex(change.canisterId);
    if (change.deleted) {
      this.canisters.delete(key);
      this.records.delete(key);
      return;
    }
    if (change.record !== undefined) this.records.set(key, change.record);
    const memories = this.canisters.get(key)?.memories ?? { heap: empty(), stable: empty() };
    for (const { memory, cleared, sizeBytes, pages } of change.memories) {
      if (cleared) memories[memory] = empty();
      memories[memory].sizeBytes = sizeBytes;
      for (const page of pages) memories[memory].pages.set(page.index, page.content);
    }
    if (change.systemState !== undefined)
      this.canisters.set(key, { systemState: change.systemState, memories });
  }

  answer(message: Message): Message | undefined {
    switch (message.kind) {
      case 'LoadTip': {
        const canisters: CanisterImage[] = Array.from(this.canisters, ([key, stored]) => ({
          canisterId: fromHex(key),
          systemState: stored.systemState,
          heapBytes: stored.memories.heap.sizeBytes,
          stableBytes: stored.memories.stable.sizeBytes,
        }));
        const { height, timeNanos, subnetState } = this;
        const { session } = message;
        return { kind: 'TipLoaded', height, timeNanos, subnetState, canisters, session };
      }
      case 'RequestCertified': {
        const { height, timeNanos } = this;
        const said = { height, timeNanos, root: new Uint8Array(32), completedRequests: [] };
        return { kind: 'StateCertified', ...said };
      }
      case 'LoadMemory': {
        const { canisterId, memory, fromIndex } = message;
        const stored = this.canisters.get(toHex(canisterId))?.memories[memory] ?? empty();
        const later = [...stored.pages]
          .filter(([index]) => index >= fromIndex)
          .sort(([a], [b]) => a - b);
        const pages = later.slice(0, 3).map(([index, content]) => ({ index, content }));
        return {
          kind: 'MemoryLoaded',
          session: message.session,
          canisterId,
          memory,
          fromIndex,
          pages,
          complete: later.length <= 3,
          height: this.height,
        };
      }
      case 'LoadModule': {
        const content = this.modules.get(toHex(message.hash));
        return {
          kind: 'ModuleLoaded',
          hash: message.hash,
          ...(content === undefined ? {} : { content }),
        };
      }
      case 'LoadRequests': {
        const after = toHex(message.after);
        const later = [...this.requests.keys()].filter((key) => key > after).sort();
        const requests = later.slice(0, 5).map((key) => {
          const { requestId, expiryNanos, status } = this.requests.get(key) as RequestChange;
          return {
            requestId,
            expiryNanos,
            completed: status === 'replied' || status === 'rejected',
          };
        });
        return {
          kind: 'RequestsLoaded',
          session: message.session,
          after: message.after,
          requests,
          complete: later.length <= 5,
        };
      }
      default:
        return undefined;
    }
  }
}
