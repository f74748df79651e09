// Management methods by query: of users, and of composite queries as their canister (interface-spec
// 5.11, 6).
import { candid } from '@internode/encoding';
import type { Outcome } from '../messages.ts';
import { canisterNotFound, notController, refuse, unknownManagementMethod } from '../refusals.ts';
import { reject, reply } from '../responding.ts';
import type { Subnet } from '../subnet.ts';
import { readArgument } from './call.ts';
import { maySee, statusOf } from './status.ts';
import { canisterIdType, logsType } from './types.ts';

interface ManagementQuery {
  readonly caller: Uint8Array;
  readonly method: string;
  readonly argument: Uint8Array;
}

export function managementQuery(
  subnet: Subnet,
  { caller, method, argument }: ManagementQuery,
): Outcome {
  if (method !== 'canister_status' && method !== 'fetch_canister_logs') {
    return reject(unknownManagementMethod(method));
  }
  const read = readArgument(canisterIdType, argument);
  if (read.kind === 'refused') return reject(read.refusal);
  const id = read.value.canister_id;
  const canister = subnet.get(id);
  if (canister === undefined) return reject(canisterNotFound(id));
  const { settings, logs } = canister.state;
  if (method === 'canister_status') {
    if (!maySee(canister, settings.statusVisibility, caller)) {
      return reject(notController(id, settings.controllers, caller));
    }
    return reply(statusOf(canister, subnet.prices));
  }
  if (!maySee(canister, settings.logVisibility, caller)) {
    return reject(refuse('IC0406', 'Caller is not allowed to access canister logs'));
  }
  const records = logs.map(({ index, timeNanos, content }) => ({
    idx: index,
    timestamp_nanos: timeNanos,
    content,
  }));
  return reply(candid.encode([logsType], [{ canister_log_records: records }]));
}
