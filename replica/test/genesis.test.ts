import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dealSubnet } from '@internode/beacon';
import { nobleBls, verifyPossession } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { fromHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { dealMembers, developmentMember } from '../src/genesis.ts';
import { subnetOf } from '../src/member.ts';

function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'internode-keys-'));
}

const memberIn = (dataDir: string) => developmentMember(dataDir, nobleBls);

describe('development keys', () => {
  test('are made once, kept, readable by the owner only, and different elsewhere', () => {
    const dataDir = scratch();
    const first = memberIn(dataDir);
    const subnet = subnetOf(first.summary);
    expect(subnet.publicKeyDer).toHaveLength(133);
    expect(subnet.members[0]?.publicKey).toHaveLength(44);
    expect(memberIn(dataDir)).toEqual(first);
    expect(statSync(join(dataDir, 'keys.json')).mode & 0o777).toBe(0o600);
    expect(subnetOf(memberIn(scratch()).summary).publicKeyDer).not.toEqual(subnet.publicKeyDer);
  });

  test('of a directory made by the first version are the same as ever', () => {
    const dataDir = scratch();
    const seed = '07'.repeat(32);
    writeFileSync(join(dataDir, 'keys.json'), JSON.stringify({ note: '', seed }));
    const { summary, secrets, shares, nodeId } = memberIn(dataDir);
    const dealing = dealSubnet({
      nodes: 1,
      entropy: fromHex(seed),
      bls: nobleBls,
      signatures: nodeSignatures,
    });
    expect(subnetOf(summary)).toEqual(dealing.subnet);
    expect(dealing.nodes[0]).toMatchObject({
      nodeId,
      nodeSecret: secrets.node,
      lowShare: shares?.low,
      highShare: shares?.high,
    });
    // Its chain has no summary blocks.
    expect(summary.nextHeight).toBe(0);
  });

  test.each(['{', '{}', '{"seed":"00"}', 'null'])(
    'a damaged file %s is refused with what to do',
    (damaged) => {
      const dataDir = scratch();
      writeFileSync(join(dataDir, 'keys.json'), damaged);
      expect(() => memberIn(dataDir)).toThrow(/cannot be read/);
      expect(readFileSync(join(dataDir, 'keys.json'), 'utf8')).toBe(damaged);
    },
  );
});

describe('a dealt network', () => {
  test('has members in the order of their ids, each with keys that it can prove', () => {
    const addresses = ['a:1', 'b:2', 'c:3', 'd:4'];
    const entropy = new Uint8Array(32).fill(9);
    const members = dealMembers({ addresses, entropy, bls: nobleBls });
    const record = members[0]?.summary.current.record;
    expect(members.map(({ nodeId }) => nodeId)).toEqual(record?.nodes.map(({ nodeId }) => nodeId));
    expect(record?.nodes.map(({ address }) => address)).toEqual(addresses);
    for (const [index, { secrets }] of members.entries()) {
      const node = record?.nodes[index];
      expect(node?.voteKey).toEqual(nobleBls.publicKey(secrets.vote));
      if (node === undefined) throw new Error('no node');
      expect(verifyPossession(nobleBls, node.voteKey, node.voteKeyProof).kind).toBe('valid');
    }
  });
});
