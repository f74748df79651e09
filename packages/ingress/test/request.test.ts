import { encodeCbor } from '@internode/encoding';
import { fromHex, toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { canisterKeyOf, decodeRequest } from '../src/index.ts';
import { CANISTER, canisterSigner, content, ed25519, envelope, verdictOn } from './support.ts';

describe('decoding', () => {
  test('row 10: the request id of the spec vector', () => {
    const bytes = encodeCbor({
      content: {
        request_type: 'call',
        sender: Uint8Array.of(4),
        ingress_expiry: 1_685_570_400_000_000_000n,
        canister_id: fromHex('00000000000004d2'),
        method_name: 'hello',
        arg: fromHex('4449444c00fd2a'),
      },
    });
    const decoded = decodeRequest('call', bytes);
    if (decoded.kind === 'refused') throw new Error(decoded.text);
    expect(toHex(decoded.value.requestId)).toBe(
      '1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101',
    );
    expect(decoded.value).toMatchObject({ kind: 'call', methodName: 'hello' });
    const untagged = decodeRequest('call', bytes.slice(3));
    expect(untagged).toEqual(decoded);
  });

  test('row 18: a nonce has 32 bytes at most', () => {
    const withNonce = (length: number): string =>
      verdictOn(envelope(content('call', { nonce: new Uint8Array(length) })));
    expect(withNonce(0)).toBe('accepted');
    expect(withNonce(32)).toBe('accepted');
    expect(withNonce(33)).toContain('nonce');
  });

  test('unknown content fields take part in the request id', () => {
    const idOf = (fields: { [name: string]: string }): string => {
      const decoded = decodeRequest('query', envelope(content('query', fields)));
      return decoded.kind === 'accepted' ? toHex(decoded.value.requestId) : decoded.text;
    };
    expect(idOf({ extra: 'a' })).toMatch(/^[0-9a-f]{64}$/);
    expect(idOf({ extra: 'a' })).not.toBe(idOf({}));
  });

  test('read_state takes up to 1000 paths of 127 labels', () => {
    const withPaths = (paths: number, labels: number): string => {
      const path = Array.from({ length: labels }, () => utf8('l'));
      const body = content('read_state', { paths: Array.from({ length: paths }, () => path) });
      return verdictOn(envelope(body), 'read_state');
    };
    expect(withPaths(1000, 127)).toBe('accepted');
    expect(withPaths(1001, 1)).toContain('paths');
    expect(withPaths(1, 128)).toContain('labels');
  });

  test('missing, mistyped and oversize fields are refused with 400', () => {
    const bad: [string, object][] = [
      ['request_type', { request_type: 'query' }],
      ['sender', { sender: new Uint8Array(30) }],
      ['sender', { sender: 'aaaaa-aa' }],
      ['canister_id', { canister_id: new Uint8Array(30) }],
      ['canister_id', { canister_id: undefined }],
      ['method_name', { method_name: utf8('x') }],
      ['method_name', { method_name: 'x'.repeat(20_001) }],
      ['arg', { arg: 'text' }],
      ['ingress_expiry', { ingress_expiry: 'soon' }],
      ['ingress_expiry', { ingress_expiry: -1n }],
      ['sender_info', { sender_info: 'me' }],
    ];
    for (const [name, fields] of bad) {
      const decoded = decodeRequest('call', envelope(content('call', fields as never)));
      expect([name, decoded]).toEqual([
        name,
        expect.objectContaining({ kind: 'refused', httpStatus: 400 }),
      ]);
      expect(decoded.kind === 'refused' && decoded.text).toContain(name);
    }
    const flag = encodeCbor({ content: { ...content('call'), flag: true } as never });
    expect(decodeRequest('call', flag).kind).toBe('refused');
  });

  test('random and mutated bytes are refused or decoded, never an exception', () => {
    const alice = ed25519();
    const seeds = [
      envelope(content('call'), alice, [{ from: alice, to: ed25519() }]),
      envelope(content('read_state', { paths: [[utf8('time')]] }), alice),
      envelope(content('query'), canisterSigner(CANISTER, utf8('seed'))),
    ];
    let state = 99;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return Math.floor(((state >>> 0) / 2 ** 32) * below);
    };
    let accepted = 0;
    for (let round = 0; round < 6_000; round++) {
      const seed = seeds[round % 3] as Uint8Array;
      const bytes = random(10) === 0 ? seed.slice(0, random(seed.length)) : seed.slice();
      for (let i = random(3); i >= 0 && bytes.length > 0; i--) {
        bytes[random(bytes.length)] = random(256);
      }
      const kind = (['call', 'read_state', 'query'] as const)[round % 3] ?? 'call';
      if (verdictOn(bytes, kind) === 'accepted') accepted += 1;
    }
    // Only mutations that leave the bytes as they were may pass.
    expect(accepted).toBeLessThan(100);
  });
});

describe('canister keys', () => {
  test('the canister and seed come out of the DER form, and of nothing else', () => {
    const key = canisterSigner(CANISTER, utf8('seed')).publicKey;
    expect(canisterKeyOf(key)).toMatchObject({ canisterId: CANISTER, seed: utf8('seed') });
    expect(canisterKeyOf(ed25519().publicKey)).toBeUndefined();
    for (let length = 0; length < key.length; length++) {
      expect(canisterKeyOf(key.slice(0, length))).toBeUndefined();
    }
    const long = key.slice();
    long[19] = 30;
    expect(canisterKeyOf(long)).toBeUndefined();
  });
});
