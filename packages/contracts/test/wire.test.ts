import { describe, expect, test } from 'vitest';
import { CONTRACTS, type Message } from '../src/index.ts';

const id = new Uint8Array(32).fill(1);

function roundTrip(message: Message): Message {
  const contract = CONTRACTS[message.kind] as {
    encode(one: Message): Uint8Array;
    decode(bytes: Uint8Array): unknown;
  };
  const decoded = contract.decode(contract.encode(message)) as { kind: string; value: Message };
  expect(decoded).toEqual({ kind: 'valid', value: message });
  return decoded.value;
}

describe('bytes of a message', () => {
  test('a small field is a copy, one that is most of its message is seen in it', () => {
    const received = roundTrip({
      kind: 'ArtifactReceived',
      artifactKind: 'ingress',
      id,
      body: new Uint8Array(500).fill(2),
      fromNode: new Uint8Array(29),
    });
    if (received.kind !== 'ArtifactReceived') throw new Error('unreachable');
    expect(received.id.buffer.byteLength).toBe(32);
    expect(received.body.buffer.byteLength).toBeGreaterThan(500);
    expect(received.body.buffer.byteLength).toBeLessThan(700);
  });

  test('of several large fields none keeps the others alive', () => {
    const ingress = {
      requestId: id,
      envelope: new Uint8Array(400),
      expiryNanos: 1n,
      effectiveCanisterId: id,
    };
    const batch = roundTrip({
      kind: 'BatchReady',
      height: 1,
      timeNanos: 1n,
      randomness: id,
      blockHash: id,
      ingress: [ingress, ingress, ingress],
    });
    if (batch.kind !== 'BatchReady') throw new Error('unreachable');
    for (const { envelope } of batch.ingress) expect(envelope.buffer.byteLength).toBe(400);
  });

  test('an encoded message shares its buffer with nothing', () => {
    const bytes = CONTRACTS.IngressAdmitted.encode({ kind: 'IngressAdmitted', requestId: id });
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test('texts are UTF-8, short and long, and nothing else', () => {
    for (const detail of [
      '',
      'ready',
      'é',
      '\u{1f642} and more',
      '\ufeffmarked',
      '\ufeff',
      'x'.repeat(200),
    ])
      roundTrip({ kind: 'Readiness', service: 'p2p', ready: true, height: 1, detail });
    const bytes = CONTRACTS.Readiness.encode({
      kind: 'Readiness',
      service: 'p2p',
      ready: true,
      height: 1,
      detail: '',
    });
    expect(CONTRACTS.Readiness.decode(bytes).kind).toBe('valid');
    const at = bytes.indexOf('p'.charCodeAt(0));
    bytes[at] = 0xc3;
    expect(CONTRACTS.Readiness.decode(bytes).kind).toBe('invalid');
  });
});
