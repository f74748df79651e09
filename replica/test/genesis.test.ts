import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nobleBls } from '@internode/crypto';
import { describe, expect, test } from 'vitest';
import { developmentKeys } from '../src/genesis.ts';

function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'internode-keys-'));
}

describe('development keys', () => {
  test('are made once, kept, readable by the owner only, and different elsewhere', () => {
    const dataDir = scratch();
    const first = developmentKeys(dataDir, nobleBls);
    expect(first.subnet.publicKeyDer).toHaveLength(133);
    expect(first.subnet.members[0]?.publicKey).toHaveLength(44);
    expect(developmentKeys(dataDir, nobleBls)).toEqual(first);
    expect(statSync(join(dataDir, 'keys.json')).mode & 0o777).toBe(0o600);
    expect(developmentKeys(scratch(), nobleBls).subnet.publicKeyDer).not.toEqual(
      first.subnet.publicKeyDer,
    );
  });

  test.each(['{', '{}', '{"seed":"00"}', 'null'])(
    'a damaged file %s is refused with what to do',
    (damaged) => {
      const dataDir = scratch();
      writeFileSync(join(dataDir, 'keys.json'), damaged);
      expect(() => developmentKeys(dataDir, nobleBls)).toThrow(/cannot be read/);
      expect(readFileSync(join(dataDir, 'keys.json'), 'utf8')).toBe(damaged);
    },
  );
});
