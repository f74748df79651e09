/** Sync through stores on disk, with the services' shells and a bus on each side. */
import { mkdtempSync, rmSync } from 'node:fs';
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
});
