import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { storeCompliance } from '../src/compliance.ts';
import { RocksStore } from '../src/rocksdb.ts';
import type { Told } from './held-extension.ts';
import { flipBit, temporaryDir } from './temporary.ts';

storeCompliance('rocksdb', async () => {
  const path = join(temporaryDir(), 'store');
  let generation = 0;
  let current = path;
  let store: RocksStore;
  return {
    open: async () => {
      store = await RocksStore.open({ path: current });
      return store;
    },
    end: async (how) => {
      if (how === 'clean') return store.close();
      // The disk as a crash would leave it: a copy of every file, taken while writes may be under way.
      generation += 1;
      const left = current;
      current = `${path}.${generation}`;
      fs.cpSync(left, current, { recursive: true });
      await store.close();
    },
  };
});

/** A closed store with two table files and a log. */
async function someStore(): Promise<string> {
  const path = join(temporaryDir(), 'store');
  for (const round of ['first', 'second', 'third']) {
    const store = await RocksStore.open({ path });
    const batch = Array.from({ length: 2000 }, (_, i) => ({
      key: utf8(`${round} ${i}`),
      value: utf8(`value ${i * i} `.repeat(10)),
    }));
    await store.write(batch, { sync: true });
    await store.write([{ key: utf8('last'), value: utf8(round) }], { sync: true });
    await store.close();
  }
  return path;
}

function filesOf(path: string, pattern: RegExp): string[] {
  const names = fs.readdirSync(path).filter((name) => pattern.test(name));
  return names.map((name) => join(path, name)).filter((file) => fs.statSync(file).size > 20);
}

/** Damages a copy of the store, opens it, and answers the fault. */
async function faultAfter(path: string, damage: (copy: string) => void): Promise<unknown> {
  const copy = join(temporaryDir(), 'copy');
  fs.cpSync(path, copy, { recursive: true });
  damage(copy);
  const opened = await RocksStore.open({ path: copy }).catch((fault: unknown) => fault);
  if (opened instanceof RocksStore) await opened.close();
  return opened;
}

const DAMAGED = {
  code: 'corrupt',
  message: expect.stringMatching(/is damaged .* Restore the data directory from a backup/s),
};

