// Unmodified official clients, all their checks on, against a replica in a process of its own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLIENT_LIBRARIES,
  type Client,
  INSTALL,
  UPGRADE,
  UPGRADE_KEEP,
} from '../runner/clients.ts';
import { callerInterface, counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';

let replica: Replica;
beforeAll(async () => {
  replica = await startReplica();
});
afterAll(async () => {
  await replica?.stop();
});

describe.each(CLIENT_LIBRARIES)('$name', (library) => {
  let client: Client;
  let counter: Awaited<ReturnType<Client['deploy']>>;

  beforeAll(async () => {
    client = await library.open(replica);
    counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
  });

  test('updates and queries of a Motoko counter, certificates and query signatures verified', async () => {
    expect(await counter.actor['inc']?.()).toBe(1n);
    expect(await counter.actor['add']?.(41n)).toBe(42n);
    expect(await counter.actor['get']?.()).toBe(42n);
    expect(String(await counter.actor['whoami']?.())).toBe(client.principal);
  });

  test('a trap rolls back and is rejected with code 5 and its text', async () => {
    const before = await counter.actor['get']?.();
    await expect(counter.actor['incThenTrap']?.()).rejects.toThrow(/by order/);
    await expect(counter.actor['incThenTrap']?.()).rejects.toThrow(/IC0503/);
    expect(await counter.actor['get']?.()).toBe(before);
    await expect(counter.actor['trapInQuery']?.()).rejects.toThrow(/query by order/);
    await expect(counter.actor['refuse']?.()).rejects.toThrow(/not today/);
    await expect(counter.actor['noSuchMethod']?.()).rejects.toThrow(/IC0536/);
  });

  test('a second canister calls the first', async () => {
    const caller = await client.deploy(callerInterface, motokoModule('caller.mo'));
    const before = (await counter.actor['get']?.()) as bigint;
    expect(await caller.actor['incOf']?.(counter.id)).toBe(before + 1n);
    expect(await caller.actor['getOf']?.(counter.id)).toBe(before + 1n);
    expect(await caller.actor['twice']?.(counter.id)).toEqual([before + 2n, before + 3n]);
    const texts = (await caller.actor['failures']?.(counter.id)) as string[];
    expect(texts[0]).toMatch(/by order/);
    expect(texts[1]).toMatch(/not today/);
    expect(texts[2]).toMatch(/no update method 'noSuchMethod'/);
    expect(await counter.actor['get']?.()).toBe(before + 3n);
  });

  test('an upgrade with `opt keep` keeps the heap, a plain one is refused', async () => {
    const before = await counter.actor['get']?.();
    await client.install(counter.id, motokoModule('counter.mo'), { mode: UPGRADE_KEEP });
    expect(await counter.actor['get']?.()).toBe(before);
    expect(await counter.actor['transientCount']?.()).toBe(0n);
    const plain = client.install(counter.id, motokoModule('counter.mo'), { mode: UPGRADE });
    await expect(plain).rejects.toThrow(/Missing upgrade option/);
    const again = client.install(counter.id, motokoModule('counter.mo'), { mode: INSTALL });
    await expect(again).rejects.toThrow(/IC0538|IC0514/);
  });

  test('a runaway loop and a deep recursion end with their errors and harm nobody', async () => {
    const before = await counter.actor['get']?.();
    await expect(counter.actor['spin']?.()).rejects.toThrow(/IC0522/);
    expect(await counter.actor['get']?.()).toBe(before);
  });
});
