// The rest of a node as the gateway hears it on the bus: a certified state, canisters that echo,
// and a pool that takes everything. Certificates and keys are real.

import { randomFillSync } from 'node:crypto';
import { Caller, type Instant } from '@internode/actor';
import { MemoryBus } from '@internode/bus/memory';
import type { Message, RequestOwner } from '@internode/contracts';
import { blsPublicKeyToDer } from '@internode/crypto';
import {
  loadFastBls,
  nodeHashEngine,
  nodeSignatures,
  signOnPool,
  verifyOnPool,
} from '@internode/crypto/fast';
import {
  encodeCbor,
  encodeUnsignedLeb128,
  type Principal,
  selfAuthenticating,
  setHashEngine,
} from '@internode/encoding';
import {
  type Content,
  emptyTree,
  encodeCertificate,
  type LabelledTree,
  stateRootMessage,
  witness,
} from '@internode/hash-tree';
import { SystemClock } from '@internode/host';
import { fromHex, toHex, utf8 } from '@internode/prelude';
import type { GatewayConfig, GatewayEvent, GatewayParts } from '../src/index.ts';
import { type OpenGateway, openGateway } from '../src/index.ts';

setHashEngine(nodeHashEngine);
const bls = await loadFastBls();
const ROOT_SECRET = new Uint8Array(32).fill(3);
const NODE_SECRET = new Uint8Array(32).fill(4);
export const rootKey = blsPublicKeyToDer(bls.publicKey(ROOT_SECRET));
export const subnetId = selfAuthenticating(rootKey);
export const nodeKey = nodeSignatures.ed25519PublicKey(NODE_SECRET);
export const nodeId = selfAuthenticating(nodeKey);
export const FIRST: Principal = fromHex('00000000000000000101');
export const CANISTER: Principal = fromHex('00000000000000050101');
const LAST: Principal = fromHex('00000000000fffff0101');

const config: GatewayConfig = {
  host: '127.0.0.1',
  port: 0,
  rootKey,
  rootSubnetId: subnetId,
  subnetId,
  nodeId,
  nodeSecret: NODE_SECRET,
  canisterRanges: [[FIRST, LAST]],
  implementationVersion: 'test',
};

export type Options = {
  /** Calls stay in status `received` until `finish` is called. */
  holdsCalls?: boolean;
  /** Completion is certified but nobody is told, as when the bus loses the news. */
  losesNews?: boolean;
  /** Kinds of questions that are never answered, and how often. */
  deafTo?: Map<Message['kind'], number>;
  /** How far the replica's wall clock is ahead of the machine's. */
  aheadMs?: number;
  /** How many times faster than the machine's the replica's monotonic clock runs. */
  speed?: number;
};

class ShiftedClock extends SystemClock {
  readonly #aheadNanos: bigint;
  readonly #speed: number;

  constructor(aheadMs: number, speed: number) {
    super();
    this.#aheadNanos = BigInt(aheadMs) * 1_000_000n;
    this.#speed = speed;
  }

