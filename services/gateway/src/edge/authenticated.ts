import {
  type Request,
  type RequestRefusal,
  type Signed,
  verifySignature,
  wrongSignature,
} from '@internode/ingress';
import { type Admitted, admit } from '../core/admit.ts';
import type { World } from './world.ts';

/** As `admit`, with the signature of the request verified off this thread. */
export async function admitLater<Kind extends Request['kind']>(
  kind: Kind,
  body: Uint8Array,
  { rules, verifyLater }: World,
): Promise<Admitted<Kind> | RequestRefusal> {
  const now = rules();
  let deferred: Signed | undefined;
  const defer = (signed: Signed): void => {
    deferred = signed;
  };
  const admitted = admit(kind, body, { ...now, defer });
  if (admitted.kind === 'refused' || deferred === undefined) return admitted;
  const verdict = await verifyLater(deferred);
  // Canister signatures: only the rules know the root key.
  const final = verdict.kind === 'undecided' ? verifySignature(now, deferred) : verdict;
  return wrongSignature(final) ?? admitted;
}
