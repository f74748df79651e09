// The public door with the engines behind it. The same in every placement.
import { availableParallelism } from 'node:os';
import type { Subjects } from '@internode/actor';
import {
  loadFastBls,
  nodeHashEngine,
  nodeSignatures,
  openVerifier,
  signOnPool,
} from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { FiguresOfOthers, type Host, keepTraces, type Start, tellSpans } from '@internode/host';
import type { GatewayConfig } from './config.ts';
import { type OpenGateway, openGateway } from './open-gateway.ts';
import { describeGateway } from './telemetry.ts';

/** The broker lets it say and hear nothing else. */
export const gatewaySubjects: Subjects = {
  says: [
    'InspectIngress',
    'SubmitIngress',
    'ExecuteQuery',
    'ReadCertified',
    'RequestCertified',
    'RequestReadiness',
    'Readiness',
  ],
  hears: [
    'IngressInspected',
    'IngressAdmitted',
    'IngressRefused',
    'QueryAnswered',
    'CertifiedRead',
    'StateCertified',
    'Readiness',
    'RequestReadiness',
  ],
};

/** Whose figures are shown beside the own ones, when nobody says. */
const OTHERS = ['p2p', 'beacon', 'consensus', 'execution', 'state'];

const VERIFIERS_MAX = 4;

/** Closed by whoever opened it. Rejects with the system's error when the address cannot be had. */
export async function openGatewayIn(
  host: Host,
  config: GatewayConfig,
  others?: FiguresOfOthers,
): Promise<OpenGateway> {
  setHashEngine(nodeHashEngine);
  const { place, bus, clock, entropy, telemetry } = host;
  const { observe, tracer, metrics } = telemetry;
  telemetry.describe('gateway', describeGateway);
  // All that were answered with one block call again together, and until their signatures are verified this thread has nothing to do.
  const verifier = openVerifier(Math.min(VERIFIERS_MAX, availableParallelism()));
  host.defer(() => verifier.close());
  return openGateway({
    config,
    ports: { place, bus, clock, entropy, observe, ...(tracer !== undefined && { tracer }) },
    signatures: nodeSignatures,
    verifyLater: verifier.verify,
    signLater: signOnPool,
    bls: await loadFastBls(),
    traces: keepTraces(host, others === undefined ? [] : (config.processes ?? OTHERS)),
    metricsText: () => (others === undefined ? metrics.text() : others.metrics()),
    trouble: () => (others === undefined ? host.trouble : others.trouble()),
  });
}

/** Of a process or thread of its own: tells its supervisor where clients connect. */
export async function openGatewayAlone(
  host: Host,
  config: GatewayConfig,
): Promise<Start<{ readonly url: string }>> {
  const { unit = 'gateway', processes = OTHERS } = config;
  const others = new FiguresOfOthers(host, unit, processes);
  // A client asks whichever gateway the system gives it: each knows what passed through the others.
  if (processes.some((other) => other.startsWith('gateway'))) tellSpans(host, unit);
  const gateway = await openGatewayIn(host, config, others);
  host.defer(() => gateway.close());
  return () => ({ url: gateway.url });
}
