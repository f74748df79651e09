// What every Bus must do, run against each of them. Imported by tests only.
import type { Bus, Envelope } from '@internode/actor';
import { describe, expect, onTestFinished, test } from 'vitest';

export interface BusUnderTest {
  /** Two ends of one bus, as two services would hold them; may be the same object. */
  readonly left: Bus;
  readonly right: Bus;
  /** Settles when every subscription so far is in force. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

const SUBJECT = 'internode.s1.n1.beacon.beacon_value';

/** `large` is a body beyond what the transport takes in one piece, if it has such a bound. */
export function busCompliance(
  name: string,
  make: () => Promise<BusUnderTest>,
  largeBytes = 3_000_000,
): void {
  const open = async (): Promise<BusUnderTest> => {
    const bus = await make();
    onTestFinished(() => bus.close());
    return bus;
  };

  describe(`bus: ${name}`, () => {
    test('carries every field, and the body as a plain array of its own', async () => {
      const { left, right, ready } = await open();
      const { heard, count } = listen(right);
      await ready();
      const sent = envelope({ body: Uint8Array.of(0, 1, 255) });
      left.publish(sent);
      sent.body.fill(9);
      await count(1);
      expect(heard[0]).toEqual({ ...sent, body: Uint8Array.of(0, 1, 255) });
      expect(Object.getPrototypeOf(heard[0]?.body)).toBe(Uint8Array.prototype);
    });

    test('a body of another kind of array is copied too', async () => {
      const { left, right, ready } = await open();
      const { heard, count } = listen(right);
      await ready();
      const body = Buffer.from([1, 2, 3]);
      left.publish(envelope({ body }));
      body.fill(9);
      await count(1);
      expect(heard[0]?.body).toStrictEqual(Uint8Array.of(1, 2, 3));
    });

    test('carries empty bodies and absent causes and traces', async () => {
      const { left, right, ready } = await open();
      const { heard, count } = listen(right);
      await ready();
      const sent = envelope({ body: new Uint8Array(0), cause: '', traceparent: '' });
      left.publish(sent);
      await count(1);
      expect(heard).toEqual([sent]);
    });

    test('never delivers within publish', async () => {
      const { left, right, ready } = await open();
      const { heard, count } = listen(right);
      await ready();
      left.publish(envelope({}));
      expect(heard).toEqual([]);
      await count(1);
    });

    test('keeps the order of one sender on one subject', async () => {
      const { left, right, ready } = await open();
      const { heard, count } = listen(right);
      await ready();
      for (let i = 0; i < 2000; i++)
        left.publish(envelope({ body: Uint8Array.of(i & 255, i >> 8) }));
      await count(2000);
      expect(heard.map(({ body }) => (body[0] ?? 0) + 256 * (body[1] ?? 0))).toEqual(
        Array.from({ length: 2000 }, (_, i) => i),
      );
    });

    test('every subscriber hears, each with bytes of its own, both ends included', async () => {
      const { left, right, ready } = await open();
      const first = listen(right, { also: (heard) => heard.body.fill(0) });
      const second = listen(right);
      const third = listen(left);
      await ready();
      left.publish(envelope({ body: Uint8Array.of(5, 6) }));
      await Promise.all([first.count(1), second.count(1), third.count(1)]);
      expect(second.heard[0]?.body).toEqual(Uint8Array.of(5, 6));
      expect(third.heard[0]?.body).toEqual(Uint8Array.of(5, 6));
    });

    test('other subjects are not heard, nor anything after cancelling', async () => {
      const { left, right, ready } = await open();
      const { heard, count, cancel } = listen(right);
      const rest = listen(right);
      const other = listen(right, { subject: `${SUBJECT}_other` });
      await ready();
      left.publish(envelope({ id: '0000000000000001' }));
      await count(1);
      cancel();
      cancel();
      left.publish(envelope({ id: '0000000000000002' }));
      left.publish(envelope({ subject: `${SUBJECT}_other` }));
      await Promise.all([other.count(1), rest.count(2)]);
      expect(heard.map(({ id }) => id)).toEqual(['0000000000000001']);
      expect(other.heard).toHaveLength(1);
    });

    test('one of a group hears, each member some; who is in no group hears all', async () => {
      const { left, right, ready } = await open();
      const members = [left, right, right].map((bus) => listen(bus, { group: 'workers' }));
      const [other, alone] = [listen(left, { group: 'others' }), listen(right)];
      await ready();
      const body = Uint8Array.from({ length: largeBytes }, (_, index) => index);
      for (let index = 0; index < 90; index++)
        left.publish(
          envelope({ id: String(index), body: index % 30 === 0 ? body : new Uint8Array(1) }),
        );
      await Promise.all([other.count(90), alone.count(90)]);
      const heard = (): string[] => members.flatMap((member) => member.heard.map(({ id }) => id));
      while (heard().length < 90) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(new Set(heard()).size).toBe(90);
      for (const { heard } of members) expect(heard.length).toBeGreaterThan(0);
      for (const { id, body: bytes } of members.flatMap((member) => member.heard))
        expect(bytes.length).toBe(Number(id) % 30 === 0 ? largeBytes : 1);
      members[0]?.cancel();
      for (let index = 0; index < 30; index++) left.publish(envelope({ id: `late ${index}` }));
      await Promise.all([other.count(120), alone.count(120)]);
      while (heard().length < 120) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(heard()).toHaveLength(120);
    });

    test('what is published to nobody is lost without harm', async () => {
      const { left, right, ready } = await open();
      left.publish(envelope({}));
      await ready();
      const { heard, count } = listen(right);
      await ready();
      left.publish(envelope({ id: 'aaaaaaaaaaaaaaaa' }));
      await count(1);
      expect(heard.at(-1)?.id).toBe('aaaaaaaaaaaaaaaa');
    });

    test('large bodies arrive whole, also interleaved', async () => {
      const { left, right, ready } = await open();
      const { heard, count } = listen(right);
      await ready();
      const large = Uint8Array.from({ length: largeBytes }, (_, i) => (i * 7) ^ (i >> 9));
      left.publish(envelope({ id: '1111111111111111', body: large }));
      right.publish(envelope({ id: '2222222222222222', sender: 'other', body: large }));
      left.publish(envelope({ id: '3333333333333333', body: Uint8Array.of(1) }));
      await count(3);
      for (const { id, body } of heard) {
        expect(Buffer.compare(body, id[0] === '3' ? Uint8Array.of(1) : large)).toBe(0);
        expect(Object.getPrototypeOf(body)).toBe(Uint8Array.prototype);
      }
    });
  });
}

function envelope(fields: Partial<Envelope>): Envelope {
  return {
    id: '0123456789abcdef',
    cause: 'fedcba9876543210',
    sender: 'beacon',
    subject: SUBJECT,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    body: Uint8Array.of(1, 2, 3),
    ...fields,
  };
}

interface Listening {
  readonly also?: (envelope: Envelope) => void;
  readonly subject?: string;
  readonly group?: string;
}

function listen(bus: Bus, { also, subject = SUBJECT, group }: Listening = {}) {
  const heard: Envelope[] = [];
  const hear = (received: Envelope): void => {
    heard.push({ ...received, body: received.body });
    also?.(received);
  };
  const cancel = bus.subscribe(subject, hear, group);
  const count = async (expected: number): Promise<void> => {
    while (heard.length < expected) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { heard, cancel, count };
}
