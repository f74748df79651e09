/** The part of every request that needs nobody else: decode, then authenticate. */
import {
  type Authentication,
  type AuthenticationRules,
  authenticate,
  decodeRequest,
  type Request,
  type RequestRefusal,
} from '@internode/ingress';

export type Admitted<Kind extends Request['kind']> = {
  readonly kind: 'admitted';
  readonly request: RequestOf<Kind>;
  readonly authentication: Authentication;
};

type RequestOf<Kind extends Request['kind']> = Extract<
  Request,
  { kind: Kind extends 'read_state' ? Kind : 'call' | 'query' }
>;

export function admit<Kind extends Request['kind']>(
  kind: Kind,
  body: Uint8Array,
  rules: AuthenticationRules,
): Admitted<Kind> | RequestRefusal {
  const decoded = decodeRequest(kind, body);
  if (decoded.kind === 'refused') return decoded;
  const request: RequestOf<Kind> = decoded.value;
  const outcome = authenticate(request, rules);
  if (outcome.kind === 'refused') return outcome;
  return { kind: 'admitted', request, authentication: outcome.value };
}
