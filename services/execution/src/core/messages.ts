// What waits in queues: calls (from users and canisters alike) and responses; and what remembers
// them: call contexts and callbacks (interface-spec 5.2, 5.4).
import { bytes, type Coded, count, flag, nat, optional, record, text, variants } from './codec.ts';

/** Who gets the answer. The system never does. */
export const originCodec = variants({
  user: record({ requestId: bytes, effectiveCanisterId: bytes }),
  /** `deadlineNanos` 0 = guaranteed response. */
  canister: record({ canister: bytes, callback: count, deadlineNanos: nat }),
  system: record({}),
});
export type Origin = Coded<typeof originCodec>;

export const senderInfoCodec = record({ info: bytes, signer: bytes });
export type SenderInfo = Coded<typeof senderInfoCodec>;

export const outcomeCodec = variants({
  reply: record({ content: bytes }),
  reject: record({ rejectCode: count, message: text, errorCode: text }),
});
export type Outcome = Coded<typeof outcomeCodec>;

export const callCodec = record({
  origin: originCodec,
  caller: bytes,
  senderInfo: optional(senderInfoCodec),
  method: text,
  argument: bytes,
  cycles: nat,
});
export type Call = Coded<typeof callCodec>;

export const responseCodec = record({ callback: count, outcome: outcomeCodec, refund: nat });
export type ResponseMessage = Coded<typeof responseCodec>;

export const inputCodec = variants({ call: callCodec, response: responseCodec });
export type InputMessage = Coded<typeof inputCodec>;

/**
 * A call for the management canister; `notBefore` is a height, `callerVersion` that of a canister
 * as it made the call.
 */
export const subnetCallCodec = record({
  call: callCodec,
  notBefore: count,
  callerVersion: optional(nat),
});
export type SubnetCall = Coded<typeof subnetCallCodec>;

const callbackTargetCodec = record({ function: nat, environment: nat });

export const callContextCodec = record({
  origin: originCodec,
  caller: bytes,
  senderInfo: optional(senderInfoCodec),
  responded: flag,
  /** The canister was uninstalled since: no code of it runs here any more. */
  deleted: flag,
  available: nat,
  instructions: nat,
  outstanding: count,
});
export type CallContext = Coded<typeof callContextCodec>;

export const callbackCodec = record({
  context: count,
  callee: bytes,
  onReply: callbackTargetCodec,
  onReject: callbackTargetCodec,
  onCleanup: optional(callbackTargetCodec),
  deadlineNanos: nat,
  /** Cycles set aside for the response's transport and the callback's execution. */
  reserve: nat,
  /** A response is queued already (a deadline passed): whatever comes later is dropped. */
  answered: flag,
});
export type Callback = Coded<typeof callbackCodec>;
