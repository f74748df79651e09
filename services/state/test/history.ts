/** Random histories: everything that a checkpoint covers comes, changes and goes. The same for the same seed. */
import type { BatchExecuted, CanisterChange, MemberKeys, MemoryChange } from '@internode/contracts';
import { utf8 } from '@internode/prelude';
import { batch, change, record, request, requestId } from './rig.ts';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed + 1;
  }

  /** From 0 up to but without `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length).fill(this.below(256));
    for (let i = 0; i < Math.min(length, 64); i++) bytes[i] = this.below(256);
    return bytes;
  }
}

interface Canister {
  heapPages: number;
  stablePages: number;
}

/** Others in each epoch of ten heights. */
function membersOf(height: number): MemberKeys {
  return { nodes: [{ nodeId: Uint8Array.of(1, height, 2), publicKey: utf8(`key ${height}`) }] };
}

export class History {
  readonly random: Random;
  #height = 0;
  readonly #canisters = new Map<number, Canister>();
  #nextCanister = 0;
  readonly #requests = new Set<number>();
  readonly #modules: Uint8Array[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  batches(count: number): BatchExecuted[] {
    return Array.from({ length: count }, () => this.#next());
  }

  #next(): BatchExecuted {
    const { random } = this;
    this.#height += 1;
    const canisters: CanisterChange[] = [];
    if (this.#height === 1 || random.below(3) === 0) canisters.push(this.#create());
    for (const [index, canister] of this.#canisters) {
      if (random.below(3) === 0) canisters.push(this.#change(index, canister));
    }
    const requests = Array.from({ length: random.below(6) }, () => request(random.below(200)));
    for (const { requestId: id } of requests) this.#requests.add(id[31] as number);
    const forgotten = [...this.#requests].filter(() => random.below(20) === 0);
    for (const each of forgotten) this.#requests.delete(each);
    const known = new Set(requests.map(({ requestId: id }) => id[31]));
    return batch(this.#height, {
      canisters,
      requests,
      forgottenRequests: forgotten.filter((each) => !known.has(each)).map(requestId),
      ...this.#moduleChanges(),
      consumedCycles: Uint8Array.of(1, this.#height),
      ...(this.#height % 10 === 0 && { members: membersOf(this.#height) }),
    });
  }

  #create(): CanisterChange {
    const index = this.#nextCanister++;
    this.#canisters.set(index, { heapPages: 0, stablePages: 0 });
    return change(index, { record: record(), systemState: utf8(`new ${index}`) });
  }

  #change(index: number, canister: Canister): CanisterChange {
    const { random } = this;
    if (random.below(25) === 0) {
      this.#canisters.delete(index);
      return { canisterId: change(index).canisterId, deleted: true, memories: [] };
    }
    const [heap, heapPages] = this.#memory('heap', canister.heapPages);
    const [stable, stablePages] = this.#memory('stable', canister.stablePages);
    this.#canisters.set(index, { heapPages, stablePages });
    const systemState = random.below(12) === 0 ? random.bytes(2_500_000) : random.bytes(40);
    return change(index, { systemState, memories: [heap, stable] });
  }

  #memory(memory: 'heap' | 'stable', before: number): [MemoryChange, number] {
    const { random } = this;
    const cleared = random.below(8) === 0;
    const pages = Math.max(0, (cleared ? 0 : before) + random.below(500) - 100);
    const written = Array.from({ length: Math.min(pages, 12) }, () => random.below(pages));
    const indices = [...new Set(written)].sort((a, b) => a - b);
    const content = () => new Uint8Array(4096).fill(random.below(4));
    const change = { memory, cleared, sizeBytes: pages * 4096 } as const;
    return [{ ...change, pages: indices.map((index) => ({ index, content: content() })) }, pages];
  }

  #moduleChanges() {
    const { random } = this;
    const dropped =
      this.#modules.length > 2 && random.below(4) === 0 ? this.#modules.splice(0, 1) : [];
    if (random.below(4) > 0) return { modules: [], droppedModules: dropped };
    const hash = random.bytes(32);
    this.#modules.push(hash);
    const content = random.bytes(random.below(3) === 0 ? 1_300_000 : 3_000);
    return { modules: [{ hash, content }], droppedModules: dropped };
  }
}
