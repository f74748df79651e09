import { CONTRACTS, type Message } from '@internode/contracts';
import { describe, expect, test } from 'vitest';
import { type Envelope, HANDED_BYTES_MAX, type MessageOf } from '../src/index.ts';
import { Voice } from '../src/voice.ts';
import { PLACE } from './fixture.ts';

function said(message: Message, handsOver: boolean): Envelope {
  const envelopes: Envelope[] = [];
  const bus = {
    handsOver,
    publish: (envelope: Envelope) => void envelopes.push(envelope),
    subscribe: () => () => {},
  };
  const voice = new Voice('beacon', { bus, place: PLACE, entropy: { fill: () => {} } });
  voice.publish(message, { cause: 'c', traceparent: '' });
  return envelopes[0] as Envelope;
}

function value(bytes: Uint8Array): Message {
  return { kind: 'BeaconValue', height: 7, value: bytes };
}

describe('what is said on a bus that hands over', () => {
  test('is the message itself; its bytes are there for whoever looks', () => {
    const message = value(new Uint8Array(48).fill(3));
    const envelope = said(message, true);
    expect(envelope).toMatchObject({ sender: 'beacon', cause: 'c' });
    expect(envelope.handed?.message).toBe(message);
    expect(CONTRACTS.BeaconValue.decode(envelope.body)).toEqual({ kind: 'valid', value: message });
    const weight = envelope.handed?.bytes ?? 0;
    expect(weight).toBeGreaterThan(envelope.body.length / 2);
    expect(weight).toBeLessThan(envelope.body.length * 2);
  });

  test('is encoded when it is large, or holds a Buffer', () => {
    for (const bytes of [new Uint8Array(HANDED_BYTES_MAX), Buffer.from([1, 2])]) {
      const envelope = said(value(bytes), true);
      expect(envelope.handed).toBeUndefined();
      const decoded = CONTRACTS.BeaconValue.decode(envelope.body);
      expect(decoded).toStrictEqual({ kind: 'valid', value: value(new Uint8Array(bytes)) });
    }
  });

  test('is the message itself, however large, when it carries a part of a state', () => {
    const [askId, peer, body] = [16, 32, 2 * 1024 * 1024].map((length) => new Uint8Array(length));
    const part = { askId, topic: 'state_sync', peer, body } as Omit<
      MessageOf<'AnswerPeer'>,
      'kind'
    >;
    const message: Message = { kind: 'AnswerPeer', ...part };
    const { handed } = said(message, true);
    expect(handed?.message).toBe(message);
    expect(handed?.bytes).toBeGreaterThan(2 * 1024 * 1024);
    const ofBuffer = { ...message, body: Buffer.from([1]) };
    expect(said(ofBuffer, true).handed).toBeUndefined();
  });

  test('is encoded on any other bus', () => {
    expect(said(value(new Uint8Array(1)), false).handed).toBeUndefined();
  });
});
