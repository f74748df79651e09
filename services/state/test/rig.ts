/** A state core with a disk in memory, a hand-cranked clock, and a beacon that signs what it hears. */
import type { Input } from '@internode/actor';
import type {
  BatchExecuted,
  CanisterChange,
  CanisterRecord,
  CertifiedRead,
  DataCertificateRead,
  Message,
  MessageKind,
  RequestChange,
} from '@internode/contracts';
import { type BlsEngine, blsPublicKeyToDer, generateBlsKey } from '@internode/crypto';
import { loadFastBls } from '@internode/crypto/fast';
import {
  decodeCertificate,
  type HashTree,
  type Label,
  lookupPath,
  stateRootMessage,
  verifyCertificate,
} from '@internode/hash-tree';
import { assert, toHex, utf8 } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import type { StateEffect } from '../src/core/outbox.ts';
import { type StateAnswer, StateCore, type StateEvent, solveStateInPlace } from '../src/index.ts';

export const bls: BlsEngine = await loadFastBls();
export const { secretKey, publicKey } = generateBlsKey(bls, new Uint8Array(48).fill(7));
export const rootKey = blsPublicKeyToDer(publicKey);

export const SUBNET_ID = Uint8Array.of(1, 2, 3, 2);
export const NODE_ID = Uint8Array.of(9, 9, 2);
export const NODE_KEY = new Uint8Array(44).fill(5);
export const FIRST = canister(0);
export const LAST = canister(0xff);

export const SUBNET = {
  subnetId: SUBNET_ID,
  publicKey: rootKey,
  type: 'application',
  canisterRanges: [[FIRST, LAST]],
  nodes: [{ nodeId: NODE_ID, publicKey: NODE_KEY }],
} as const;

export type MessageOf<Kind extends MessageKind> = Extract<Message, { kind: Kind }>;

export function canister(index: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, index, 1, 1);
}

export function requestId(index: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32((index % 7) * 4, 0x9e3779b1 * (index + 1));
  id[31] = index;
  return id;
}

export function page(fill: number): Uint8Array {
  return new Uint8Array(4096).fill(fill);
}

export function timeOf(height: number): bigint {
  return 1_790_000_000_000_000_000n + BigInt(height) * 1_000_000_000n;
}

export function batch(height: number, parts: Partial<BatchExecuted> = {}): BatchExecuted {
  return {
    kind: 'BatchExecuted',
    height,
    timeNanos: timeOf(height),
    blockHash: new Uint8Array(32).fill(height),
    requests: [],
    canisters: [],
    modules: [],
    droppedModules: [],
    subnetState: utf8(`subnet ${height}`),
    forgottenRequests: [],
    ...parts,
  };
}

export function request(index: number, parts: Partial<RequestChange> = {}): RequestChange {
  return {
    requestId: requestId(index),
    status: 'replied',
    reply: utf8(`reply ${index}`),
    sender: Uint8Array.of(4, index, 2),
    effectiveCanisterId: canister(1),
    expiryNanos: timeOf(300),
    ...parts,
  };
}

export function change(index: number, parts: Partial<CanisterChange> = {}): CanisterChange {
  return {
    canisterId: canister(index),
    deleted: false,
    systemState: utf8(`system ${index}`),
    memories: [],
    ...parts,
  };
}

export function record(parts: Partial<CanisterRecord> = {}): CanisterRecord {
  return { controllers: [Uint8Array.of(4, 4, 2)], metadata: [], creationNanos: 17n, ...parts };
}

export interface RigOptions {
  readonly store?: MemoryStore;
  readonly checksCertifications?: boolean;
  readonly checkpoints?: boolean;
  readonly subnet?: ConstructorParameters<typeof StateCore>[0]['subnet'];
}

export class Rig {
  readonly store: MemoryStore;
  readonly said: Message[] = [];
  readonly events: StateEvent[] = [];
  readonly #core: StateCore;
  readonly #timers = new Map<string, number>();
  /** Answers of the solver that were not given yet. */
  readonly held: { readonly id: string; readonly answer: StateAnswer }[] = [];
  readonly #queue: Input<StateAnswer>[] = [];
  nowMs = 1_000;
  /** Steps so far; after `stepsMax` the process is dead. */
  steps = 0;
  stepsMax = Number.POSITIVE_INFINITY;
  /** The beacon signs every hash it hears. */
  signs = true;
  /** Answers of the store are kept back. */
  holdsStore = false;
  /** Answers to what execution loads are kept back. */
  holdsLoads = false;
  /** Answers to questions of peers are kept back. */
  holdsServing = false;
  /** The answer to what makes a fetched state this replica's is kept back. */
  holdsInstall = false;

  constructor(options: RigOptions = {}) {
    const { store, checksCertifications = true, subnet = SUBNET, checkpoints = false } = options;
    const seed = new Uint8Array(32).fill(6);
    this.store = store ?? new MemoryStore();
    this.#core = new StateCore({ subnet, checksCertifications, checkpoints, seed });
  }

  /** Started, with consensus at this final height. */
  static started(options: RigOptions & { readonly finalHeight?: number } = {}): Rig {
    const rig = new Rig(options);
    rig.start();
    rig.consensusAt(options.finalHeight ?? 0);
    return rig;
  }

  start(): void {
    this.#enter({ kind: 'started' });
  }

  consensusAt(height: number): void {
    this.tell({ kind: 'Readiness', service: 'consensus', ready: true, height, detail: '' });
  }

