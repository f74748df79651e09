import {
  checkDkgConfig,
  complain,
  type DkgComplaint,
  type DkgConfig,
  type DkgDealing,
  deal,
  dealingsEnd,
  judgeComplaint,
  nobleBls,
  nobleSignatures,
  openDealing,
  openSealed,
  qualifiedDealings,
  sealSecret,
  transcriptOf,
  verifyComplaint,
  verifyDealing,
} from '@internode/crypto';
import { concatBytes, fromHex, toHex, utf8 } from '@internode/prelude';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { describe, expect, test } from 'vitest';
import { complaintMessage } from '../src/dkg/complaint.ts';
import {
  combines,
  dealBy,
  dealCheating,
  dealOffPolynomial,
  dealTampered,
  engines,
  entropyOf,
  finish,
  freshConfig,
  generate,
  nodesOf,
  open,
  reshare,
  reshareConfig,
  resign,
  signs,
  type TestNode,
} from './dkg-fixture.ts';
import { below, bytesOf } from './random.ts';

const nodes = nodesOf(4);
const [first, second, third] = nodes as [TestNode, TestNode, TestNode];
const config = freshConfig(nodes, 2);
const dealings = nodes.map((node) => dealBy(config, node));
const [firstDealing] = dealings as [DkgDealing];

function verdictOf(dealing: DkgDealing, node: TestNode, under: DkgConfig = config): string {
  const verdict = verifyDealing(engines, { config: under, dealing, publicKey: node.publicKey });
  return verdict.kind === 'valid' ? 'valid' : verdict.reason;
}

function complaintBy(node: TestNode, dealing: DkgDealing, under: DkgConfig = config): DkgComplaint {
  return complain(engines, {
    config: under,
    dealing,
    receiver: node.nodeId,
    receiverSecret: node.receiver.secretKey,
    nodeSecret: node.nodeSecret,
    entropy: entropyOf('complaint'),
  });
}

function judged(dealing: DkgDealing, complaint: DkgComplaint, by: TestNode): string {
  const { publicKey } = by;
  const verdict = judgeComplaint(engines, { config, dealing, complaint, publicKey });
  const accepted = verifyComplaint(engines, { config, dealing, complaint, publicKey });
  expect(accepted.kind === 'valid').toBe(verdict.kind === 'valid' && verdict.value === 'dealer');
  return verdict.kind === 'valid' ? verdict.value : verdict.reason;
}

describe('a fresh key', () => {
  test.each([
    [1, 1],
    [4, 2],
    [7, 5],
  ])('of %i nodes signs with any %i shares and no fewer', (count, threshold) => {
    const members = nodesOf(count, `fresh ${count}`);
    const key = generate(members, threshold);
    const all = members.map((_, i) => i);
    expect(signs(key, all.slice(0, threshold))).toBe(true);
    expect(signs(key, all.slice(-threshold))).toBe(true);
    if (threshold > 1) expect(signs(key, all.slice(0, threshold - 1))).toBe(false);
    expect(key.transcript.dealers).toHaveLength(count);
    key.secrets.forEach((secret, i) => {
      expect(engines.bls.publicKey(secret)).toEqual(key.transcript.shareKeys[i]);
    });
  });

  test('dealings are valid, under both engines alike, and a function of their entropy', () => {
    const noble = { bls: nobleBls, signatures: nobleSignatures };
    nodes.forEach((node, i) => {
      expect(verdictOf(dealings[i] as DkgDealing, node)).toBe('valid');
    });
    const verdict = verifyDealing(noble, {
      config,
      dealing: firstDealing,
      publicKey: first.publicKey,
    });
    expect(verdict.kind).toBe('valid');
    expect(dealBy(config, first)).toEqual(firstDealing);
    const record = { config, dealings, complaints: [] };
    expect(transcriptOf(noble, record)).toEqual(transcriptOf(engines, record));
  });

  test('the transcript is a function of what counts: a second dealing of a dealer changes nothing', () => {
    const again = dealBy(config, first, { label: 'again' });
    const plain = transcriptOf(engines, { config, dealings, complaints: [] });
    const more = transcriptOf(engines, { config, dealings: [...dealings, again], complaints: [] });
    expect(more).toEqual(plain);
    const instead = [again, ...dealings];
    expect(transcriptOf(engines, { config, dealings: instead, complaints: [] })).not.toEqual(plain);
  });

  test('threshold boundary: exactly the dealings needed make a key, one fewer makes none', () => {
    expect(config.dealingsNeeded).toBe(2);
    const two = finish(nodes, { config, dealings: dealings.slice(2) });
    expect(signs(two, [0, 3])).toBe(true);
    const one = { config, dealings: dealings.slice(3), complaints: [] };
    expect(transcriptOf(engines, one)).toBeUndefined();
    expect(transcriptOf(engines, { config, dealings: [], complaints: [] })).toBeUndefined();
    // Twice the same dealer is one dealer.
    const twice = [firstDealing, dealBy(config, first, { label: 'again' })];
    expect(transcriptOf(engines, { config, dealings: twice, complaints: [] })).toBeUndefined();
  });
});

