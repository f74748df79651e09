import type { Effect, Input, Instant } from '@internode/actor';
import {
  contract,
  decodeIngress,
  encodeIngress,
  type Ingress,
  type Message,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { createP2p, OFFER_LIMITS, P2P_LIMITS, P2pCore, type P2pEvent } from '../src/index.ts';

const INGRESS = contract('Ingress', 'types', 'ingress', encodeIngress, decodeIngress);
const START_NANOS = 1_785_000_000_000_000_000n;

class Bench {
  readonly core = new P2pCore({ nodeId: utf8('node') });
  nowMs = 0;
  waits: { token: string; delayMs: number }[] = [];
  events: P2pEvent[] = [];

  step(input: Input<never>): readonly Message[] {
    const now: Instant = {
      ms: this.nowMs,
      unixNanos: START_NANOS + BigInt(this.nowMs) * 1_000_000n,
    };
    return this.#take(this.core.step(now, input));
  }

  hear(message: Message): readonly Message[] {
    return this.step({ kind: 'message', message, sender: 'test' });
  }

  submit(
    name: string,
    options: { author?: string; expiryMs?: number; bytes?: number } = {},
  ): readonly Message[] {
    const ingress = this.ingress(name, options);
    return this.hear({ kind: 'SubmitIngress', ingress, sender: utf8(options.author ?? 'alice') });
  }

  ingress(
    name: string,
    { expiryMs = 60_000, bytes = 100 }: { expiryMs?: number; bytes?: number } = {},
  ): Ingress {
    return {
      requestId: sha256(utf8(name)),
      envelope: new Uint8Array(bytes),
      expiryNanos: START_NANOS + BigInt(this.nowMs + expiryMs) * 1_000_000n,
      effectiveCanisterId: utf8('c'),
    };
  }

  final(...names: string[]): readonly Message[] {
    const ingressIds = names.map((name) => sha256(utf8(name)));
    return this.hear({
      kind: 'BlockFinalized',
      height: 1,
      blockHash: new Uint8Array(32),
      timeNanos: 0n,
      ingressIds,
    });
  }

  tick(): readonly Message[] {
    return this.step({ kind: 'timer', token: 'offer-again' });
  }

  #take(effects: readonly Effect<never, P2pEvent>[]): readonly Message[] {
    this.waits.push(...effects.filter((effect) => effect.kind === 'wait'));
    this.events.push(
      ...effects.flatMap((effect) => (effect.kind === 'observe' ? [effect.event] : [])),
    );
    return effects.flatMap((effect) => (effect.kind === 'publish' ? [effect.message] : []));
  }
}

function kinds(messages: readonly Message[]): readonly string[] {
  return messages.map((message) => message.kind);
}

describe('admission', () => {
  test('a call is offered to consensus once and admitted; again, it is only admitted', () => {
    const bench = new Bench();
    expect(kinds(bench.submit('a'))).toEqual(['IngressReceived', 'IngressAdmitted']);
    expect(kinds(bench.submit('a'))).toEqual(['IngressAdmitted']);
    bench.final('a');
    expect(kinds(bench.submit('a'))).toEqual(['IngressAdmitted']);
    expect(bench.core.view().ingress.size).toBe(0);
  });

  test('expired, malformed and oversize calls are refused with a transient reject code', () => {
    const bench = new Bench();
    const expired = bench.submit('a', { expiryMs: -1 });
    const oversize = bench.submit('b', { bytes: P2P_LIMITS.ingressBytesEachMax });
    const malformed = bench.hear({
      kind: 'SubmitIngress',
      ingress: { ...bench.ingress('c'), requestId: new Uint8Array(5) },
      sender: utf8('a'),
    });
    for (const [message] of [expired, oversize, malformed]) {
      expect(message?.kind).toBe('IngressRefused');
      expect(message?.kind === 'IngressRefused' && message.refusal.rejectCode).toBe(2);
    }
  });

  test('an author has a quota of messages and bytes, whoever carries them; others are not affected', () => {
    const bench = new Bench();
    for (let i = 0; i < P2P_LIMITS.authorMessagesMax; i += 1) bench.submit(`a${i}`, { bytes: 1 });
    const [refused] = bench.submit('one more');
    expect(refused?.kind === 'IngressRefused' && refused.refusal.message).toMatch(
      /Overloaded.*quota/,
    );
    expect(kinds(bench.submit('b', { author: 'bob' }))).toContain('IngressAdmitted');
    bench.final('a0');
    expect(kinds(bench.submit('one more'))).toContain('IngressAdmitted');

    const large = new Bench();
    const each = 2 * 1024 * 1024;
    const fit = Math.floor(P2P_LIMITS.authorBytesMax / (each + 33));
    for (let i = 0; i < fit; i += 1)
      expect(kinds(large.submit(`${i}`, { bytes: each }))).toContain('IngressAdmitted');
    expect(kinds(large.submit('more', { bytes: each }))).toEqual(['IngressRefused']);
  });

  test('the pool is bounded over all authors', () => {
    const bench = new Bench();
    const authors = P2P_LIMITS.ingressMessagesMax / P2P_LIMITS.authorMessagesMax;
    for (let author = 0; author < authors; author += 1) {
      for (let i = 0; i < P2P_LIMITS.authorMessagesMax; i += 1)
        bench.submit(`${author}/${i}`, { author: `${author}`, bytes: 1 });
    }
    const [refused] = bench.submit('more', { author: 'another' });
    expect(refused?.kind === 'IngressRefused' && refused.refusal.message).toBe(
      'Overloaded: pool is full',
    );
    expect(bench.core.view().ingress.size).toBe(P2P_LIMITS.ingressMessagesMax);
  });

  test('the answer of a full mailbox is a refusal of that call', () => {
    const bench = new Bench();
    const ingress = bench.ingress('a');
    const refusal = createP2p({ nodeId: utf8('node') }).refuse?.({
      kind: 'SubmitIngress',
      ingress,
      sender: utf8('a'),
    });
    expect(refusal).toMatchObject({ kind: 'IngressRefused', requestId: ingress.requestId });
  });
});

