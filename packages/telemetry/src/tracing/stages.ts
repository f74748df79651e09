// The stages of a call and of a block (ARCHITECTURE.md, "One update call, end to end"), as messages show them: which message
// begins one at which service, and which ends it.
import type { Message, MessageKind } from '@internode/contracts';

/** In the order in which one call passes them, as tables and pages show them. */
export const CALL_STAGES = [
  'verify',
  'inspect',
  'admit',
  'gossip',
  'pool',
  'included',
  'notarise',
  'finalise',
  'order',
  'execute',
  'hash',
  'certify',
  'publish',
  'reply',
] as const;

/** A question with a key of its own: asked and answered at one service. */
export interface AskedStage {
  readonly stage: string;
  readonly services: readonly string[];
  readonly keyOf: (message: Message) => Uint8Array;
}

const ASKED: readonly (readonly [string, readonly string[], MessageKind, ...MessageKind[]])[] = [
  ['inspect', ['execution'], 'InspectIngress', 'IngressInspected'],
  ['admit', ['p2p'], 'SubmitIngress', 'IngressAdmitted', 'IngressRefused'],
  ['query', ['execution', 'follower'], 'ExecuteQuery', 'QueryAnswered'],
  ['read', ['state'], 'ReadCertified', 'CertifiedRead'],
];

/** By the message that begins it. */
export const ASKED_BY: ReadonlyMap<MessageKind, AskedStage> = new Map(
  ASKED.map(([stage, services, begins]) => [begins, { stage, services, keyOf }]),
);
/** By the messages that end it. */
export const ANSWERED_BY: ReadonlyMap<MessageKind, AskedStage> = new Map(
  ASKED.flatMap(([stage, services, , ...ends]) =>
    ends.map((end) => [end, { stage, services, keyOf }] as const),
  ),
);

const NO_KEY = new Uint8Array(0);

function keyOf(message: Message): Uint8Array {
  switch (message.kind) {
    case 'InspectIngress':
    case 'IngressInspected':
    case 'IngressAdmitted':
    case 'IngressRefused':
      return message.requestId;
    case 'SubmitIngress':
      return message.ingress.requestId;
    case 'ExecuteQuery':
    case 'QueryAnswered':
      return message.queryId;
    case 'ReadCertified':
    case 'CertifiedRead':
      return message.readId;
    default:
      return NO_KEY;
  }
}

/** A stage of a block, and so of every call in it. */
export interface BlockStage {
  readonly index: number;
  readonly stage: string;
  readonly service: string;
}

export const BLOCK_STAGES = {
  /** From the proposal that this node made or heard first. */
  notarise: { index: 0, stage: 'notarise', service: 'consensus' },
  finalise: { index: 1, stage: 'finalise', service: 'consensus' },
  /** Until its randomness, the tape of this height, is there. */
  order: { index: 2, stage: 'order', service: 'consensus' },
  execute: { index: 3, stage: 'execute', service: 'execution' },
  hash: { index: 4, stage: 'hash', service: 'state' },
  certify: { index: 5, stage: 'certify', service: 'beacon' },
  publish: { index: 6, stage: 'publish', service: 'state' },
} as const satisfies Readonly<Record<string, BlockStage>>;

export const BLOCK_STAGE_COUNT = Object.keys(BLOCK_STAGES).length;

/** Begun when its service hears this. */
export const HEARD: ReadonlyMap<MessageKind, BlockStage> = new Map<MessageKind, BlockStage>([
  ['BatchReady', BLOCK_STAGES.execute],
  ['BatchExecuted', BLOCK_STAGES.hash],
  ['StateHashed', BLOCK_STAGES.certify],
  ['CertificationValue', BLOCK_STAGES.publish],
]);

export interface SaidStage {
  readonly service: string;
  readonly ends: BlockStage;
  /** The next one of the same service begins. */
  readonly begins?: BlockStage;
}

/** What its service says ends one, and may begin the next. */
export const SAID: ReadonlyMap<MessageKind, SaidStage> = new Map<MessageKind, SaidStage>([
  [
    'BlockNotarized',
    { service: 'consensus', ends: BLOCK_STAGES.notarise, begins: BLOCK_STAGES.finalise },
  ],
  [
    'BlockFinalized',
    { service: 'consensus', ends: BLOCK_STAGES.finalise, begins: BLOCK_STAGES.order },
  ],
  ['BatchReady', { service: 'consensus', ends: BLOCK_STAGES.order }],
  ['BatchExecuted', { service: 'execution', ends: BLOCK_STAGES.execute }],
  ['StateHashed', { service: 'state', ends: BLOCK_STAGES.hash }],
  ['CertificationValue', { service: 'beacon', ends: BLOCK_STAGES.certify }],
  ['StateCertified', { service: 'state', ends: BLOCK_STAGES.publish }],
]);

const NO_IDS: readonly Uint8Array[] = [];

/** The height that a message is about; undefined when it is about none. */
export function heightOf(message: Message): number | undefined {
  return 'height' in message ? message.height : undefined;
}

/** The calls that a message says are in the block of its height, or end with it. */
export function requestIdsOf(message: Message): readonly Uint8Array[] {
  switch (message.kind) {
    case 'BlockFinalized':
      return message.ingressIds;
    case 'BatchReady':
      return message.ingress.map(({ requestId }) => requestId);
    case 'BatchExecuted':
      return message.requests.map(({ requestId }) => requestId);
    case 'StateCertified':
      return message.completedRequests;
    default:
      return NO_IDS;
  }
}

/** What these services say, and these timers of theirs, belongs to what they were told. What others say is about blocks. */
const CARRIES: Readonly<Record<string, readonly string[]>> = { gateway: [], p2p: ['flush'] };

export function carries(service: string, timer?: string): boolean {
  const timers = CARRIES[service];
  return timers !== undefined && (timer === undefined || timers.includes(timer));
}