describe('resharing', () => {
  test('4 → 7 → 5 keeps the key of the group; shares of different memberships do not combine', () => {
    const four = generate(nodes, 3);
    const seven = reshare(four, [...nodes, ...nodesOf(3, 'new')].sort(byId), {
      threshold: 5,
      height: 100,
    });
    const five = reshare(seven, seven.nodes.slice(1, 6), { threshold: 3, height: 200 });
    const { groupKey } = four.transcript;
    for (const key of [seven, five]) expect(key.transcript.groupKey).toEqual(groupKey);
    expect(signs(four, [0, 2, 3])).toBe(true);
    expect(signs(seven, [0, 2, 3, 4, 6])).toBe(true);
    expect(signs(seven, [0, 2, 3, 4])).toBe(false);
    expect(signs(five, [0, 2, 4])).toBe(true);
    // Old and new values lie on different polynomials: any mixture is worthless, however large.
    const take = (secrets: readonly Uint8Array[], indices: readonly number[]) =>
      indices.map((index) => ({ index, secret: secrets[index] as Uint8Array }));
    const old = take(four.secrets, [0, 1]);
    expect(combines(groupKey, [...old, ...take(five.secrets, [2])])).toBe(false);
    expect(combines(groupKey, [...old, ...take(five.secrets, [2, 3])])).toBe(false);
    expect(combines(groupKey, [...old, ...take(seven.secrets, [2, 3, 4])])).toBe(false);
  });

  test('a dealer that shares something else than its old share is refused', () => {
    const four = generate(nodes, 3);
    const under = reshareConfig(four, nodes, { threshold: 3, height: 50 });
    const own = dealBy(under, first, { oldShare: four.secrets[0] as Uint8Array });
    expect(verdictOf(own, first, under)).toBe('valid');
    const other = dealBy(under, first, { oldShare: four.secrets[1] as Uint8Array });
    expect(verdictOf(other, first, under)).toBe('dkg: does not share the old share');
    const random = dealBy(under, first, { oldShare: entropyOf('x').fill(1, 0, 1) });
    expect(verdictOf(random, first, under)).toBe('dkg: does not share the old share');
    expect(
      transcriptOf(engines, { config: under, dealings: [own, random], complaints: [] }),
    ).toBeUndefined();
  });

  test('needs as many qualified dealers as the old threshold', () => {
    const four = generate(nodes, 3);
    const under = reshareConfig(four, nodes, { threshold: 3, height: 50 });
    const dealt = nodes.map((node, i) =>
      dealBy(under, node, { oldShare: four.secrets[i] as Uint8Array }),
    );
    const key = finish(nodes, { config: under, dealings: dealt.slice(1) });
    expect(key.transcript.groupKey).toEqual(four.transcript.groupKey);
    // Any three give the same key of the group; only the first three in the chain are used.
    const reversed = finish(nodes, { config: under, dealings: [...dealt].reverse() });
    expect(reversed.transcript.groupKey).toEqual(four.transcript.groupKey);
    expect(reversed.transcript.dealers).toHaveLength(3);
    const two = { config: under, dealings: dealt.slice(2), complaints: [] };
    expect(transcriptOf(engines, two)).toBeUndefined();
  });

  test('without an old share nothing is dealt, and for a fresh key none is given away', () => {
    const four = generate(nodes, 3);
    const under = reshareConfig(four, nodes, { threshold: 3, height: 50 });
    const request = {
      dealer: first.nodeId,
      nodeSecret: first.nodeSecret,
      entropy: entropyOf('deal'),
    };
    expect(deal(engines, { ...request, config: under }).kind).toBe('invalid');
    const oldShare = four.secrets[0] as Uint8Array;
    expect(deal(engines, { ...request, config, oldShare }).kind).toBe('invalid');
    const stranger = { ...request, dealer: utf8('stranger') };
    expect(deal(engines, { ...stranger, config }).kind).toBe('invalid');
  });
});

