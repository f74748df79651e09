import type { ArtifactKind } from '@internode/contracts';

/** Facts for observers. They change nothing. */
export type P2pEvent =
  | { readonly kind: 'IngressTaken'; readonly messages: number; readonly bytes: number }
  | { readonly kind: 'IngressTurnedAway'; readonly reason: string }
  | { readonly kind: 'IngressFinal'; readonly messages: number; readonly waiting: number }
  | { readonly kind: 'IngressExpired'; readonly messages: number }
  | { readonly kind: 'IngressOfferedAgain'; readonly messages: number }
  | { readonly kind: 'SlotTableFull'; readonly artifact: ArtifactKind };
