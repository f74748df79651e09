// The service with the world around it: store, curve, shell. The same in every placement.
import { Service } from '@internode/actor';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { Host, Start } from '@internode/host';
import { RocksStore } from '@internode/storage/rocksdb';
import { createStateSolver } from './adapters/solver.ts';
import type { StateConfig } from './config.ts';
import { createState } from './state.ts';
import { describeState } from './telemetry.ts';

/** Of `RocksStore.open`: checkpoints are made and synced where the rows are. */
export const CHECKPOINTS = new URL('./checkpoint/extension.ts', import.meta.url);

export interface StateSettings {
  readonly config: StateConfig;
  /** The subnet's key, 96 bytes. */
  readonly publicKey: Uint8Array;
}

/** Opens the store below the host's data directory. */
export async function openState(host: Host, settings: StateSettings): Promise<Start> {
  const { config, publicKey } = settings;
  setHashEngine(nodeHashEngine);
  const bls = await loadFastBls();
  const store = await RocksStore.open({
    path: host.pathOf('store'),
    ...(config.checkpoints === true && { extension: CHECKPOINTS }),
  });
  host.defer(() => store.close());
  const solver = createStateSolver({ store, bls, publicKey, onRefused: host.fail });
  return () => host.run(new Service(createState(config)), { solver, describe: describeState });
}
