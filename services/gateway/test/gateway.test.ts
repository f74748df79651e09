// The shell without sockets, and who waits for which call.
import { decodeCborMap } from '@internode/encoding';
import { SystemClock } from '@internode/host';
import { expect, test } from 'vitest';
import type { Answer } from '../src/core/answer.ts';
import { Completions } from '../src/edge/completions.ts';
import { Gateway } from '../src/gateway.ts';
import { REQUESTS_IN_FLIGHT_MAX } from '../src/limits.ts';
import { contentOf, envelopeOf } from './client.ts';
import { CANISTER, SmallReplica } from './small-replica.ts';

const NOTHING = new Uint8Array(0);
const target = { kind: 'canister', id: CANISTER } as const;
const query = { kind: 'query', version: 3, target } as const;

test('requests in flight are bounded, and those that ended do not count', async () => {
  const deaf = new SmallReplica({ deafTo: new Map([['ExecuteQuery', Infinity]]), speed: 20 });
  const gateway = new Gateway(deaf.parts());
  for (let i = 0; i <= REQUESTS_IN_FLIGHT_MAX; i++) {
    expect((await gateway.answer(query, NOTHING, '')).status).toBe(400);
  }
  const body = envelopeOf(contentOf('query'));
  const waiting: Promise<Answer>[] = [];
  for (let i = 0; i < REQUESTS_IN_FLIGHT_MAX; i++) waiting.push(gateway.answer(query, body, ''));
  const refused = await gateway.answer(query, body, '');
  expect(refused.body).toContain('Too many requests');
  const answers = await Promise.all(waiting);
  expect(new Set(answers.map(({ body: text }) => text))).toEqual(
    new Set(['The query was not answered in time']),
  );
  gateway.close();
});

test('the status tells the highest certified height heard of', async () => {
  const replica = new SmallReplica();
  const gateway = new Gateway(replica.parts());
  gateway.start();
  const heightOf = async (): Promise<unknown> => {
    const { body } = await gateway.answer({ kind: 'status' }, NOTHING, '');
    const map = decodeCborMap(body as Uint8Array);
    return map.kind === 'valid' ? map.value['certified_height'] : map.reason;
  };
  await expect.poll(heightOf).toBe(1n);
  const news = {
    kind: 'StateCertified',
    root: NOTHING,
    timeNanos: 0n,
    completedRequests: [],
  } as const;
  for (const [told, shown] of [
    [5, 5n],
    [3, 5n],
    [6, 6n],
  ] as const) {
    replica.tell({ ...news, height: told });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await heightOf()).toBe(shown);
  }
  gateway.close();
});

test('news wake all who watch, before or while they wait, and nobody else', async () => {
  const completions = new Completions(new SystemClock());
  const id = (n: number): Uint8Array => new Uint8Array(32).fill(n);
  const [first, second, other] = [
    completions.watch(id(1)),
    completions.watch(id(1)),
    completions.watch(id(2)),
  ];
  const waiting = first.next(60_000);
  expect(await other.next(1)).toBe(false);
  completions.complete([id(1), id(3)]);
  expect(await waiting).toBe(true);
  expect(await second.next(60_000)).toBe(true);
  expect(await first.next(60_000)).toBe(true);
  expect(await other.next(1)).toBe(false);
  expect(completions.size).toBe(2);
  for (const watch of [first, second, other]) watch.close();
  expect(completions.size).toBe(0);
});
