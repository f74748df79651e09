export type { P2pConfig } from './config.ts';
export type { P2pEvent } from './core/event.ts';
export { P2pCore } from './core/p2p.ts';
export {
  ASK_LIMITS,
  FETCH_LIMITS,
  FRAME_LIMITS,
  LINK_LIMITS,
  OFFER_LIMITS,
  P2P_LIMITS,
  PEER_LIMITS,
} from './limits.ts';
export type { P2pSettings } from './open.ts';
export { openP2p } from './open.ts';
export type { P2pDefinition } from './p2p.ts';
export { createP2p, p2pSubjects } from './p2p.ts';
