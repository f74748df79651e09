// What each service of a member is told: its own settings, with the secrets that are its own and no others. The same in every
// placement.
import { type BeaconSettings, heldKeys } from '@internode/beacon';
import type { ConsensusSettings } from '@internode/consensus';
import type { ExecutionSettings } from '@internode/execution';
import type { GatewayConfig } from '@internode/gateway';
import type { P2pSettings } from '@internode/p2p';
import type { StateSettings } from '@internode/state';
import { CANISTER_RANGES } from './genesis.ts';
import { hostAndPort, type Member, peersOf, placesOf, subnetOf } from './member.ts';

export interface ServiceSettings {
  readonly state: StateSettings;
  readonly execution: ExecutionSettings;
  readonly beacon: BeaconSettings;
  readonly consensus: ConsensusSettings;
  readonly p2p: P2pSettings;
  readonly gateway: GatewayConfig;
}

export interface SettingsOptions {
  readonly host: string;
  readonly port: number;
  /** Several gateways listen on it. */
  readonly sharesPort?: boolean;
  readonly version: string;
  readonly compileCache?: string | undefined;
  readonly debugTo?: GatewayConfig['debugTo'];
  /** A subnet of one, for ever: it needs no door for peers and no checkpoints. */
  readonly alone: boolean;
  /** Undefined: nobody here knows, consensus asks the others. */
  readonly firstLife: boolean | undefined;
  /** Whether anybody but the own beacon could say what a certification is. */
  readonly checksCertifications: boolean;
}

export function settingsOf(member: Member, options: SettingsOptions): ServiceSettings {
  const { nodeId, secrets, shares, summary } = member;
  const { host, port, sharesPort = false, version, compileCache, debugTo } = options;
  const { alone, firstLife, checksCertifications } = options;
  const subnet = subnetOf(summary);
  const { subnetId, publicKeyDer } = subnet;
  const canisterRanges = CANISTER_RANGES;
  const type = 'application' as const;
  const described = { subnetId, publicKey: publicKeyDer, type, canisterRanges };
  return {
    state: {
      config: {
        subnet: { ...described, nodes: subnet.members },
        checksCertifications,
        checkpoints: !alone,
      },
      publicKey: subnet.high.groupPublicKey,
    },
    execution: {
      config: {
        subnetId,
        subnetNodes: subnet.members.length,
        rootKeyDer: publicKeyDer,
        record: summary.record,
      },
      ...(compileCache !== undefined && { compileCache }),
    },
    beacon: {
      config: { subnet, nodeId },
      keys: heldKeys(subnet, {
        ...(shares !== undefined && { lowShare: shares.low, highShare: shares.high }),
        nodeSecret: secrets.node,
        receiverSecret: secrets.receiver,
      }),
    },
    consensus: {
      config: {
        ...{ subnet, nodeId, genesis: summary, replicaVersion: version },
        ...(firstLife !== undefined && { firstLife }),
      },
      nodeSecret: secrets.node,
      voteSecret: secrets.vote,
      ingress: { rootKey: publicKeyDer, subnetId, canisterRanges },
    },
    p2p: {
      config: { nodeId, ...peersOf(member) },
      ...(!alone && {
        door: { listen: hostAndPort(placesOf(member).listen), nodeSecret: secrets.node },
      }),
    },
    gateway: {
      host,
      port,
      sharesPort,
      rootKey: publicKeyDer,
      rootSubnetId: subnetId,
      subnetId,
      nodeId,
      nodeSecret: secrets.node,
      canisterRanges,
      implementationVersion: version,
      debugTo,
    },
  };
}