describe('attacks on dealings', () => {
  test('a bad share to one receiver: it complains, and the dealer alone is out', () => {
    for (const cheat of [dealCheating, dealOffPolynomial]) {
      const bad = cheat(config, first, 2);
      expect(verdictOf(bad, first)).toBe('valid');
      expect(open(config, bad, third)).toBeUndefined();
      expect(open(config, bad, second)).toBeDefined();
      const complaint = complaintBy(third, bad);
      expect(judged(bad, complaint, third)).toBe('dealer');
      const record = [bad, ...dealings.slice(1)];
      const key = finish(nodes, { config, dealings: record, complaints: [complaint] });
      expect(key.transcript.dealers.map(toHex)).toEqual(
        nodes.slice(1).map(({ nodeId }) => toHex(nodeId)),
      );
      expect(signs(key, [0, 2])).toBe(true);
      const ignored = transcriptOf(engines, { config, dealings: record, complaints: [] });
      expect(ignored).not.toEqual(key.transcript);
      expect(() => finish(nodes, { config, dealings: record })).toThrow('missing');
    }
  });

  test('a wrong commitment: every receiver finds out, one complaint is enough', () => {
    const bad = dealTampered(config, first, (dealing) => ({
      ...dealing,
      commitments: [
        dealing.commitments[0] as Uint8Array,
        (dealings[1] as DkgDealing).commitments[1] as Uint8Array,
      ],
    }));
    expect(verdictOf(bad, first)).toBe('valid');
    for (const node of nodes) expect(open(config, bad, node)).toBeUndefined();
    expect(judged(bad, complaintBy(second, bad), second)).toBe('dealer');
  });

  test('invalid points: outside the subgroup, the identity, not on the curve, not canonical', () => {
    const identity = new Uint8Array(96).fill(0);
    identity[0] = 0xc0;
    const notCanonical = (firstDealing.commitments[1] as Uint8Array).slice().fill(0xff, 0, 48);
    for (const point of [outsideG2(), identity, new Uint8Array(96).fill(7), notCanonical]) {
      for (const place of [0, 1]) {
        const commitments = firstDealing.commitments.map((one, i) => (i === place ? point : one));
        const bad = resign(config, first, { ...firstDealing, commitments });
        expect(verdictOf(bad, first)).not.toBe('valid');
      }
      const tampered = dealTampered(config, first, (dealing) => ({
        ...dealing,
        commitments: [dealing.commitments[0] as Uint8Array, point],
      }));
      expect(verdictOf(tampered, first)).not.toBe('valid');
    }
    for (const ephemeralKey of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const bad = dealTampered(config, first, (dealing) => ({ ...dealing, ephemeralKey }));
      expect(verdictOf(bad, first)).toBe('dkg: not a ristretto255 key');
    }
  });

  test('a dealing of another target, key, membership or threshold does not pass', () => {
    const later = freshConfig(nodes, 2, 500);
    expect(verdictOf(firstDealing, first, later)).toBe('dkg: another target');
    const renamed = { ...firstDealing, target: later.target };
    expect(verdictOf(renamed, first, later)).toBe('dkg: signature of dealing');
    // Even signed anew it proves nothing: a replayer does not know the secret.
    expect(verdictOf(resign(later, first, renamed), first, later)).toBe('dkg: proof of knowledge');
    const others = nodesOf(4, 'others').map(({ receiver }) => receiver.publicKey);
    const swapped = { ...config, receiverKeys: others };
    expect(verdictOf(firstDealing, first, swapped)).toBe('dkg: signature of dealing');
    const larger = { ...config, threshold: 3 };
    expect(verdictOf(firstDealing, first, larger)).toBe('dkg: commitments');
    const transplanted = { config: later, dealings: [firstDealing], complaints: [] };
    expect(qualifiedDealings(engines, transplanted)).toEqual([]);
  });

  test('a copied dealing under another name does not pass: the secret must be known', () => {
    const copied = { ...firstDealing, dealer: second.nodeId };
    expect(verdictOf(copied, second)).toBe('dkg: signature of dealing');
    expect(verdictOf(resign(config, second, copied), second)).toBe('dkg: proof of knowledge');
    expect(verdictOf(firstDealing, second)).toBe('dkg: not the key of the dealer');
  });

  test('a rogue constant that cancels the others has no proof of knowledge', () => {
    const point = (bytes: Uint8Array) => bls12_381.G2.Point.fromBytes(bytes);
    const sum = dealings
      .slice(1)
      .reduce(
        (total, one) => total.add(point(one.commitments[0] as Uint8Array)),
        bls12_381.G2.Point.ZERO,
      );
    const wanted = point((dealings[0] as DkgDealing).commitments[0] as Uint8Array);
    const rogue = dealTampered(config, first, (dealing) => ({
      ...dealing,
      commitments: [wanted.subtract(sum).toBytes(), dealing.commitments[1] as Uint8Array],
    }));
    expect(verdictOf(rogue, first)).toBe('dkg: proof of knowledge');
  });

  test('a dealing of a stranger, or signed by somebody else, does not pass', () => {
    const [stranger] = nodesOf(1, 'stranger') as [TestNode];
    const alien = { ...firstDealing, dealer: stranger.nodeId };
    expect(verdictOf(resign(config, stranger, alien), stranger)).toBe('dkg: not a dealer');
    expect(verdictOf(resign(config, second, firstDealing), first)).toBe(
      'dkg: signature of dealing',
    );
  });
});

