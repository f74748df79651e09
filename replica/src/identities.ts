// Development identities with publicly known keys: the same on every machine, so that examples can name them.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeSignatures } from '@internode/crypto/fast';
import { principalToText, selfAuthenticating } from '@internode/encoding';

export const IDENTITY_NAMES = ['alice', 'bob', 'carol'] as const;

export interface DevelopmentIdentity {
  readonly name: string;
  readonly principal: string;
  readonly pemFile: string;
}

/** Writes each identity as PKCS#8 PEM below the data directory, for tools that import files. */
export function writeIdentities(dataDir: string): DevelopmentIdentity[] {
  const folder = join(dataDir, 'identities');
  mkdirSync(folder, { recursive: true });
  return IDENTITY_NAMES.map((name) => {
    const pemFile = join(folder, `${name}.pem`);
    if (!existsSync(pemFile)) writeFileSync(pemFile, pemOf(seedOf(name)), { mode: 0o600 });
    return { name, principal: principalOf(name), pemFile };
  });
}

function principalOf(name: string): string {
  return principalToText(selfAuthenticating(nodeSignatures.ed25519PublicKey(seedOf(name))));
}

/** The Ed25519 secret of a development identity, 32 bytes. */
export function seedOf(name: string): Uint8Array {
  return Uint8Array.from(
    createHash('sha256').update(`internode development identity ${name}`).digest(),
  );
}

/** RFC 8410 private key: fixed PKCS#8 head, then the 32-byte seed. */
function pemOf(seed: Uint8Array): string {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  const body = Buffer.concat([head, seed]).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
}
