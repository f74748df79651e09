// What one evil member of four can send to an honest one, and what becomes of it.
import type { ArtifactKind } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  CERTIFICATE,
  EQUIVOCATION,
  payloadOf,
  STRIPPED_PROPOSAL,
  stripPayload,
  VOTE,
} from '../src/core/artifact.ts';
import { rolesOf } from '../src/core/membership.ts';
import { CONSENSUS_LIMITS } from '../src/limits.ts';
import { beaconOf, World } from './world.ts';

/** Four nodes of which only the first runs; the others' keys are the test's. */
function alone(): World {
  const world = new World({ n: 4, executes: true });
  world.startNode(0);
  world.run(5);
  return world;
}

function rejections(world: World): readonly string[] {
  return world
    .node(0)
    .events.flatMap((event) => (event.kind === 'ArtifactRejected' ? [event.reason] : []));
}

function send(world: World, from: number, kind: ArtifactKind, body: Uint8Array): void {
  world.artifact(0, from, kind, body);
  world.run(2);
}

/** Index of the node with this rank at height 1, and the base block. */
function setting(world: World) {
  const { epochs, pool } = world.node(0).core.view();
  const subnet = epochs.subnetOf(1);
  const [base] = pool.notarizedBlocks(0);
  if (base === undefined) throw new Error('no base');
  const { makers } = rolesOf(subnet.n, beaconOf(0));
  const nodeOf = (index: number): number =>
    world.nodes.findIndex((node) => toHex(node.nodeId) === toHex(subnet.member(index).nodeId));
  const makerNodes = makers.map(nodeOf);
  const others = world.nodes
    .map((node) => node.index)
    .filter((index) => !makerNodes.includes(index));
  return { base, makerNodes, others, view: world.node(0).core.view() };
}

