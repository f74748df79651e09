// The service with the thread that holds the keys. The same in every placement.
import { Service } from '@internode/actor';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { Host, Start } from '@internode/host';
import { startThreadedBeaconSolver } from './adapters/threaded-solver.ts';
import { createBeacon } from './beacon.ts';
import type { BeaconConfig } from './config.ts';
import type { HeldKeys } from './solver.ts';
import { describeBeacon } from './telemetry.ts';

export interface BeaconSettings {
  readonly config: BeaconConfig;
  readonly keys: HeldKeys;
}

export async function openBeacon(host: Host, { config, keys }: BeaconSettings): Promise<Start> {
  setHashEngine(nodeHashEngine);
  const solver = await startThreadedBeaconSolver(keys, host.fail);
  host.defer(() => solver.close());
  return () => host.run(new Service(createBeacon(config)), { solver, describe: describeBeacon });
}
