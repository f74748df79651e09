import { describe, expect, test } from 'vitest';
import { busCompliance } from '../src/compliance.ts';
import { decodeEnvelope, encodeEnvelope } from '../src/envelope-codec.ts';
import { MemoryBus } from '../src/memory.ts';

busCompliance('memory', async () => {
  const bus = new MemoryBus();
  return { left: bus, right: bus, ready: async () => {}, close: async () => {} };
});

test('one that hands over: the only subscriber hears the bytes that were published, several hear their own', async () => {
  const bus = new MemoryBus({ handsOver: true });
  const heard: Uint8Array[] = [];
  const body = Uint8Array.of(1, 2);
  const envelope = { id: 'a', cause: '', sender: 's', subject: 'x', traceparent: '', body };
  bus.subscribe('x', (one) => heard.push(one.body));
  bus.publish(envelope);
  await Promise.resolve();
  bus.subscribe('x', (one) => heard.push(one.body));
  bus.publish(envelope);
  await Promise.resolve();
  expect(heard).toEqual([body, body, body]);
  expect(heard[0]).toBe(body);
  expect(heard[1]).not.toBe(heard[2]);
});

describe('envelope codec', () => {
  const envelope = {
    id: 'a',
    cause: '',
    sender: 's',
    subject: 'x.y',
    traceparent: '',
    body: Uint8Array.of(1),
  };

  test('any bytes whatever decode to an envelope or to nothing', () => {
    const bytes = encodeEnvelope(envelope);
    expect(decodeEnvelope(bytes)).toEqual(envelope);
    for (let length = 0; length < bytes.length - 1; length++) {
      expect(decodeEnvelope(bytes.subarray(0, length))).toBeUndefined();
    }
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] = 0xff;
      expect(() => decodeEnvelope(flipped)).not.toThrow();
    }
  });

  test('a line break in a name is a bug of ours', () => {
    expect(() => encodeEnvelope({ ...envelope, sender: 'a\nb' })).toThrow('line break');
  });
});
