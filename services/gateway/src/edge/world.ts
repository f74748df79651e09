import type { Clock, RequestTrace } from '@internode/actor';
import type { Principal } from '@internode/encoding';
import type { AuthenticationRules, Signed } from '@internode/ingress';
import type { Verdict } from '@internode/prelude';
import type { GatewayConfig } from '../config.ts';
import type { GatewayEvent } from '../core/event.ts';
import type { NodeSigner } from '../core/query-answer.ts';
import type { Completions } from './completions.ts';
import type { Neighbours } from './neighbours.ts';

/**
 * Verifies the signature of a request off this thread, where it is a fifth of all work at full load. Undecided: a scheme that
 * hangs from the root key. Never rejects.
 */
export type VerifyLater = (signed: Signed) => Promise<Verdict<void>>;

/** What the flows of requests share. */
export type World = {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly neighbours: Neighbours;
  readonly completions: Completions;
  /** The newest that was heard of. */
  readonly certifiedHeight: () => number | undefined;
  readonly signer: NodeSigner;
  /** The rules of this instant. */
  readonly rules: () => AuthenticationRules;
  readonly verifyLater: VerifyLater;
  /** Whether calls may be addressed to this canister id here. */
  readonly isLocal: (id: Principal) => boolean;
  readonly observe: (event: GatewayEvent) => void;
};

/** One request of an endpoint with what came along. */
export type Visit<Route> = {
  readonly route: Route;
  readonly body: Uint8Array;
  /** When it was whole, by the clock. */
  readonly startedMs: number;
  /** Absent when nobody follows it. */
  readonly trace: RequestTrace | undefined;
  /** Of `trace`, or ''. */
  readonly traceparent: string;
};