  override now(): Instant {
    const { ms, unixNanos } = super.now();
    return { ms: ms * this.#speed, unixNanos: unixNanos + this.#aheadNanos };
  }

  override after(delayMs: number, fire: () => void): () => void {
    return super.after(delayMs / this.#speed, fire);
  }
}

type Submitted = Extract<Message, { kind: 'SubmitIngress' }>;

export class SmallReplica {
  readonly heard: Message[] = [];
  readonly events: GatewayEvent[] = [];
  readonly #options: Options;
  readonly #bus = new MemoryBus();
  readonly #clock: ShiftedClock;
  readonly #voice: Caller;
  readonly #owners = new Map<string, RequestOwner>();
  readonly #ended = new Set<string>();
  #tree: LabelledTree = genesis();
  #certified: { tree: LabelledTree; signature: Uint8Array } | undefined;
  #height = 0;
  #held: Submitted[] = [];

  constructor(options: Options = {}) {
    this.#options = options;
    this.#clock = new ShiftedClock(options.aheadMs ?? 0, options.speed ?? 1);
    this.#voice = new Caller({ ...this.#ports(), keyOf: {}, pendingMax: 1 });
    for (const kind of [
      'InspectIngress',
      'SubmitIngress',
      'ExecuteQuery',
      'ReadCertified',
      'RequestCertified',
      'RequestReadiness',
    ] as const) {
      this.#voice.listen(kind, (message) => this.#hear(message));
    }
    this.#voice.listen('Readiness', (message) => this.heard.push(message));
  }

  open(
    metricsText = (): string => 'x 1\n',
    address: Pick<GatewayConfig, 'port' | 'sharesPort'> = { port: 0 },
  ): Promise<OpenGateway> {
    return openGateway({ ...this.parts(), config: { ...config, ...address }, metricsText });
  }

  /** What a gateway that belongs to this replica is made of. */
  parts(): GatewayParts {
    const observe = (_service: string, event: unknown): void => {
      this.events.push(event as GatewayEvent);
    };
    const ports = { ...this.#ports().ports, observe };
    const engines = {
      signatures: nodeSignatures,
      verifyLater: verifyOnPool,
      signLater: signOnPool,
      bls,
    };
    return { config, ports, ...engines, metricsText: () => '' };
  }

  /** The call has ended as far as execution knows, in a state that is not certified yet. */
  know(requestId: Uint8Array): void {
    this.#ended.add(toHex(requestId));
  }

  /** Ends the calls that were held and certifies how they ended. */
  finish(): void {
    const ended = this.#held.splice(0);
    for (const call of ended) this.#end(call);
    this.#certify(ended.map((call) => call.ingress.requestId));
  }

  tell(message: Message): void {
    this.#voice.tell(message);
  }

  #ports() {
    const place = { subnet: 'subnet', node: 'node' };
    const entropy = { fill: (bytes: Uint8Array): void => void randomFillSync(bytes) };
    return { name: 'replica', ports: { place, bus: this.#bus, clock: this.#clock, entropy } };
  }

  #hear(message: Message): void {
    this.heard.push(message);
    const deaf = this.#options.deafTo?.get(message.kind) ?? 0;
    if (deaf > 0) {
      this.#options.deafTo?.set(message.kind, deaf - 1);
      return;
    }
    switch (message.kind) {
      case 'InspectIngress':
        return this.tell({
          kind: 'IngressInspected',
          requestId: message.requestId,
          known: this.#ended.has(toHex(message.requestId)),
          ...(message.methodName === 'denied' && { refusal: refusal(4, 'denied', 'IC0406') }),
        });
      case 'SubmitIngress':
        return this.#submit(message);
      case 'ExecuteQuery':
        return this.tell({
          kind: 'QueryAnswered',
          queryId: message.queryId,
          outcome: queryOutcome(message.methodName, message.argument),
        });
      case 'ReadCertified':
        return this.#read(message);
      case 'RequestCertified':
        return this.#certify([]);
      case 'RequestReadiness':
        if (message.service !== 'execution') return;
        return this.tell({
          kind: 'Readiness',
          service: 'execution',
          ready: true,
          height: this.#height,
          detail: '',
        });
      default:
    }
  }

  #submit(message: Submitted): void {
    const { ingress, sender } = message;
    const { requestId, effectiveCanisterId } = ingress;
    if (new TextDecoder('latin1').decode(ingress.envelope).includes('full_pool')) {
      this.tell({ kind: 'IngressRefused', requestId, refusal: refusal(2, 'pool is full', '') });
      return;
    }
    this.tell({ kind: 'IngressAdmitted', requestId });
    if (this.#owners.has(toHex(requestId))) return;
    this.#owners.set(toHex(requestId), { sender, effectiveCanisterId });
    this.#set(['request_status', requestId], [['status', utf8('received')]]);
    this.#held.push(message);
    if (this.#options.holdsCalls !== true) setTimeout(() => this.finish(), 5);
    else this.#certify([]);
  }

  #end({ ingress }: Submitted): void {
    this.know(ingress.requestId);
    const isRejected = new TextDecoder('latin1').decode(ingress.envelope).includes('reject_me');
    const path = ['request_status', ingress.requestId];
    if (isRejected) {
      this.#set(path, [
        ['status', utf8('rejected')],
        ['reject_code', encodeUnsignedLeb128(4)],
        ['reject_message', utf8('no')],
        ['error_code', utf8('IC0406')],
      ]);
    } else {
      this.#set(path, [
        ['status', utf8('replied')],
        ['reply', utf8('DIDL\0\0')],
      ]);
    }
  }

  #set(path: (string | Uint8Array)[], content: Content): void {
    this.#tree = this.#tree.set(path, content);
  }

  #certify(completedRequests: Uint8Array[]): void {
    this.#height += 1;
    const timeNanos = this.#clock.now().unixNanos;
    this.#set(['time'], encodeUnsignedLeb128(timeNanos));
    const root = this.#tree.rootHash();
    const signature = bls.sign(ROOT_SECRET, stateRootMessage(root));
    this.#certified = { tree: this.#tree, signature };
    const told = this.#options.losesNews === true ? [] : completedRequests;
    const height = this.#height;
    this.tell({ kind: 'StateCertified', height, root, timeNanos, completedRequests: told });
  }

  #read({ readId, paths }: Extract<Message, { kind: 'ReadCertified' }>): void {
    const certified = this.#certified;
    if (certified === undefined) return;
    const labels = paths.map((path) => path.labels);
    const tree = witness(certified.tree, labels);
    const request = labels.find((path) => text(path[0]) === 'request_status')?.[1];
    const owner = request && this.#owners.get(toHex(request));
    const isCanisterRead = labels.some((path) => text(path[0]) === 'canister');
    const access = { controllers: [ADMIN], privateMetadata: ['secret'] };
    this.tell({
      kind: 'CertifiedRead',
      readId,
      height: this.#height,
      certificate: encodeCertificate({ tree, signature: certified.signature }),
      ...(owner !== undefined && { requestOwner: owner }),
      ...(isCanisterRead && { canisterAccess: access }),
    });
  }
}