  tell(message: Message): void {
    this.#enter({ kind: 'message', message, sender: 'test' });
    this.commit();
  }

  /** Gives back what was held, oldest first. */
  release(count = this.held.length): void {
    for (const { id, answer } of this.held.splice(0, count)) {
      this.#enter({ kind: 'solved', id, answer });
    }
  }

  /** Waits for the batch of the store that is due next. */
  commit(): void {
    const dueMs = this.#timers.get('commit');
    if (dueMs !== undefined) this.advance(Math.max(0, dueMs - this.nowMs));
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.#timers].sort(([, a], [, b]) => a - b)[0];
      if (due === undefined || due[1] > endMs) break;
      this.#timers.delete(due[0]);
      this.nowMs = Math.max(this.nowMs, due[1]);
      this.#enter({ kind: 'timer', token: due[0] });
    }
    this.nowMs = endMs;
  }

  allSaid<Kind extends MessageKind>(kind: Kind): MessageOf<Kind>[] {
    return this.said.filter((message): message is MessageOf<Kind> => message.kind === kind);
  }

  last<Kind extends MessageKind>(kind: Kind): MessageOf<Kind> | undefined {
    return this.allSaid(kind).at(-1);
  }

  event<Kind extends StateEvent['kind']>(kind: Kind): Extract<StateEvent, { kind: Kind }>[] {
    return this.events.filter(
      (event): event is Extract<StateEvent, { kind: Kind }> => event.kind === kind,
    );
  }

  read(...paths: (readonly Label[])[]): CertifiedRead {
    const labelled = paths.map((path) => ({
      labels: path.map((label) => (typeof label === 'string' ? utf8(label) : label)),
    }));
    this.tell({
      kind: 'ReadCertified',
      readId: new Uint8Array(16),
      paths: labelled,
      certificateOnly: false,
    });
    const answer = this.last('CertifiedRead');
    assert(answer !== undefined, 'a read is answered');
    return answer;
  }

  /** What execution is given of a canister's certified data. */
  readData(canisterId: Uint8Array): DataCertificateRead {
    this.tell({ kind: 'ReadDataCertificate', readId: new Uint8Array(16), canisterId });
    const answer = this.last('DataCertificateRead');
    assert(answer !== undefined, 'a read is answered');
    return answer;
  }

  /** The verified tree of a certificate for the paths. */
  tree(...paths: (readonly Label[])[]): HashTree {
    return this.verified(this.read(...paths).certificate);
  }

  verified(certificate: Uint8Array): HashTree {
    const verdict = verifyCertificate(certificate, { rootKey, bls });
    assert(
      verdict.kind === 'valid',
      `certificate: ${verdict.kind === 'invalid' && verdict.reason}`,
    );
    return verdict.value;
  }

  look(path: readonly Label[]): Uint8Array | string {
    const found = lookupPath(this.tree(path), path);
    return found.kind === 'found' ? found.value : found.kind;
  }

  get root(): string {
    const said = this.last('StateHashed') ?? this.last('StateCertified');
    return toHex(said?.root ?? new Uint8Array(0));
  }

  get certifiedHeight(): number {
    return this.last('StateCertified')?.height ?? 0;
  }

  /** Steps, and then everything that the step caused, in order. */
  #enter(first: Input<StateAnswer>): void {
    this.#queue.push(first);
    while (this.#queue.length > 0 && this.steps < this.stepsMax) {
      this.#step(this.#queue.shift() as Input<StateAnswer>);
    }
  }

  #step(input: Input<StateAnswer>): void {
    this.steps += 1;
    this.nowMs += 0.001;
    const now = { ms: this.nowMs, unixNanos: 0n };
    for (const effect of this.#core.step(now, input)) this.#perform(effect);
  }

  #perform(effect: StateEffect): void {
    switch (effect.kind) {
      case 'publish':
        this.said.push(effect.message);
        if (effect.message.kind === 'StateHashed' && this.signs) this.sign(effect.message);
        return;
      case 'wait':
        this.#timers.set(effect.token, this.nowMs + effect.delayMs);
        return;
      case 'cancel':
        this.#timers.delete(effect.token);
        return;
      case 'solve': {
        const { id, task } = effect;
        const answer = solveStateInPlace({ store: this.store, bls, publicKey }, task);
        const isLoad = id.startsWith('load:');
        const isServing = this.holdsServing && id.startsWith('serve:');
        const isInstall = this.holdsInstall && id === 'install';
        if (
          isInstall ||
          isServing ||
          (isLoad ? this.holdsLoads : this.holdsStore && id === 'store')
        )
          this.held.push({ id, answer });
        else this.#queue.push({ kind: 'solved', id, answer });
        return;
      }
      case 'observe':
        this.events.push(effect.event);
        return;
      default:
        throw new Error(`the state does not ${effect.kind}`);
    }
  }

  signatureOf(root: Uint8Array): Uint8Array {
    return bls.sign(secretKey, stateRootMessage(root));
  }

  /** The beacon's word, heard with the next input. */
  sign({ height, root }: { readonly height: number; readonly root: Uint8Array }): void {
    const signature = this.signatureOf(root);
    const message = { kind: 'CertificationValue', height, root, signature } as const;
    this.#queue.push({ kind: 'message', message, sender: 'beacon' });
  }
}

export function certificateOf(read: CertifiedRead) {
  const verdict = decodeCertificate(read.certificate);
  assert(verdict.kind === 'valid', 'a certificate decodes');
  return verdict.value;
}