describe('hostile artifacts', () => {
  test('garbage of every kind is rejected', () => {
    const world = alone();
    const kinds = [
      'block_proposal',
      'notarization_share',
      'notarization',
      'finalization_share',
      'finalization',
      'equivocation_proof',
      'ingress',
    ] as const;
    for (const kind of kinds) {
      send(world, 1, kind, utf8('garbage'));
      send(world, 1, kind, new Uint8Array(0));
      send(world, 1, kind, new Uint8Array(1000).fill(255));
    }
    expect(rejections(world)).toHaveLength(3 * kinds.length);
    expect(world.node(0).core.view().unvalidated.size).toBe(0);
  });

  test('a proposal with a wrong signature, rank, payload hash or time is rejected', () => {
    const world = alone();
    const { base, makerNodes, others } = setting(world);
    const maker = makerNodes[0] === 0 ? (makerNodes[1] as number) : (makerNodes[0] as number);
    const good = STRIPPED_PROPOSAL.decode(world.proposal(maker, base, ['a']));
    if (good.kind !== 'valid') throw new Error('proposal');
    const { value } = good;
    world.run(3_000);
    send(
      world,
      maker,
      'block_proposal',
      STRIPPED_PROPOSAL.encode({ ...value, signature: new Uint8Array(64).fill(1) }),
    );
    expect(rejections(world).at(-1)).toBe('signature');
    send(
      world,
      maker,
      'block_proposal',
      STRIPPED_PROPOSAL.encode({ ...value, payload: stripPayload(payloadOf([])) }),
    );
    expect(rejections(world).at(-1)).toBe('payload hash');
    const stranger = others.find((index) => index !== 0) as number;
    send(world, stranger, 'block_proposal', world.proposal(stranger, base, ['b']));
    expect(rejections(world).at(-1)).toMatch(/malformed|rank/);
    send(
      world,
      maker,
      'block_proposal',
      STRIPPED_PROPOSAL.encode({ ...value, maker: sha256(utf8('nobody')) }),
    );
    expect(rejections(world).at(-1)).toBe('maker is not a member');
    expect(world.node(0).core.view().pool.at(1)?.blocks.size ?? 0).toBeLessThanOrEqual(1);
  });

  test('ingress twice, expired or from the far future makes a block invalid', () => {
    for (const [calls, expiryMs, reason] of [
      [['a', 'a'], 240_000, 'ingress twice in a block'],
      [['a'], -10_000, 'expired ingress'],
      [['a'], 10_000_000, 'ingress expires too far ahead'],
    ] as const) {
      const world = alone();
      const { base, makerNodes } = setting(world);
      const maker = makerNodes.find((index) => index !== 0) as number;
      // A rank that is not the best is looked at when its time has come and nothing better is there.
      if (world.node(0).core.view().pool.at(1)?.own.proposal !== undefined && makerNodes[0] === 0)
        continue;
      world.run(3_000);
      send(world, maker, 'block_proposal', world.proposal(maker, base, calls, expiryMs));
      expect(rejections(world)).toContain(reason);
    }
  });

  test('votes with wrong signatures, of strangers and for unknown blocks count for nothing', () => {
    const world = alone();
    const vote = {
      height: 1,
      blockHash: sha256(utf8('x')),
      signer: world.node(1).nodeId,
      signature: new Uint8Array(64),
    };
    send(world, 1, 'notarization_share', VOTE.encode({ ...vote, signer: utf8('stranger') }));
    send(world, 1, 'notarization_share', VOTE.encode({ ...vote, signature: new Uint8Array(63) }));
    send(world, 1, 'notarization_share', VOTE.encode({ ...vote, blockHash: new Uint8Array(31) }));
    expect(rejections(world)).toEqual([
      'signer is not a member',
      'signature length',
      'hash length',
    ]);
    send(world, 1, 'notarization_share', VOTE.encode(vote));
    expect(world.node(0).core.view().pool.notarized).toBe(0);
  });

  test('a certificate needs exactly a quorum of distinct members with good signatures', () => {
    const world = alone();
    const blockHash = sha256(utf8('x'));
    const sorted = world.node(0).core.view().epochs.subnetOf(1).members;
    type Signed = { readonly signer: Uint8Array; readonly signature: Uint8Array };
    const signatures = sorted
      .slice(0, 3)
      .map(({ nodeId }) => ({ signer: nodeId, signature: new Uint8Array(64).fill(7) }));
    const [a, b, c] = signatures as [Signed, Signed, Signed];
    const cert = (list: readonly Signed[]) =>
      CERTIFICATE.encode({ height: 1, blockHash, signatures: list });
    send(world, 1, 'notarization', cert([a, b]));
    send(world, 1, 'notarization', cert([a, a, b]));
    send(world, 1, 'notarization', cert([b, a, c]));
    send(
      world,
      1,
      'notarization',
      cert([a, b, { signer: utf8('stranger'), signature: a.signature }]),
    );
    send(world, 1, 'notarization', cert([a, b, c]));
    expect(rejections(world)).toEqual([
      'not exactly a quorum',
      'signers are not ascending',
      'signers are not ascending',
      'signer is not in the committee',
      'signature',
    ]);
    expect(world.node(0).core.view().pool.notarized).toBe(0);
  });

  test('evidence of equivocation is believed only with both signatures', () => {
    const world = alone();
    const proof = {
      maker: world.node(1).nodeId,
      height: 1,
      firstHash: sha256(utf8('x')),
      firstSignature: new Uint8Array(64),
      secondHash: sha256(utf8('y')),
      secondSignature: new Uint8Array(64),
    };
    send(world, 2, 'equivocation_proof', EQUIVOCATION.encode(proof));
    send(
      world,
      2,
      'equivocation_proof',
      EQUIVOCATION.encode({ ...proof, secondHash: proof.firstHash }),
    );
    expect(rejections(world)).toEqual(['signature', 'one block is no equivocation']);
    expect(world.node(0).core.view().pool.at(1)?.equivocators.size ?? 0).toBe(0);
  });

  test('far heights are dropped, and one peer cannot fill the section', () => {
    const world = alone();
    const vote = {
      height: 1,
      blockHash: sha256(utf8('x')),
      signer: world.node(1).nodeId,
      signature: new Uint8Array(64),
    };
    send(world, 1, 'notarization_share', VOTE.encode({ ...vote, height: 12 }));
    send(world, 1, 'finalization_share', VOTE.encode({ ...vote, height: 2 ** 50 }));
    expect(world.node(0).core.view().unvalidated.size).toBe(0);
    for (let i = 0; i < CONSENSUS_LIMITS.unvalidatedPerPeerMax + 200; i += 1) {
      const body = VOTE.encode({ ...vote, blockHash: sha256(utf8(`${i}`)), height: 1 + (i % 10) });
      world.artifact(0, 1, 'notarization_share', body);
    }
    world.run(5);
    expect(world.node(0).core.view().unvalidated.size).toBe(CONSENSUS_LIMITS.unvalidatedPerPeerMax);
    // Another peer still has its room.
    send(world, 2, 'notarization_share', VOTE.encode({ ...vote, signer: world.node(2).nodeId }));
    expect(world.node(0).core.view().unvalidated.size).toBe(
      CONSENSUS_LIMITS.unvalidatedPerPeerMax + 1,
    );
  });
});
