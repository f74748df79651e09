import {
  loadFastBls,
  nodeHashEngine,
  nodeSignatures,
  signOnPool,
  verifyOnPool,
} from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { openHost } from '@internode/host';
import { readConfig } from './config.ts';
import { openGateway } from './open-gateway.ts';
import { describeGateway } from './telemetry.ts';

const { gateway: config, place, busUrl } = readConfig(process.env);
setHashEngine(nodeHashEngine);

await using host = await openHost({ place, bus: busUrl });
const { telemetry, bus, clock, entropy } = host;
const { observe, tracer } = telemetry;
telemetry.describe('gateway', describeGateway);
const gateway = await openGateway({
  config,
  ports: { place, bus, clock, entropy, observe, ...(tracer !== undefined && { tracer }) },
  signatures: nodeSignatures,
  verifyLater: verifyOnPool,
  signLater: signOnPool,
  bls: await loadFastBls(),
  metricsText: () => telemetry.metrics.text(),
});
host.defer(() => gateway.close());
await host.stopped();