describe('complaints', () => {
  test('a false complaint convicts the receiver, and changes nothing', () => {
    const complaint = complaintBy(second, firstDealing);
    expect(judged(firstDealing, complaint, second)).toBe('receiver');
    const record = { config, dealings };
    expect(transcriptOf(engines, { ...record, complaints: [complaint] })).toEqual(
      transcriptOf(engines, { ...record, complaints: [] }),
    );
  });

  test('a false point has no proof; a good proof of another dealing, dealer or receiver does not fit', () => {
    const bad = dealCheating(config, first, 2);
    const good = complaintBy(third, bad);
    const other = complaintBy(third, dealings[1] as DkgDealing);
    const lie = { ...complaintBy(third, firstDealing), sharedPoint: other.sharedPoint };
    for (const complaint of [lie, other, { ...good, proof: other.proof }]) {
      expect(judged(firstDealing, signedAnew(complaint, third), third)).toMatch(/^dkg/);
    }
    expect(judged(firstDealing, signedAnew(good, third), third)).toBe('dkg: equality proof');
    expect(judged(bad, { ...good, receiver: second.nodeId }, second)).toBe(
      'dkg: signature of complaint',
    );
    expect(judged(bad, good, second)).toBe('dkg: not the key of the receiver');
    const unsigned = { ...good, signature: new Uint8Array(64) };
    expect(judged(bad, unsigned, third)).toBe('dkg: signature of complaint');
  });

  test('a complaint by somebody who receives nothing does not pass', () => {
    const [stranger] = nodesOf(1, 'stranger') as [TestNode];
    const bad = dealCheating(config, first, 2);
    const complaint = { ...complaintBy(third, bad), receiver: stranger.nodeId };
    expect(judged(bad, signedAnew(complaint, stranger), stranger)).toBe('dkg: not a receiver');
  });

  test('complaints against a second dealing of the same dealer do not reach the first', () => {
    const bad = dealCheating(config, first, 2);
    const complaint = complaintBy(third, bad);
    const record = { config, dealings: [...dealings, bad], complaints: [complaint] };
    expect(qualifiedDealings(engines, record)).toHaveLength(4);
    const bound = { ...record, dealings: [bad, ...dealings] };
    expect(qualifiedDealings(engines, bound)).toHaveLength(3);
  });
});