describe('a damaged RocksDB refuses to open and says what to do', () => {
  test('bits of table files, the manifest, the log, CURRENT', async () => {
    const path = await someStore();
    const tables = filesOf(path, /\.sst$/);
    expect(tables).not.toEqual([]);
    for (const table of tables) {
      const size = fs.statSync(table).size;
      for (const share of [0.01, 0.3, 0.6, 0.9, 0.999]) {
        const name = table.slice(path.length);
        const fault = await faultAfter(path, (copy) =>
          flipBit(copy + name, Math.floor(size * share)),
        );
        expect(fault, `${name} at ${share}`).toMatchObject(DAMAGED);
      }
    }
    for (const pattern of [/^MANIFEST/, /^CURRENT$/]) {
      const fault = await faultAfter(path, (copy) => {
        for (const file of filesOf(copy, pattern).concat(join(copy, 'CURRENT')).slice(0, 1))
          flipBit(file, 12);
      });
      expect(fault, String(pattern)).toMatchObject(DAMAGED);
    }
  });

  test('files cut short or gone', async () => {
    const path = await someStore();
    for (const pattern of [/\.sst$/, /^MANIFEST/, /^CURRENT$/]) {
      const [name = ''] = fs.readdirSync(path).filter((file) => pattern.test(file));
      const cut = await faultAfter(path, (copy) => {
        const file = join(copy, name);
        fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2));
      });
      expect(cut, `${name} cut`).toMatchObject(DAMAGED);
      const gone = await faultAfter(path, (copy) => fs.rmSync(join(copy, name)));
      expect(gone, `${name} gone`).toMatchObject(DAMAGED);
    }
  });

  test('a log that lost safe commits', async () => {
    const path = join(temporaryDir(), 'store');
    const store = await RocksStore.open({ path });
    for (let i = 0; i < 20; i++) {
      await store.write([{ key: utf8(`key ${i}`), value: new Uint8Array(500) }], { sync: true });
    }
    for (const share of [0.1, 0.5, 0.99]) {
      const fault = await faultAfter(path, (copy) => {
        const [log = ''] = filesOf(copy, /\.log$/);
        flipBit(log, Math.floor(fs.statSync(log).size * share));
      });
      expect(fault, `log at ${share}`).toMatchObject(DAMAGED);
    }
    const gone = await faultAfter(path, (copy) => {
      for (const log of filesOf(copy, /\.log$/)) fs.rmSync(log);
    });
    expect(gone).toMatchObject(DAMAGED);
    await store.close();
  });

  test('a log that lost what an extension wrote, once something safe was written behind it', async () => {
    const path = join(temporaryDir(), 'store');
    const extension = new URL('./held-extension.ts', import.meta.url);
    const store = await RocksStore.open({ path, extension });
    await store.write([{ key: utf8('first'), value: new Uint8Array(500) }], { sync: true });
    for (let i = 0; i < 20; i++)
      await store.call({ kind: 'write', key: `own ${i}`, value: 'x'.repeat(5_000) });
    const spoil = (copy: string): void => {
      const [log = ''] = filesOf(copy, /\.log$/);
      flipBit(log, 60_000);
    };
    expect(await faultAfter(path, spoil)).toBeInstanceOf(RocksStore);
    await store.write([{ key: utf8('safe'), value: new Uint8Array(500) }], { sync: true });
    expect(await faultAfter(path, spoil)).toMatchObject(DAMAGED);
    await store.close();
  });

  test('a large store opens at once, and damage is found while it serves', async () => {
    const path = join(temporaryDir(), 'store');
    const store = await RocksStore.open({ path });
    const value = randomBytes(100_000);
    for (let n = 0; n < 1500; n++) {
      value.writeUInt32BE(n);
      const key = Uint8Array.of(n >> 8, n);
      await store.write([{ key, value: Buffer.concat([value]) }], { sync: n === 1499 });
    }
    await store.close();
    const tables = filesOf(path, /\.sst$/);
    const table = tables[Math.floor(tables.length / 2)] ?? '';
    flipBit(table, Math.floor(fs.statSync(table).size / 2));
    const damaged = await RocksStore.open({ path });
    expect(await damaged.get(Uint8Array.of(77, 77))).toBeUndefined();
    const fault = async (): Promise<unknown> => {
      const read = await damaged.get(Uint8Array.of(77, 77)).catch((error: unknown) => error);
      if (read !== undefined) return read;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return fault();
    };
    expect(await fault()).toMatchObject(DAMAGED);
    await expect(damaged.write([], { sync: true })).rejects.toMatchObject(DAMAGED);
    await damaged.close();
  });

  test('a second opener is told that it is in use', async () => {
    const path = join(temporaryDir(), 'store');
    const store = await RocksStore.open({ path });
    await expect(RocksStore.open({ path })).rejects.toMatchObject({ code: 'locked' });
    await store.close();
    await (await RocksStore.open({ path })).close();
  });
});

describe('closing', () => {
  test('a second time, at once or later, is done when the first is', async () => {
    const store = await RocksStore.open({ path: join(temporaryDir(), 'store') });
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await expect(store.get(utf8('key'))).rejects.toMatchObject({ code: 'broken' });
  });

  test('after the thread has died', async () => {
    const path = join(temporaryDir(), 'store');
    const extension = new URL('./held-extension.ts', import.meta.url);
    const store = await RocksStore.open({ path, extension });
    // Its answer and the news of its death come by two ways, and either may be first.
    await store.call({ kind: 'die' } satisfies Told).catch(() => {});
    const fault = async (): Promise<unknown> => {
      const read = await store.get(utf8('key')).catch((error: unknown) => error);
      return read ?? fault();
    };
    expect(await fault()).toMatchObject({ code: 'broken' });
    // Until its end has been heard too: from then on nobody is left to answer.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await store.close();
    await (await RocksStore.open({ path })).close();
  });
});
