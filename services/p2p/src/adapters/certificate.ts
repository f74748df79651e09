// A self-signed X.509 certificate that says nothing but the node's key. Peers compare that key with the subnet's record, so
// names, dates and issuers mean nothing.
import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { concatBytes, fromHex, utf8 } from '@internode/prelude';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_0 = 0xa0;

const ED25519 = fromHex('300506032b6570');
const COMMON_NAME = fromHex('0603550403');
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420');

export interface Certified {
  readonly key: string;
  readonly cert: string;
}

/** Of the 32 secret bytes of an Ed25519 key. The same key makes the same certificate. */
export function certify(secret: Uint8Array): Certified {
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, secret));
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const name = element(
    SEQUENCE,
    element(SET, element(SEQUENCE, COMMON_NAME, element(UTF8_STRING, utf8('internode')))),
  );
  const signed = element(
    SEQUENCE,
    element(EXPLICIT_0, element(INTEGER, Uint8Array.of(2))),
    element(INTEGER, Uint8Array.of(1)),
    ED25519,
    name,
    element(
      SEQUENCE,
      element(UTC_TIME, utf8('200101000000Z')),
      element(GENERALIZED_TIME, utf8('99991231235959Z')),
    ),
    name,
    createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
  );
  const signature = sign(null, signed, privateKey);
  const certificate = element(
    SEQUENCE,
    signed,
    ED25519,
    element(BIT_STRING, Uint8Array.of(0), signature),
  );
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: new X509Certificate(certificate).toString(),
  };
}

/** The key that the other end of a finished handshake has proven to hold, as DER; undefined when it is no Ed25519 key. */
export function provenKey(socket: TLSSocket): Uint8Array | undefined {
  let publicKey: KeyObject | undefined;
  try {
    publicKey = socket.getPeerX509Certificate()?.publicKey;
  } catch {
    return undefined;
  }
  if (publicKey?.asymmetricKeyType !== 'ed25519') return undefined;
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
}

function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...contents);
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.from(head), content);
}