/** Controls every canister. */
export const ADMIN: Principal = selfAuthenticating(
  nodeSignatures.ed25519PublicKey(new Uint8Array(32).fill(8)),
);
export const ADMIN_SECRET = new Uint8Array(32).fill(8);

function text(label: Uint8Array | undefined): string {
  return new TextDecoder().decode(label);
}

function refusal(rejectCode: number, message: string, errorCode: string) {
  return { rejectCode, message, errorCode };
}

function queryOutcome(
  methodName: string,
  argument: Uint8Array,
): Extract<Message, { kind: 'QueryAnswered' }>['outcome'] {
  if (methodName === 'trap') return { kind: 'refusal', refusal: refusal(5, 'trapped', 'IC0502') };
  if (methodName === 'say_no') return { kind: 'refusal', refusal: refusal(4, 'no', '') };
  return { kind: 'reply', reply: { content: argument } };
}

function genesis(): LabelledTree {
  return emptyTree()
    .set(
      ['subnet', subnetId],
      [
        ['public_key', rootKey],
        ['type', utf8('application')],
        ['canister_ranges', encodeCbor([[FIRST, LAST]])],
        ['metrics', encodeCbor({ num_canisters: 1 })],
        ['node', [[nodeId, [['public_key', nodeKey]]]]],
      ],
    )
    .set(['canister_ranges', subnetId, FIRST], encodeCbor([[FIRST, LAST]]))
    .set(
      ['canister', CANISTER],
      [
        ['certified_data', new Uint8Array(32)],
        ['module_hash', new Uint8Array(32).fill(1)],
        ['controllers', encodeCbor([])],
        [
          'metadata',
          [
            ['candid:service', utf8('service : {}')],
            ['secret', utf8('hidden')],
          ],
        ],
      ],
    );
}
