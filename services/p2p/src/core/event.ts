import type { ArtifactKind } from '@internode/contracts';

/** Facts for observers. They change nothing. */
export type P2pEvent =
  | { readonly kind: 'IngressTaken'; readonly messages: number; readonly bytes: number }
  | { readonly kind: 'IngressTurnedAway'; readonly reason: string }
  | { readonly kind: 'IngressFinal'; readonly messages: number; readonly waiting: number }
  | { readonly kind: 'IngressExpired'; readonly messages: number }
  | { readonly kind: 'IngressOfferedAgain'; readonly messages: number }
  | { readonly kind: 'SlotTableFull'; readonly artifact: ArtifactKind }
  | { readonly kind: 'MembersChanged'; readonly members: number }
  | { readonly kind: 'LinkChanged'; readonly peer: string; readonly up: boolean }
  /** Something a correct peer never sends, dropped; so often since the last beat. */
  | {
      readonly kind: 'PeerMisbehaved';
      readonly peer: string;
      readonly what: Misdeed;
      readonly times: number;
    }
  /** Something of a peer that met a limit, dropped or put off; so often since the last beat. */
  | {
      readonly kind: 'PeerLimited';
      readonly peer: string;
      readonly what: Limited;
      readonly times: number;
    }
  | LinkEvent
  | { readonly kind: 'AskFailed'; readonly peer: string; readonly failure: string }
  /** Once a beat. */
  | ({ readonly kind: 'PeersFigures' } & PeersFigures);

/** What the carrier of frames tells. */
export type LinkEvent =
  /** A connection, or a wish for one, that came to nothing. `peer` is '' when nobody knows who it was. */
  | {
      readonly kind: 'LinkRefused';
      readonly peer: string;
      readonly reason:
        | 'wrong key'
        | 'bad address'
        | 'no key'
        | 'not a member'
        | 'handshake'
        | 'too many strangers'
        | 'silent';
    }
  /** The peer reads too slowly: this frame found its queue full. What it carried is told again when the peer asks. */
  | { readonly kind: 'FrameDropped'; readonly peer: string; readonly bytes: number };

export type Misdeed =
  | 'not a member'
  | 'frame too large'
  | 'frame malformed'
  | 'updates malformed'
  | 'body is not what the id says'
  | 'body too large'
  | 'chunk nobody asked for'
  | 'chunk malformed'
  | 'question malformed';

export type Limited = 'blamed' | 'heard' | 'said' | 'served' | 'questions' | 'wanted';

export interface PeersFigures {
  readonly linksUp: number;
  readonly slots: number;
  readonly bodies: number;
  readonly bodyBytes: number;
  readonly wanted: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly artifactsSaid: number;
  readonly artifactsSaidAgain: number;
}
