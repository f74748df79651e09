import { describe, expect, test } from 'vitest';
import { type BatchReady, CONTRACTS, type Message, subjectOf } from '../src/index.ts';

const batch: BatchReady = {
  kind: 'BatchReady',
  height: 2 ** 40 + 3,
  timeNanos: 1_785_570_400_000_000_123n,
  randomness: new Uint8Array(32).fill(7),
  blockHash: new Uint8Array(32).fill(9),
  ingress: [
    {
      requestId: new Uint8Array([1]),
      envelope: new Uint8Array([2, 3]),
      expiryNanos: 2n ** 64n - 1n,
      effectiveCanisterId: new Uint8Array(),
    },
  ],
};

describe('contracts', () => {
  test('a message survives its wire form, with bytes as plain Uint8Array', () => {
    const bytes = CONTRACTS.BatchReady.encode(batch);
    expect(bytes.constructor).toBe(Uint8Array);
    const back = CONTRACTS.BatchReady.decode(bytes);
    expect(back).toEqual({ kind: 'valid', value: batch });
    const fromBuffer = CONTRACTS.BatchReady.decode(Buffer.from(bytes));
    expect(fromBuffer).toEqual({ kind: 'valid', value: batch });
    if (fromBuffer.kind !== 'valid') throw new Error('unreachable');
    expect(fromBuffer.value.randomness.constructor).toBe(Uint8Array);
    expect(fromBuffer.value.randomness.buffer.byteLength).toBe(32);
  });

  test('what was encoded stays as it is while others are, large ones and ones that cannot be', () => {
    const bytes = CONTRACTS.BatchReady.encode(batch);
    const before = bytes.slice();
    const large = { ...batch, randomness: new Uint8Array(1_000_000).fill(1) };
    expect(CONTRACTS.BatchReady.decode(CONTRACTS.BatchReady.encode(large))).toEqual({
      kind: 'valid',
      value: large,
    });
    // It fails in the middle of a message in a message.
    const broken = { ...batch, ingress: [{ requestId: new Uint8Array([1]) }] } as never;
    expect(() => CONTRACTS.BatchReady.encode(broken)).toThrow();
    expect(CONTRACTS.BatchReady.encode(batch)).toEqual(before);
    expect(bytes).toEqual(before);
  });

  test('a oneof is a union on kind, an optional may be absent', () => {
    const message: Message = {
      kind: 'QueryAnswered',
      queryId: new Uint8Array(16),
      outcome: { kind: 'refusal', refusal: { rejectCode: 5, message: 'é', errorCode: '' } },
    };
    const bytes = CONTRACTS.QueryAnswered.encode(message);
    expect(CONTRACTS.QueryAnswered.decode(bytes)).toEqual({ kind: 'valid', value: message });
    const requestId = new Uint8Array(32);
    const inspected = { kind: 'IngressInspected', requestId, known: true } as const;
    expect(CONTRACTS.IngressInspected.decode(CONTRACTS.IngressInspected.encode(inspected))).toEqual(
      { kind: 'valid', value: { ...inspected, refusal: undefined } },
    );
  });

  test('a missing oneof, an unspecified enum and an oversize integer are invalid', () => {
    expect(CONTRACTS.QueryAnswered.decode(new Uint8Array()).kind).toBe('invalid');
    expect(CONTRACTS.ArtifactReceived.decode(new Uint8Array()).kind).toBe('invalid');
    expect(CONTRACTS.ArtifactReceived.decode(new Uint8Array([8, 99])).kind).toBe('invalid');
    const tooLarge = new Uint8Array([8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    expect(CONTRACTS.RequestBatches.decode(tooLarge).kind).toBe('invalid');
  });

  test('any cut or changed byte gives a verdict, never an exception', () => {
    const bytes = CONTRACTS.BatchReady.encode(batch);
    for (let length = 0; length < bytes.length; length += 1) {
      const verdict = CONTRACTS.BatchReady.decode(bytes.subarray(0, length));
      expect(['valid', 'invalid']).toContain(verdict.kind);
      for (const flip of [1, 64, 128, 255]) {
        const changed = bytes.slice();
        changed[length] = (changed[length] ?? 0) ^ flip;
        expect(['valid', 'invalid']).toContain(CONTRACTS.BatchReady.decode(changed).kind);
      }
    }
  });

  test('subjects are derived from the full name', () => {
    expect(subjectOf({ subnet: 's', node: 'n' }, 'BlockFinalized')).toBe(
      'internode.s.n.consensus.block_finalized',
    );
  });
});
