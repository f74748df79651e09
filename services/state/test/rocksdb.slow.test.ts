/** The real shell on a real disk: RocksDB, the bus in memory, the system clock, a process that is killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Caller, type MessageOf, type Ports, Service } from '@internode/actor';
import { MemoryBus } from '@internode/bus/memory';
import type { Message, MessageKind } from '@internode/contracts';
import { SystemClock } from '@internode/host';
import { toHex, utf8 } from '@internode/prelude';
import { MemoryJournal } from '@internode/storage/memory';
import { RocksStore } from '@internode/storage/rocksdb';
import { afterEach, describe, expect, test } from 'vitest';
import { createState, createStateSolver } from '../src/index.ts';
import { batchOf, beaconOn } from './killed-node.ts';
import { bls, canister, publicKey, Rig, SUBNET } from './rig.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'internode-state-'));
  folders.push(path);
  return path;
}

async function open(path: string) {
  const store = await RocksStore.open({ path });
  const bus = new MemoryBus();
  const clock = new SystemClock();
  const ports: Ports<never, never> = {
    place: { subnet: 'subnet', node: 'node' },
    bus,
    clock,
    entropy: { fill: (bytes) => randomFillSync(bytes) },
    journal: new MemoryJournal(),
    solver: { solve: () => {} },
    observe: () => {},
  };
  const refused: string[] = [];
  const onRefused = (fault: Error) => refused.push(fault.message);
  const solver = createStateSolver({ store, bls, publicKey, onRefused });
  const service = new Service(createState({ subnet: SUBNET }));
  const caller = new Caller({ name: 'test', ports, keyOf: {}, pendingMax: 1 });
  const said: Message[] = [];
  const kinds: MessageKind[] = ['Readiness', 'StateCertified', 'StateCommitted', 'StateHashed'];
  kinds.push('TipLoaded', 'MemoryLoaded');
  for (const kind of kinds) caller.listen(kind, (message) => said.push(message));
  beaconOn(caller);
  service.start({ ...ports, solver });
  const until = async <Kind extends MessageKind>(
    kind: Kind,
    holds: (message: MessageOf<Kind>) => boolean,
  ): Promise<MessageOf<Kind>> => {
    for (let i = 0; i < 1_000; i++) {
      const found = said.findLast((each) => each.kind === kind && holds(each as MessageOf<Kind>));
      if (found !== undefined) return found as MessageOf<Kind>;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${kind} was not said`);
  };
  const close = async (): Promise<void> => {
    service.stop();
    caller.close();
    await store.close();
  };
  return { caller, said, refused, store, until, close };
}

function consensusAt(height: number): Message {
  return { kind: 'Readiness', service: 'consensus', ready: true, height, detail: '' };
}

describe('the state on RocksDB', () => {
  test('is there after a restart, page by page', async () => {
    const path = folder();
    const first = await open(path);
    first.caller.tell(consensusAt(0));
    await first.until('Readiness', ({ detail }) => detail.startsWith('waiting for the certif'));
    for (let height = 1; height <= 30; height++) first.caller.tell(batchOf(height));
    await first.until('StateCertified', ({ height }) => height === 30);
    await first.until('StateCommitted', ({ height, durable }) => height === 30 && durable);
    const hashed = await first.until('StateHashed', ({ height }) => height === 30);
    await first.close();

    const second = await open(path);
    second.caller.tell(consensusAt(30));
    const certified = await second.until('StateCertified', ({ height }) => height === 30);
    expect(toHex(certified.root)).toBe(toHex(hashed.root));
    second.caller.tell({ kind: 'LoadTip' });
    await second.until('TipLoaded', ({ height }) => height === 30);
    const ask = { canisterId: canister(1), memory: 'heap', fromIndex: 0 } as const;
    second.caller.tell({ kind: 'LoadMemory', ...ask });
    const { pages } = await second.until('MemoryLoaded', () => true);
    expect(pages.map(({ index, content }) => [index, content[0]])).toEqual(
      Array.from({ length: 10 }, (_, index) => [index, 20 + index + (index === 0 ? 10 : 0)]),
    );
    await second.close();
  });

  test('a process killed at random instants never goes back behind what it certified', async () => {
    const path = folder();
    let certified = 0;
    const roots = new Map<number, string>();
    for (let round = 0; round < 6; round++) {
      const child = fork(join(import.meta.dirname, 'killed-node.ts'), [path, String(certified)], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      certified = await runUntilKilled(child, 400 + 170 * round, certified, roots);
    }
    expect(certified).toBeGreaterThan(30);
    const reference = Rig.started();
    for (let height = 1; height <= certified; height++) {
      reference.tell(batchOf(height));
      expect(roots.get(height) ?? reference.root).toBe(reference.root);
    }
  });

  test('a damaged file is refused with what to do', async () => {
    const path = folder();
    const first = await open(path);
    first.caller.tell(consensusAt(0));
    await first.until('Readiness', ({ detail }) => detail.startsWith('waiting for the certif'));
    for (let height = 1; height <= 20; height++) first.caller.tell(batchOf(height));
    await first.until('StateCommitted', ({ durable }) => durable);
    await first.close();
    let damaged = 0;
    for (const name of readdirSync(path)) {
      if (!/\.(sst|log)$/.test(name)) continue;
      const bytes = readFileSync(join(path, name));
      if (bytes.length < 2_000) continue;
      for (let at = 100; at < bytes.length; at += 997) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(join(path, name), bytes);
      damaged += 1;
    }
    expect(damaged).toBeGreaterThan(0);
    const outcome = await open(path).then(
      async (second) => {
        const { detail } = await second.until('Readiness', (said) =>
          said.detail.includes('--clean'),
        );
        await second.close();
        return detail;
      },
      (fault: Error) => fault.message,
    );
    expect(outcome.length).toBeGreaterThan(20);
  });
});

describe('a store on RocksDB that was changed behind our back', () => {
  test('stops the node with what to do', async () => {
    const path = folder();
    const first = await open(path);
    first.caller.tell(consensusAt(0));
    await first.until('Readiness', ({ detail }) => detail.startsWith('waiting for the certif'));
    for (let height = 1; height <= 5; height++) first.caller.tell(batchOf(height));
    await first.until('StateCommitted', ({ height }) => height === 5);
    const [row] = await first.store.range({ gte: utf8('r'), lt: utf8('s'), limit: 1 });
    const key = row?.key as Uint8Array;
    await first.store.write([{ key, value: undefined }], { sync: true });
    await first.close();
    const second = await open(path);
    await second.until('Readiness', ({ detail }) => detail.includes('--clean'));
    expect(second.refused).toEqual([expect.stringContaining('root hash differs')]);
    await second.close();
  });
});

interface Report {
  readonly height: number;
  readonly root: string;
}

/** Answers the last certified height that the child told before it died. */
function runUntilKilled(
  child: ChildProcess,
  afterMs: number,
  certifiedBefore: number,
  roots: Map<number, string>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let certified = certifiedBefore;
    let isFirst = true;
    child.on('message', ({ height, root }: Report) => {
      if (isFirst) setTimeout(() => child.kill('SIGKILL'), afterMs);
      isFirst = false;
      if (height < certified) reject(new Error(`certified ${height} after ${certified}`));
      const known = roots.get(height);
      if (known !== undefined && known !== root) reject(new Error(`another root at ${height}`));
      roots.set(height, root);
      certified = height;
    });
    child.on('exit', () => resolve(certified));
  });
}
