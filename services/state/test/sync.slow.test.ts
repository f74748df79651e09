/** Sync through stores on disk, with the services' shells and a bus on each side. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { afterEach, describe, expect, test } from 'vitest';
import { History } from './history.ts';
import { type Live, live } from './live.ts';
import { epochBegan, packageOf } from './subnet.ts';

setHashEngine(nodeHashEngine);
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'internode-sync-'));
  folders.push(path);
  return path;
}

async function play(node: Live, batches: ReturnType<History['batches']>): Promise<void> {
  for (const each of batches) {
    node.caller.tell(each);
    await node.until('StateHashed', ({ height }) => height >= each.height);
  }
  const last = batches.at(-1)?.height ?? 0;
  await node.until('StateCommitted', ({ height }) => height >= last);
}

describe('state on RocksDB', () => {
  test.each([0, 12])(
    'is fetched by a replica at height %i, and is row by row what the other has',
    async (before) => {
      const batches = new History(31).batches(45);
      const [path, other] = [folder(), folder()];
      const donor = await live(other, 1);
      const first = await live(path, 2);
      first.link(donor);
      donor.caller.tell(epochBegan(0, 30));
      await play(donor, batches.slice(0, 30));
      const made = await donor.until('CheckpointMade', ({ height }) => height === 30);
      if (before > 0) await play(first, batches.slice(0, before));
      const later = play(donor, batches.slice(30));
      first.caller.tell({ kind: 'SyncState', package: packageOf(made), peers: [donor.id] });
      await first.until('StateCertified', ({ height }) => height === 30);
      expect(await first.until('CheckpointMade', () => true)).toEqual(made);
      await later;
      await first.close();
      // Another process knows nothing of what was fetched: it makes its manifest from all rows.
      const second = await live(path, 2);
      second.caller.tell(epochBegan(30, 45));
      expect(await second.until('CheckpointMade', () => true)).toEqual(made);
      donor.caller.tell(epochBegan(45, 60));
      await play(second, batches.slice(30));
      const both = [donor, second].map((node) =>
        node.until('CheckpointMade', ({ height }) => height === 45),
      );
      const [one, two] = await Promise.all(both);
      expect(two).toEqual(one);
      await Promise.all([donor.close(), second.close()]);
    },
  );

  test('is served by a donor that was started again, until its checkpoint is damaged', async () => {
    const batches = new History(32).batches(30);
    const [path, empty, other] = [folder(), folder(), folder()];
    const first = await live(path, 1);
    first.caller.tell(epochBegan(0, 20));
    await play(first, batches.slice(0, 20));
    const made = await first.until('CheckpointMade', ({ height }) => height === 20);
    await play(first, batches.slice(20, 25));
    await first.close();
    const donor = await live(path, 1);
    donor.caller.tell(epochBegan(20, 40));
    await play(donor, batches.slice(25));
    const joiner = await live(empty, 2);
    joiner.link(donor);
    joiner.caller.tell({ kind: 'SyncState', package: packageOf(made), peers: [donor.id] });
    await joiner.until('StateCertified', ({ height }) => height === 20);
    expect(await joiner.until('CheckpointMade', () => true)).toEqual(made);
    await Promise.all([donor.close(), joiner.close()]);

    // Tables are shared with the store: another file under the name, not other bytes in it.
    const kept = join(path, 'kept', '20');
    for (const name of readdirSync(kept).filter((each) => each.endsWith('.sst'))) {
      const bytes = readFileSync(join(kept, name));
      for (let at = 100; at < bytes.length - 100; at += 1_000) bytes[at] = 255 - (bytes[at] ?? 0);
      rmSync(join(kept, name));
      writeFileSync(join(kept, name), bytes);
    }
    const damaged = await live(path, 1);
    const late = await live(other, 3);
    late.link(damaged);
    late.caller.tell({ kind: 'SyncState', package: packageOf(made), peers: [damaged.id] });
    await damaged.event('CheckpointDropped');
    await expect.poll(() => existsSync(kept)).toBe(false);
    expect(damaged.last('Readiness')).toMatchObject({ service: 'state' });
    damaged.caller.tell(epochBegan(20, 31));
    await play(damaged, new History(32).batches(31).slice(30));
    expect((await damaged.until('CheckpointMade', ({ height }) => height === 31)).height).toBe(31);
    await Promise.all([damaged.close(), late.close()]);
  });
});
