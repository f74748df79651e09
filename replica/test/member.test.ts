import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nobleBls } from '@internode/crypto';
import { principalToText } from '@internode/encoding';
import { describe, expect, test } from 'vitest';
import { dealMembers } from '../src/genesis.ts';
import {
  endFirstLife,
  isFirstLife,
  isMemberDir,
  type Member,
  placesOf,
  readMember,
  writeGenesis,
  writeNodeSecrets,
  writePeerPlaces,
} from '../src/member.ts';
import { prepareNetwork, replicaDir } from '../src/network-dir.ts';

function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'internode-member-'));
}

const members = dealMembers({
  addresses: ['a:1', 'b:2', 'c:3', 'd:4'],
  entropy: new Uint8Array(32).fill(3),
  bls: nobleBls,
});

function member(index: number): Member {
  const found = members[index];
  if (found === undefined) throw new Error('no such member');
  return found;
}

function write({ secrets, summary, shares }: Member): string {
  const dir = scratch();
  writeNodeSecrets(dir, secrets);
  writeGenesis(dir, summary, shares);
  return dir;
}

describe('the data directory of a member', () => {
  test('holds all that the member needs; secrets are for the owner only', () => {
    const dir = write(member(2));
    expect(isMemberDir(dir)).toBe(true);
    expect(isMemberDir(scratch())).toBe(false);
    expect(readMember(dir, nobleBls)).toEqual(member(2));
    for (const name of ['node.json', 'shares.json'])
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });

  test('no secret stands in the public file', () => {
    const dir = write(member(1));
    const { secrets, shares } = member(1);
    const text = readFileSync(join(dir, 'genesis.json'), 'utf8');
    for (const secret of [...Object.values(secrets), ...Object.values(shares ?? {})])
      expect(text).not.toContain(Buffer.from(secret).toString('hex'));
  });

  test('addresses are the record’s, unless the machine has its own', () => {
    const own = principalToText(member(1).nodeId);
    const other = principalToText(member(0).nodeId);
    expect(placesOf(member(1))).toMatchObject({ listen: 'b:2', addresses: { [other]: 'a:1' } });
    const dir = write(member(1));
    writePeerPlaces(dir, { listen: '0.0.0.0:9', addresses: { [other]: 'x:7' } });
    const places = placesOf(readMember(dir, nobleBls));
    expect(places.listen).toBe('0.0.0.0:9');
    expect(places.addresses).toMatchObject({ [other]: 'x:7', [own]: 'b:2' });
  });

  test.each([
    ['node.json', '{"node":"00"}', /cannot be read: "node" is not 32 bytes/],
    ['shares.json', '{', /cannot be read/],
    ['genesis.json', '{"summary":"ffff"}', /cannot be read/],
    ['peers.json', '{"listen":1}', /needs "listen" and "addresses"/],
  ])('damage in %s is refused', (name, content, text) => {
    const dir = write(member(0));
    writeFileSync(join(dir, name), content);
    expect(() => readMember(dir, nobleBls)).toThrow(text);
  });

  test('shares of another member are refused', () => {
    const dir = write(member(0));
    writeGenesis(dir, member(0).summary, member(1).shares);
    expect(() => readMember(dir, nobleBls)).toThrow(/low share .* does not belong/);
  });

  test('keys of a stranger are refused', () => {
    const dir = write(member(0));
    const secrets = { ...member(0).secrets, node: new Uint8Array(32).fill(1) };
    writeNodeSecrets(dir, secrets);
    expect(() => readMember(dir, nobleBls)).toThrow(/is no member/);
  });

  test('the first life is one only', () => {
    const dir = write(member(0));
    expect(isFirstLife(dir)).toBe(true);
    endFirstLife(dir);
    endFirstLife(dir);
    expect(isFirstLife(dir)).toBe(false);
    expect(isFirstLife(scratch())).toBe(false);
  });

  test('keys without a genesis mean an unfinished ceremony', () => {
    const dir = scratch();
    writeNodeSecrets(dir, member(0).secrets);
    expect(() => readMember(dir, nobleBls)).toThrow(/ceremony is not finished/);
  });
});

describe('the directory of a network', () => {
  const plan = { replicas: 4, clean: false };

  test('is made once, keeps its keys, and tells everybody where the others are', async () => {
    const dataDir = scratch();
    expect(await prepareNetwork({ ...plan, dataDir }, 4)).toBe(4);
    const first = [0, 1, 2, 3].map((index) => readMember(replicaDir(dataDir, index), nobleBls));
    expect(new Set(first.map((one) => placesOf(one).listen)).size).toBe(4);
    for (const one of first) {
      const { addresses } = placesOf(one);
      for (const other of first)
        expect(addresses[principalToText(other.nodeId)]).toBe(placesOf(other).listen);
    }
    expect(await prepareNetwork({ ...plan, dataDir, replicas: undefined }, 7)).toBe(4);
    const again = readMember(replicaDir(dataDir, 0), nobleBls);
    expect(again.summary).toEqual(first[0]?.summary);
  });

  test('another number is refused; --clean forgets the network and nothing else', async () => {
    const dataDir = scratch();
    await prepareNetwork({ ...plan, dataDir, replicas: 2 }, 4);
    writeFileSync(join(dataDir, 'notes.txt'), 'mine');
    const before = readMember(replicaDir(dataDir, 0), nobleBls);
    const other = { ...plan, dataDir, replicas: 1 };
    await expect(prepareNetwork(other, 4)).rejects.toThrow(/has 2 replicas, not 1/);
    await prepareNetwork({ ...other, clean: true }, 4);
    expect(existsSync(replicaDir(dataDir, 1))).toBe(false);
    expect(existsSync(join(dataDir, 'notes.txt'))).toBe(true);
    expect(readMember(replicaDir(dataDir, 0), nobleBls).summary).not.toEqual(before.summary);
  });

  test('the directory of a single replica is not taken', async () => {
    const dataDir = scratch();
    writeFileSync(join(dataDir, 'keys.json'), '{}');
    await expect(prepareNetwork({ ...plan, dataDir }, 4)).rejects.toThrow(/single replica/);
  });
});
