import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A certificate of the loopback that vouches for itself. */
export function selfSigned(folder: string): { readonly certificate: string; readonly key: string } {
  const files = { certificate: join(folder, 'broker.pem'), key: join(folder, 'broker.key') };
  const how = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=broker'];
  const who = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:broker'];
  const out = ['-keyout', files.key, '-out', files.certificate];
  execFileSync('openssl', ['req', ...how, ...who, ...out], { stdio: 'pipe' });
  return files;
}