describe('everything malformed', () => {
  test('is refused without an exception', () => {
    const random = bytesOf('dkg fuzz');
    const complaint = complaintBy(third, dealCheating(config, first, 2));
    for (let i = 0; i < 150; i++) {
      const dealing = mutate(firstDealing, random);
      expect(verdictOf(dealing, first)).not.toBe('valid');
      openDealing(engines, {
        config,
        dealing,
        receiver: third.nodeId,
        receiverSecret: third.receiver.secretKey,
      });
      const broken = mutate(complaint, random);
      const { publicKey } = third;
      const request = { config, dealing: firstDealing, complaint: broken, publicKey };
      expect(verifyComplaint(engines, request).kind).toBe('invalid');
      transcriptOf(engines, { config, dealings: [dealing, ...dealings], complaints: [broken] });
    }
  });

  test('configurations too: no key is generated by a bad one', () => {
    const four = generate(nodes, 3);
    const under = reshareConfig(four, nodes, { threshold: 3, height: 50 });
    const bad: readonly Partial<DkgConfig>[] = [
      { threshold: 0 },
      { threshold: 5 },
      { threshold: 1.5 },
      { dealingsNeeded: 0 },
      { dealingsNeeded: 5 },
      { dealers: [] },
      { receivers: [] },
      { receivers: [...under.receivers].reverse() },
      { dealers: [first.nodeId, first.nodeId, second.nodeId, third.nodeId] },
      { receiverKeys: under.receiverKeys.slice(1) },
      { receiverKeys: under.receiverKeys.map(() => new Uint8Array(32)) },
      { dealerShareKeys: under.dealerShareKeys.slice(1) },
      { dealerIndices: [0, 1, 2] },
      { dealerIndices: [0, 0, 1, 2] },
      { dealerIndices: [0, 1, 2, -1] },
      { receivers: Array.from({ length: 1001 }, (_, i) => utf8(String(i).padStart(4, '0'))) },
    ];
    expect(checkDkgConfig(under).kind).toBe('valid');
    for (const change of bad) {
      const broken = { ...under, ...change };
      expect(checkDkgConfig(broken).kind, JSON.stringify(Object.keys(change))).toBe('invalid');
      expect(verdictOf(firstDealing, first, broken)).not.toBe('valid');
      const request = {
        config: broken,
        dealer: first.nodeId,
        nodeSecret: first.nodeSecret,
        oldShare: four.secrets[0] as Uint8Array,
        entropy: entropyOf('deal'),
      };
      expect(deal(engines, request).kind).toBe('invalid');
      expect(transcriptOf(engines, { config: broken, dealings, complaints: [] })).toBeUndefined();
    }
  });
});