describe('offering', () => {
  test('ingress is offered again by time until it is final', () => {
    const bench = new Bench();
    bench.submit('a');
    bench.submit('b');
    const id = sha256(INGRESS.encode(bench.ingress('b')));
    bench.nowMs = P2P_LIMITS.offerAgainMs;
    expect(kinds(bench.tick())).toEqual(['IngressReceived', 'IngressReceived']);
    bench.final('a');
    bench.nowMs *= 2;
    expect(bench.tick()).toMatchObject([{ kind: 'IngressReceived', id }]);
    bench.final('b');
    const waits = bench.waits.length;
    bench.nowMs *= 2;
    expect(bench.tick()).toEqual([]);
    expect(bench.waits.length).toBe(waits);
  });

  test('at once when consensus asks, bounded in messages', () => {
    const bench = new Bench();
    for (let i = 0; i < P2P_LIMITS.offerMessagesMax + 10; i += 1)
      bench.submit(`${i}`, { bytes: 1 });
    expect(bench.hear({ kind: 'RequestIngress' })).toHaveLength(P2P_LIMITS.offerMessagesMax);
  });

  test('expired ingress is forgotten', () => {
    const bench = new Bench();
    bench.submit('a', { expiryMs: 500 });
    bench.nowMs = 1_000;
    expect(bench.tick()).toEqual([]);
    expect(bench.core.view().ingress.size).toBe(0);
    expect(bench.core.view().ingress.bytes).toBe(0);
  });
});

describe('where members are', () => {
  test('this machine may know better than the record', () => {
    const [a, b] = [utf8('a'), utf8('b')];
    const peers = [a, b].map((nodeId) => ({ nodeId, publicKey: utf8('key'), address: 'record:1' }));
    const places = new Map([[toHex(b), 'here:2']]);
    const core = new P2pCore({ nodeId: utf8('self'), peers, places });
    const effects = core.step({ ms: 1, unixNanos: 1n }, { kind: 'started' });
    const connect = effects.flatMap((effect) =>
      effect.kind === 'publish' && effect.message.kind === 'ConnectPeers'
        ? [effect.message.peers.map(({ address }) => address)]
        : [],
    );
    expect(connect).toEqual([['record:1', 'here:2']]);
  });
});

describe('the slot table', () => {
  const offer = (bench: Bench, i: number): readonly Message[] =>
    bench.hear({
      kind: 'PublishArtifact',
      artifactKind: 'beacon',
      id: sha256(utf8(`${i}`)),
      body: utf8('body'),
    });

  test('holds what is offered once, reuses slots of what was withdrawn, newer changes carry higher numbers', () => {
    const bench = new Bench();
    offer(bench, 1);
    offer(bench, 1);
    offer(bench, 2);
    bench.hear({ kind: 'WithdrawArtifact', artifactKind: 'beacon', id: sha256(utf8('1')) });
    bench.hear({ kind: 'WithdrawArtifact', artifactKind: 'beacon', id: sha256(utf8('7')) });
    offer(bench, 3);
    const slots = [...bench.core.view().slots.values()].map(({ slot, commit }) => [slot, commit]);
    expect(slots).toEqual([
      [1, 2],
      [0, 4],
    ]);
    expect(bench.core.view().slots.bytes).toBe(8);
  });

  test('is bounded, and says so', () => {
    const bench = new Bench();
    for (let i = 0; i < OFFER_LIMITS.slotsMax + 5; i += 1) offer(bench, i);
    expect(bench.core.view().slots.size).toBe(OFFER_LIMITS.slotsMax);
    expect(bench.events.filter((event) => event.kind === 'SlotTableFull')).toHaveLength(5);
  });
});
