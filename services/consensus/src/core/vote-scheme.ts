// How votes become certificates: lists of Ed25519 signatures. Measured on this kind of machine (limits.md 5.5), checking a
// quorum from bytes costs 0.46 ms at t = 3, 1.4 ms at t = 9 and 4.2 ms at t = 27, against 6.7, 9.3 and 17.6 ms for a
// BLS multi-signature with mcl; 64 bytes per signature are cheap at those sizes. Above about 40 nodes a multi-signature
// wins; only this file and the wire form know which it is.
import { invalid, type Verdict, valid } from '@internode/prelude';
import type { SignatureCheck } from './action.ts';
import { bytesOfVote, type VoteCertificate, type VotePurpose } from './artifact.ts';
import type { Subnet } from './subnet.ts';

/** The certificate of a quorum of validated votes. */
export function certificateOf(
  subnet: Subnet,
  counted: {
    readonly height: number;
    readonly blockHash: Uint8Array;
    readonly votes: ReadonlyMap<number, Uint8Array>;
  },
): VoteCertificate {
  const signatures = [...counted.votes]
    .sort(([a], [b]) => a - b)
    .slice(0, subnet.quorum)
    .map(([index, signature]) => ({ signer: subnet.member(index).nodeId, signature }));
  return { height: counted.height, blockHash: counted.blockHash, signatures };
}

/** The signatures that make a certificate hold, or why it cannot: signers twice, strangers, too few. */
export function checksOfCertificate(
  subnet: Subnet,
  judged: {
    readonly purpose: VotePurpose;
    readonly certificate: VoteCertificate;
    readonly committee: ReadonlySet<number>;
  },
): Verdict<readonly SignatureCheck[]> {
  const { purpose, certificate, committee } = judged;
  if (certificate.signatures.length !== subnet.quorum) return invalid('not exactly a quorum');
  const message = bytesOfVote(purpose, subnet.subnetId, certificate);
  const checks: SignatureCheck[] = [];
  let last = -1;
  for (const { signer, signature } of certificate.signatures) {
    const index = subnet.indexOf(signer);
    if (index === undefined || !committee.has(index))
      return invalid('signer is not in the committee');
    if (index <= last) return invalid('signers are not ascending');
    if (signature.length !== 64) return invalid('signature length');
    last = index;
    checks.push({ publicKey: subnet.member(index).publicKey, message, signature });
  }
  return valid(checks);
}
