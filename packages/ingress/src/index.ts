export {
  type Authentication,
  type AuthenticationRules,
  authenticate,
  isTargetAllowed,
  knownSignatures,
  wrongSignature,
} from './authenticate.ts';
export { checkDestination, type Destination, destinationOf, type Url } from './destination.ts';
export {
  CLOCK_DRIFT_NANOS,
  INGRESS_TTL_NANOS,
  PATH_LABELS_MAX,
  PATHS_MAX,
} from './limits.ts';
export type { Accepted, Outcome, RefusalCode, RequestRefusal } from './refusal.ts';
export { refuse } from './refusal.ts';
export {
  type CanisterRequest,
  type Delegation,
  decodeRequest,
  type Proof,
  type ReadStateRequest,
  type Request,
  type SenderInfo,
} from './request.ts';
export { canisterKeyOf, type Signed, type Verifiers, verifySignature } from './signature.ts';
