/** The status endpoint (interface spec 1.13). Agents of development networks trust its root key. */
import { encodeCbor } from '@internode/encoding';
import type { Answer } from './answer.ts';

/** The version of the public interface that we follow. */
const INTERFACE_VERSION = '0.66.0';

export type Health = 'healthy' | 'waiting_for_certified_state';

export function statusAnswer(status: {
  readonly rootKey: Uint8Array;
  readonly implementationVersion: string;
  readonly health: Health;
  readonly certifiedHeight: number;
}): Answer {
  const body = encodeCbor({
    ic_api_version: INTERFACE_VERSION,
    impl_source: 'internode',
    impl_version: status.implementationVersion,
    root_key: status.rootKey,
    replica_health_status: status.health,
    certified_height: status.certifiedHeight,
  });
  return { status: 200, contentType: 'application/cbor', body };
}
