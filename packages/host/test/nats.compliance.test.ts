import { Caller, Service } from '@internode/actor';
import { startNatsServer } from '@internode/bus/testing';
import { expect, test } from 'vitest';
import { openHost } from '../src/index.ts';

test('a service in one process answers a caller in another over a real nats-server', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startNatsServer();
  stack.defer(() => server.stop());
  const options = { place: { subnet: 's', node: 'n' }, bus: { url: server.url } } as const;
  const left = stack.use(await openHost(options));
  const right = stack.use(await openHost(options));
  left.run(
    new Service<never, never, never>({
      name: 'echo',
      hears: [{ kind: 'RequestBeacon', lane: 'bulk', whenFull: 'refuse' }],
      core: () => ({
        step: (_now, input) => {
          if (input.kind !== 'message' || input.message.kind !== 'RequestBeacon') return [];
          const value = new Uint8Array(input.message.height).fill(7);
          return [{ kind: 'publish', message: { kind: 'BeaconValue', height: 1, value } }];
        },
      }),
    }),
  );
  const caller = new Caller({
    name: 'edge',
    ports: right,
    keyOf: { BeaconValue: ({ value }) => String(value.length) },
    pendingMax: 8,
  });
  // The bus forgets what is said before a subscription is known: ask again, as cores do.
  const ask = async (length: number): Promise<unknown> => {
    const message = { kind: 'RequestBeacon', height: length } as const;
    const asked = await caller.ask({ message, key: String(length), deadlineMs: 500 });
    return asked.kind === 'late' ? ask(length) : asked;
  };
  for (const length of [0, 10, 5_000_000]) {
    expect(await ask(length)).toMatchObject({ kind: 'answered' });
  }
});
