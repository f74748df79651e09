export type { ComplaintRequest } from './complaint.ts';
export { complain, judgeComplaint, verifyComplaint } from './complaint.ts';
export { checkDkgConfig, positionOf } from './context.ts';
export type { DealRequest } from './deal.ts';
export { deal } from './deal.ts';
export { openSealed, sealSecret } from './envelope.ts';
export { checkReceiverKey, generateReceiverKey, receiverPublicKey } from './ristretto.ts';
export type { DkgSharingRows } from './sharing.ts';
export {
  checkSharing,
  secretShareOf,
  shareFromRow,
  sharingHash,
  sharingOf,
} from './sharing.ts';
export type { DkgRecord } from './transcript.ts';
export { qualifiedDealings, transcriptOf } from './transcript.ts';
export type {
  DkgComplaint,
  DkgConfig,
  DkgDealing,
  DkgEngines,
  DkgSharing,
  DkgTarget,
  DkgTranscript,
} from './types.ts';
export { openDealing, verifyDealing } from './verify.ts';
export { dealingsEnd } from './windows.ts';
