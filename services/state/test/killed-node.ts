/**
 * A node for `rocksdb.slow.test.ts` to kill: a state on RocksDB, a beacon, and an execution that continues from the
 * stored tip. Tells its parent every height that it certified. Its blocks never get lost: they can be made again.
 */
import { randomFillSync } from 'node:crypto';
import { Caller, type Ports, Service } from '@internode/actor';
import { MemoryBus } from '@internode/bus/memory';
import type { BatchExecuted } from '@internode/contracts';
import { stateRootMessage } from '@internode/hash-tree';
import { SystemClock } from '@internode/host';
import { toHex } from '@internode/prelude';
import { MemoryJournal } from '@internode/storage/memory';
import { RocksStore } from '@internode/storage/rocksdb';
import { createState, createStateSolver } from '../src/index.ts';
import { batch, bls, change, page, publicKey, record, request, SUBNET, secretKey } from './rig.ts';

/** What execution made of height `height`: ten pages in turn, a request, the same for everyone. */
export function batchOf(height: number): BatchExecuted {
  const pages = [{ index: height % 10, content: page(height) }];
  const memories = [{ memory: 'heap', cleared: false, sizeBytes: 65_536, pages }] as const;
  const canisters = [change(1, { memories, ...(height === 1 && { record: record() }) })];
  return batch(height, { requests: [request(height % 256)], canisters });
}

export function beaconOn(caller: Caller): void {
  caller.listen('StateHashed', ({ height, root }) => {
    const signature = bls.sign(secretKey, stateRootMessage(root));
    caller.tell({ kind: 'CertificationValue', height, root, signature });
  });
}

async function main(path: string, finalHeight: number): Promise<void> {
  const store = await RocksStore.open({ path });
  const ports: Ports = {
    place: { subnet: 'subnet', node: 'node' },
    bus: new MemoryBus(),
    clock: new SystemClock(),
    entropy: { fill: (bytes) => randomFillSync(bytes) },
    journal: new MemoryJournal(),
    solver: { solve: () => {} },
    observe: () => {},
  };
  const caller = new Caller({ name: 'test', ports, keyOf: {}, pendingMax: 1 });
  beaconOn(caller);
  let height = 0;
  const next = () => caller.tell(batchOf(height + 1));
  caller.listen('StateHashed', (hashed) => {
    height = Math.max(height, hashed.height);
    setImmediate(next);
  });
  caller.listen('TipLoaded', (tip) => {
    height = tip.height;
    caller.tell({ kind: 'LoadRequests', after: new Uint8Array(0) });
  });
  caller.listen('RequestsLoaded', next);
  caller.listen('StateCertified', (said) => {
    process.send?.({ height: said.height, root: toHex(said.root) });
  });
  caller.listen('RequestReadiness', () => {
    const readiness = { service: 'consensus', ready: true, height: finalHeight, detail: '' };
    caller.tell({ kind: 'Readiness', ...readiness });
  });
  const solver = createStateSolver({ store, bls, publicKey });
  new Service(createState({ subnet: SUBNET })).start({ ...ports, solver });
  caller.tell({ kind: 'LoadTip' });
}

const [, , path, finalHeight] = process.argv;
if (process.send !== undefined && path !== undefined && finalHeight !== undefined) {
  await main(path, Number(finalHeight));
}
