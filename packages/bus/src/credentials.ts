// Who may say and hear what on a broker: an NKey for each client, and the server's configuration with public halves only.
import { nkeys } from '@nats-io/transport-node';
import { partsOf } from './parts.ts';

export interface BusUser {
  readonly publicKey: string;
  /** Subjects; a client that lists none may none. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export interface NewUser {
  /** What the client's file holds. */
  readonly seed: string;
  readonly publicKey: string;
}

export function newUser(): NewUser {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}

/** Throws an `Error` when the text is no seed. */
export function publicKeyOf(seed: string): string {
  return nkeys.fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
}

export interface BrokerLimits {
  readonly payloadBytesMax: number;
  /** Waiting for one slow client before it is disconnected; what it missed is lost, and asked for again. */
  readonly pendingBytesMax: number;
}

/** Paths as the server finds them, PEM. */
export interface BrokerCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A configuration file for nats-server 2.9 and later. With a certificate nobody is heard but over TLS. */
export function brokerConfig(
  users: readonly BusUser[],
  limits: BrokerLimits,
  certificate?: BrokerCertificate,
): string {
  const list = (subjects: readonly string[]): string =>
    subjects.length === 0
      ? '{ deny: [">"] }'
      : `[${subjects.flatMap((subject) => [`"${subject}"`, `"${partsOf(subject)}"`]).join(', ')}]`;
  const rows = users.map(
    ({ publicKey, publish, subscribe }) =>
      `    { nkey: ${publicKey}, permissions: {\n      publish: ${list(publish)}\n      subscribe: ${list(subscribe)}\n    } }`,
  );
  const tls =
    certificate === undefined
      ? ''
      : `tls { cert_file: "${certificate.certificateFile}", key_file: "${certificate.keyFile}" }\n`;
  return `# Written at every start; who may say and hear what follows from the services' own lists.
max_payload: ${limits.payloadBytesMax}
max_pending: ${limits.pendingBytesMax}
${tls}authorization {
  users: [
${rows.join('\n')}
  ]
}
`;
}
