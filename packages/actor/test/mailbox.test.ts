import { describe, expect, test } from 'vitest';
import { type Lane, Mailbox, type WhenFull } from '../src/index.ts';

function mailbox(itemsMax: number, bytesMax = 1000) {
  const lane = { itemsMax, bytesMax };
  const box = new Mailbox<string>({ control: lane, bulk: lane });
  const offer = (item: string, whenFull: WhenFull, lane: Lane = 'bulk', bytes = 1) =>
    box.offer({ item, lane, whenFull, bytes }, 0);
  const drain = (): string[] => {
    const items: string[] = [];
    for (let item = box.take(0); item !== undefined; item = box.take(0)) items.push(item);
    return items;
  };
  return { box, offer, drain };
}

describe('Mailbox', () => {
  test('control goes before bulk, each in order of arrival, droppable or not', () => {
    const { box, offer, drain } = mailbox(10);
    offer('b1', 'drop-oldest');
    offer('b2', 'refuse');
    offer('c1', 'crash', 'control');
    offer('b3', 'drop-oldest');
    box.offerOwn('own', 0);
    offer('c2', 'refuse', 'control');
    expect(drain()).toEqual(['c1', 'own', 'c2', 'b1', 'b2', 'b3']);
  });

  test('a full lane refuses, forgets the oldest, or overflows', () => {
    const { offer, drain } = mailbox(2);
    offer('a', 'refuse');
    offer('b', 'refuse');
    expect(offer('c', 'refuse')).toEqual({ kind: 'refused' });
    expect(offer('d', 'crash')).toEqual({ kind: 'overflow' });
    expect(offer('e', 'drop-oldest')).toEqual({ kind: 'taken', dropped: ['e'] });
    expect(drain()).toEqual(['a', 'b']);
  });

  test('droppable items make room for anything, the oldest first', () => {
    const { box, offer, drain } = mailbox(3);
    offer('old', 'drop-oldest');
    offer('firm', 'refuse');
    offer('young', 'drop-oldest');
    expect(offer('next', 'refuse')).toEqual({ kind: 'taken', dropped: ['old'] });
    expect(offer('more', 'drop-oldest')).toEqual({ kind: 'taken', dropped: ['young'] });
    expect(drain()).toEqual(['firm', 'next', 'more']);
    expect(box.figures()).toMatchObject({ taken: 3, dropped: 2, refused: 0 });
  });

  test('bytes are bounded as items are, and counted back', () => {
    const { box, offer } = mailbox(100, 10);
    expect(offer('a', 'refuse', 'bulk', 6).kind).toBe('taken');
    expect(offer('b', 'refuse', 'bulk', 5)).toEqual({ kind: 'refused' });
    expect(offer('c', 'refuse', 'bulk', 4).kind).toBe('taken');
    expect(box.figures().bytes).toEqual({ control: 0, bulk: 10 });
    box.take(0);
    expect(box.figures().bytes.bulk).toBe(4);
    expect(offer('d', 'refuse', 'bulk', 6).kind).toBe('taken');
  });

  test('an item larger than the lane is taken when nothing else waits', () => {
    const { offer } = mailbox(100, 10);
    expect(offer('large', 'refuse', 'bulk', 11).kind).toBe('taken');
    expect(offer('small', 'refuse', 'bulk', 1)).toEqual({ kind: 'refused' });
  });

  test('what the service itself asked for is taken however full', () => {
    const { box, offer, drain } = mailbox(1);
    offer('c', 'refuse', 'control');
    for (let i = 0; i < 100; i++) box.offerOwn(`own ${i}`, 0);
    expect(offer('d', 'refuse', 'control')).toEqual({ kind: 'refused' });
    expect(drain()).toHaveLength(101);
  });

  test('waiting is measured', () => {
    const { box } = mailbox(5);
    box.offer({ item: 'a', lane: 'bulk', whenFull: 'refuse', bytes: 1 }, 10);
    box.offer({ item: 'b', lane: 'bulk', whenFull: 'refuse', bytes: 1 }, 12);
    expect(box.figures().depth).toEqual({ control: 0, bulk: 2 });
    box.take(15);
    box.take(30);
    expect(box.figures()).toMatchObject({ waitMsTotal: 23, waitMsMax: 18 });
  });
});
