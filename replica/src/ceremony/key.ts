// The ceremony key: an Ed25519 secret in a file. Whoever holds it may change the subnet's record, for as long as that names it.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { toHex } from '@internode/prelude';
import { hexOf, readJson, writeJson } from '../json-file.ts';
import { StartFault } from '../start-fault.ts';

const KEY_BYTES = 32;
const SECRET_MODE = 0o600;

export const CEREMONY_KEY = 'ceremony-key.json';

export function writeCeremonyKey(file: string, secret: Uint8Array): void {
  const note = 'The ceremony key: whoever has it may change the members of the subnet.';
  writeJson(file, SECRET_MODE, { note, secret: toHex(secret) });
}

export function readCeremonyKey(file: string): Uint8Array {
  const secret = readJson(file, (fields) => hexOf(fields, 'secret'));
  if (secret.length !== KEY_BYTES)
    throw new StartFault(
      `${file} is not a ceremony key`,
      'restore it, or name another file: --ceremony-key FILE',
    );
  return secret;
}

/** Made at the first call. */
export function ceremonyKey(file: string): Uint8Array {
  if (!existsSync(file)) writeCeremonyKey(file, new Uint8Array(randomBytes(KEY_BYTES)));
  return readCeremonyKey(file);
}