describe('secrets at rest', () => {
  test('are read again by their node only, and not when touched', () => {
    const secret = entropyOf('secret');
    const sealed = sealSecret(first.nodeSecret, secret, entropyOf('seal'));
    expect(openSealed(first.nodeSecret, sealed)).toEqual(secret);
    expect(openSealed(second.nodeSecret, sealed)).toBeUndefined();
    for (let i = 0; i < sealed.length; i++) {
      const touched = sealed.map((byte, at) => (at === i ? byte ^ 1 : byte));
      expect(openSealed(first.nodeSecret, touched)).toBeUndefined();
    }
    for (let i = 0; i < sealed.length; i++) {
      expect(openSealed(first.nodeSecret, sealed.subarray(0, i))).toBeUndefined();
    }
    expect(sealSecret(first.nodeSecret, secret, entropyOf('again'))).not.toEqual(sealed);
  });
});

function byId(a: TestNode, b: TestNode): number {
  return toHex(a.nodeId) < toHex(b.nodeId) ? -1 : 1;
}

/** Signed by somebody who wants it to pass: what it says is then judged. */
function signedAnew(complaint: DkgComplaint, by: TestNode): DkgComplaint {
  const message = complaintMessage(config, complaint);
  return { ...complaint, signature: engines.signatures.signEd25519(by.nodeSecret, message) };
}

/** One field of another length, with a bit flipped, emptied or exchanged for noise. */
function mutate<T extends object>(value: T, random: (length: number) => Uint8Array): T {
  const fields = Object.entries(value).filter(([name]) => name !== 'target');
  const [name, old] = fields[below(random, fields.length)] as [string, Uint8Array | Uint8Array[]];
  return {
    ...value,
    [name]: Array.isArray(old) ? mutateList(old, random) : mutateBytes(old, random),
  };
}

function mutateList(
  list: readonly Uint8Array[],
  random: (length: number) => Uint8Array,
): readonly Uint8Array[] {
  const at = below(random, list.length);
  switch (below(random, 4)) {
    case 0:
      return list.filter((_, i) => i !== at);
    case 1:
      return [...list, list[at] as Uint8Array];
    case 2:
      return [];
    default:
      return list.map((bytes, i) => (i === at ? mutateBytes(bytes, random) : bytes));
  }
}

function mutateBytes(bytes: Uint8Array, random: (length: number) => Uint8Array): Uint8Array {
  switch (below(random, 4)) {
    case 0:
      return bytes.subarray(0, below(random, bytes.length));
    case 1:
      return concatBytes(bytes, random(1 + below(random, 40)));
    case 2:
      return random(bytes.length);
    default: {
      const at = below(random, bytes.length);
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << below(random, 8)) : byte));
    }
  }
}

/** A point of G2's curve outside the prime-order subgroup. */
function outsideG2(): Uint8Array {
  const { Fp2 } = bls12_381.fields;
  for (let c0 = 1n; ; c0++) {
    const x = { c0, c1: 0n };
    try {
      const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), { c0: 4n, c1: 4n }));
      const point = new bls12_381.G2.Point(x, y, Fp2.ONE);
      if (point.isTorsionFree()) continue;
      const bytes = fromHex(c0.toString(16).padStart(192, '0'));
      bytes[0] = (bytes[0] as number) | 0x80;
      return bytes;
    } catch {}
  }
}

test.each([
  // The blocks just above the last dealing are made before anybody has opened it.
  [6, 3],
  [7, 4],
  [20, 10],
  [80, 40],
  [500, 40],
])('of an epoch of %i heights complaints have %i', (length, forComplaints) => {
  const end = dealingsEnd({ height: 100, nextHeight: 100 + length });
  expect(100 + length - end).toBe(forComplaints);
});
