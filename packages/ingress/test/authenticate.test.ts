import { decodeCborMap, encodeCbor, selfAuthenticating, separator } from '@internode/encoding';
import { concatBytes, toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { authenticate, decodeRequest, isTargetAllowed, knownSignatures } from '../src/index.ts';
import {
  CANISTER,
  canisterSignature,
  canisterSigner,
  content,
  ecdsa,
  ed25519,
  envelope,
  type Link,
  MINUTE,
  NOW,
  rules,
  type Signer,
  verdictOn,
} from './support.ts';

const alice = ed25519();
const bob = ed25519();

describe('senders', () => {
  test('row 12: the anonymous sender is accepted without key and signature, refused with', () => {
    expect(verdictOn(envelope(content('call')))).toBe('accepted');
    for (const override of [
      { sender_pubkey: alice.publicKey, sender_sig: new Uint8Array(64) },
      { sender_pubkey: alice.publicKey },
      { sender_sig: new Uint8Array(64) },
      {
        sender_delegation: [
          {
            delegation: { pubkey: alice.publicKey, expiration: NOW },
            signature: new Uint8Array(64),
          },
        ],
      },
    ]) {
      expect(verdictOn(envelope(content('call'), undefined, [], override))).toMatch(/signature/i);
    }
    const info = { sender_info: { info: utf8('a'), signer: CANISTER, sig: utf8('s') } };
    expect(verdictOn(envelope(content('call', info)))).toContain('sender_info');
  });

  test('row 13: Ed25519, P-256 and secp256k1 senders are accepted, wrong signatures are not', () => {
    for (const signer of [alice, ecdsa('prime256v1'), ecdsa('secp256k1')]) {
      for (const kind of ['call', 'query', 'read_state'] as const) {
        expect(verdictOn(envelope(content(kind), signer), kind)).toBe('accepted');
      }
      const wrong: Signer = { ...signer, sign: (message) => signer.sign(message.slice(1)) };
      expect(verdictOn(envelope(content('call'), wrong))).toContain('Invalid signature');
    }
  });

  test('row 14: the sender must be the principal of the public key', () => {
    const signed = envelope(content('call'), alice, [], { sender_pubkey: bob.publicKey });
    expect(verdictOn(signed)).toContain('does not match');
    const claim = { sender: selfAuthenticating(alice.publicKey) };
    expect(verdictOn(envelope(content('call', claim)))).toContain('Missing signature');
    const keyOnly = { sender_pubkey: alice.publicKey };
    expect(verdictOn(envelope(content('call', claim), undefined, [], keyOnly))).toContain(
      'Missing signature',
    );
  });
});

describe('expiry', () => {
  test('row 16: the window, and the words that agents look for', () => {
    const at = (expiry: bigint): string =>
      verdictOn(envelope(content('call', { ingress_expiry: expiry }), alice));
    expect(at(NOW)).toBe('accepted');
    expect(at(NOW + 5n * MINUTE + MINUTE / 2n)).toBe('accepted');
    expect(at(NOW - 1n)).toContain('Invalid request expiry: ');
    expect(at(NOW + 5n * MINUTE + MINUTE / 2n + 1n)).toContain('Invalid request expiry: ');
    expect(at(2n ** 64n - 1n)).toContain('Invalid request expiry: ');
    expect(at(2n ** 64n)).toContain('nat64');
    const anonymous = envelope(content('call', { ingress_expiry: NOW - 1n }));
    expect(verdictOn(anonymous)).toContain('Invalid request expiry: ');
  });

  test('row 17: anonymous queries and reads may carry any expiry, signed ones may not', () => {
    for (const kind of ['query', 'read_state'] as const) {
      const stale = content(kind, { ingress_expiry: 1n });
      expect(verdictOn(envelope(stale), kind)).toBe('accepted');
      expect(verdictOn(envelope(stale, alice), kind)).toContain('Invalid request expiry: ');
    }
  });
});

describe('delegations', () => {
  const chainOf = (signers: Signer[], fields: Link['fields'] = {}): Link[] =>
    signers.slice(1).map((to, i) => ({ from: signers[i] as Signer, to, fields }));

  test('row 15: chains in order up to 20 are accepted', () => {
    const keys = Array.from({ length: 22 }, ed25519);
    for (const length of [1, 2, 20]) {
      const chain = chainOf([alice, ...keys.slice(0, length)]);
      expect(verdictOn(envelope(content('call'), alice, chain))).toBe('accepted');
    }
    const long = chainOf([alice, ...keys.slice(0, 21)]);
    expect(verdictOn(envelope(content('call'), alice, long))).toContain('more than 20');
    const swapped = chainOf([alice, ...keys.slice(0, 2)]).reverse();
    expect(verdictOn(envelope(content('call'), alice, swapped))).toContain('Invalid delegation');
    const stranger: Link[] = [{ from: bob, to: keys[0] as Signer }];
    expect(verdictOn(envelope(content('call'), alice, stranger))).toContain('Invalid delegation');
  });

  test('row 15: keys come once, delegations expire, the request is signed with the last key', () => {
    const self: Link[] = [{ from: alice, to: alice }];
    expect(verdictOn(envelope(content('call'), alice, self))).toContain('a key comes twice');
    const loop = chainOf([alice, bob, alice]);
    expect(verdictOn(envelope(content('call'), alice, loop))).toContain('a key comes twice');
    const at = (expiration: bigint): string =>
      verdictOn(envelope(content('call'), alice, chainOf([alice, bob], { expiration })));
    expect(at(NOW)).toBe('accepted');
    expect(at(NOW - 1n)).toContain('expired');
    const chain = chainOf([alice, bob]);
    const first = { ...bob, sign: alice.sign };
    const wrongSigner = [{ from: alice, to: first }];
    expect(verdictOn(envelope(content('call'), alice, chain))).toBe('accepted');
    expect(verdictOn(envelope(content('call'), alice, wrongSigner))).toContain('Invalid signature');
  });

  test('row 15: targets intersect over the chain', () => {
    const id = (n: number): Uint8Array => Uint8Array.of(0, n, 1, 1);
    const carol = ed25519();
    const chain: Link[] = [
      { from: alice, to: bob, fields: { targets: [id(1), id(2)] } },
      { from: bob, to: carol, fields: { targets: [id(2), id(3)] } },
    ];
    const decoded = decodeRequest('call', envelope(content('call'), alice, chain));
    if (decoded.kind === 'refused') throw new Error(decoded.text);
    const outcome = authenticate(decoded.value, rules);
    if (outcome.kind === 'refused') throw new Error(outcome.text);
    expect([1, 2, 3].map((n) => isTargetAllowed(outcome.value, id(n)))).toEqual([
      false,
      true,
      false,
    ]);
    expect(isTargetAllowed({}, id(1))).toBe(true);
    const many = { targets: Array.from({ length: 1001 }, () => CANISTER) };
    expect(verdictOn(envelope(content('call'), alice, chainOf([alice, bob], many)))).toContain(
      'more than 1000 targets',
    );
  });

  test('row 101: permissions "queries" forbid calls, "all" nothing, other words everything', () => {
    const verdict = (permissions: string, kind: 'call' | 'query' | 'read_state'): string =>
      verdictOn(
        envelope(content(kind), alice, chainOf([alice, bob, ed25519()], { permissions })),
        kind,
      );
    expect(verdict('queries', 'call')).toContain('queries only');
    expect(verdict('queries', 'query')).toBe('accepted');
    expect(verdict('queries', 'read_state')).toBe('accepted');
    for (const kind of ['call', 'query', 'read_state'] as const) {
      expect(verdict('all', kind)).toBe('accepted');
      expect(verdict('calls', kind)).toContain('unknown permissions');
    }
  });

  test('fields that we do not know are not silently dropped from what was signed', () => {
    const chain = chainOf([alice, bob], { only_on: 'sundays' });
    expect(verdictOn(envelope(content('call'), alice, chain))).toContain('Invalid delegation');
  });

  test('a delegation signature is verified once, and again when anything of it changes', () => {
    let verified = 0;
    const signatures: typeof rules.signatures = {
      verify: (signed) => {
        verified += 1;
        return rules.signatures.verify(signed);
      },
    };
    const use = { ...rules, signatures, knownSignatures: knownSignatures() };
    const chain = chainOf([alice, bob]);
    expect(verdictOn(envelope(content('call'), alice, chain), 'call', use)).toBe('accepted');
    expect(verified).toBe(2);
    expect(verdictOn(envelope(content('call'), alice, chain), 'call', use)).toBe('accepted');
    expect(verified).toBe(3);
    const thief = ed25519();
    expect(verdictOn(envelope(content('call'), thief, chain), 'call', use)).toContain(
      'Invalid delegation',
    );
    const forged: Link[] = [{ from: thief, to: bob }];
    expect(verdictOn(envelope(content('call'), alice, forged), 'call', use)).toContain(
      'Invalid delegation',
    );
  });
});

describe('canister signatures', () => {
  const seed = utf8('user 1');
  const service = canisterSigner(CANISTER, seed);

  test('row 88: a canister signature identifies the sender, directly and by delegation', () => {
    expect(verdictOn(envelope(content('call'), service))).toBe('accepted');
    const chain = [{ from: service, to: bob }];
    expect(verdictOn(envelope(content('call'), service, chain))).toBe('accepted');
  });

  test('row 88: other messages, seeds, canisters and leaves with content are refused', () => {
    const signWith = (sign: Signer['sign']): string =>
      verdictOn(envelope(content('call'), { ...service, sign }));
    const other = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2, 1, 1);
    expect(signWith((m) => canisterSignature(CANISTER, seed, m.slice(1)))).toContain('not in the');
    expect(signWith((m) => canisterSignature(CANISTER, utf8('2'), m))).toContain('not in the tree');
    expect(signWith((m) => canisterSignature(CANISTER, seed, m, utf8('x')))).toContain('not in');
    expect(signWith((m) => canisterSignature(other, seed, m))).toContain('not certified');
    expect(signWith((m) => uncertified(m))).toContain('not certified');
    expect(signWith(() => utf8('garbage'))).toContain('Invalid signature');
    const otherRoot = { ...rules, rootKey: rules.rootKey.slice().fill(1, 60) };
    expect(verdictOn(envelope(content('call'), service), 'call', otherRoot)).toContain('Invalid');
  });

  /** A good certificate beside a tree that it does not certify. */
  function uncertified(message: Uint8Array): Uint8Array {
    const parts = [utf8('other message'), message].map((signed) => {
      const decoded = decodeCborMap(canisterSignature(CANISTER, seed, signed));
      if (decoded.kind !== 'valid') throw new Error(decoded.reason);
      return decoded.value;
    });
    return encodeCbor({ ...parts[0], tree: parts[1]?.['tree'] });
  }

  test('row 102: sender info is signed by the canister of the sender key', () => {
    const info = utf8('verified: yes');
    const sign = (bytes: Uint8Array): Uint8Array =>
      service.sign(concatBytes(separator('ic-sender-info'), bytes));
    const withInfo = (fields: object, signer = service, chain: Link[] = []): string => {
      const senderInfo = { info, signer: CANISTER, sig: sign(info), ...fields };
      return verdictOn(envelope(content('call', { sender_info: senderInfo }), signer, chain));
    };
    expect(withInfo({})).toBe('accepted');
    expect(withInfo({}, service, [{ from: service, to: bob }])).toBe('accepted');
    expect(withInfo({ info: utf8('verified: no') })).toContain('Invalid sender_info');
    expect(withInfo({ signer: Uint8Array.of(1) })).toContain('Invalid sender_info');
    expect(withInfo({}, alice)).toContain('Invalid sender_info');
    expect(withInfo({ sig: bob.sign(info) }, service)).toContain('Invalid sender_info');
    expect(toHex(selfAuthenticating(service.publicKey))).toHaveLength(58);
  });
});
