// One replica as the world runs it: the real service definitions, their slow work in place.
import { Service, type ServiceFigures } from '@internode/actor';
import { createBeacon, heldKeys, type SubnetDealing, solveBeacon } from '@internode/beacon';
import {
  type ConsensusAnswer,
  type ConsensusEvent,
  type ConsensusTask,
  createConsensus,
  solveConsensus,
} from '@internode/consensus';
import { canisterIdFromIndex, sha256 } from '@internode/encoding';
import {
  createExecution,
  createInPlaceSandbox,
  type ExecutionEvent,
  type SandboxAnswer,
  type SandboxTask,
} from '@internode/execution';
import { createP2p } from '@internode/p2p';
import { assert, bytesEqual, concatBytes, utf8 } from '@internode/prelude';
import { type Role, type RolePorts, role } from '@internode/sim';
import { createState, solveStateInPlace } from '@internode/state';
import type { Crypto } from '../crypto.ts';
import type { DoorParts } from './door.ts';

export interface Replica {
  readonly nodeId: Uint8Array;
  /** In the order in which they start. */
  readonly roles: readonly Role[];
  /** Of the services with a mailbox, by name. */
  readonly figures: ReadonlyMap<string, () => ServiceFigures>;
  /** What its gateway is made of. */
  readonly door: DoorParts;
}

export const CANISTER = canisterIdFromIndex(0n);
const RANGES = [[CANISTER, canisterIdFromIndex(2n ** 20n - 1n)]] as const;
const DOOR = { host: '', port: 0, implementationVersion: 'simulated' };

/** The member of this number. */
export function replicaOf(dealing: SubnetDealing, number: number, crypto: Crypto): Replica {
  const { bls, signatures } = crypto;
  const { subnet } = dealing;
  const node = dealing.nodes[number];
  assert(node !== undefined, 'a subnet has this node');
  const { nodeId, nodeSecret: secret } = node;
  const { subnetId, publicKeyDer: rootKey } = subnet;
  const description = {
    subnetId,
    publicKey: rootKey,
    type: 'application',
    canisterRanges: RANGES,
    nodes: subnet.members,
  } as const;
  const { summary } = dealing;
  const hasEpochs = summary.nextHeight > 0;
  const state = new Service(createState({ subnet: description, checkpoints: hasEpochs }));
  const subnetNodes = subnet.members.length;
  const execution = new Service(
    createExecution({
      subnetId,
      subnetNodes,
      rootKeyDer: rootKey,
      ...(hasEpochs && { record: summary.record }),
    }),
  );
  const beacon = new Service(createBeacon({ subnet, nodeId }));
  const voting = votingRole(
    (firstLife) =>
      new Service(
        createConsensus({ subnet, nodeId, firstLife, ...(hasEpochs && { genesis: summary }) }),
      ),
    (task) =>
      solveConsensus(
        {
          signatures,
          secret,
          ...(hasEpochs && { bls }),
          ingress: { signatures, bls, rootKey, subnetId, canisterRanges: RANGES },
        },
        task,
      ),
  );
  const peers = subnet.members.flatMap((member) =>
    bytesEqual(member.nodeId, nodeId) ? [] : [{ ...member, address: '' }],
  );
  const p2p = new Service(createP2p({ nodeId, peers }));
  const keys = heldKeys(subnet, node);
  const tools = { bls, signatures, entropy: entropyOf(nodeId) };
  const publicKey = subnet.high.groupPublicKey;
  const roles = [
    role(state, (task, store) => solveStateInPlace({ store, bls, publicKey }, task)),
    executionRole(execution),
    role(beacon, (task) => solveBeacon(tools, keys, task)),
    voting.role,
    role(p2p),
  ];
  const config = {
    ...DOOR,
    rootKey,
    rootSubnetId: subnetId,
    subnetId,
    nodeId,
    nodeSecret: secret,
    canisterRanges: RANGES,
  };
  const figures = [state, execution, beacon, p2p].map((service): [string, () => ServiceFigures] => [
    service.name,
    () => service.figures(),
  ]);
  return {
    nodeId,
    roles,
    figures: new Map([...figures, [voting.role.name, voting.figures]]),
    door: { config, bls, signatures },
  };
}

type Consensus = Service<ConsensusTask, ConsensusAnswer, ConsensusEvent>;

/** Whose journal is another than at the first start has lost its disk: an empty one does not say then that it never voted. */
function votingRole(
  serviceOf: (firstLife: boolean) => Consensus,
  solve: (task: ConsensusTask) => ConsensusAnswer,
): { readonly role: Role; readonly figures: () => ServiceFigures } {
  const lives = [serviceOf(true), serviceOf(false)] as const;
  const roles = lives.map((service) => role(service, solve)) as [Role, Role];
  let first: RolePorts['journal'] | undefined;
  let at: 0 | 1 = 0;
  return {
    role: {
      name: roles[0].name,
      start: (ports, onFailed) => {
        first ??= ports.journal;
        at = ports.journal === first ? 0 : 1;
        roles[at].start(ports, onFailed);
      },
      stop: () => roles[at].stop(),
    },
    figures: () => lives[at].figures(),
  };
}

/** A sandbox dies with its service. */
function executionRole(service: Service<SandboxTask, SandboxAnswer, ExecutionEvent>): Role {
  let sandbox = createInPlaceSandbox();
  const execution = role(service, (task) => sandbox.run(task));
  return {
    name: execution.name,
    start: (ports, onFailed) => {
      sandbox = createInPlaceSandbox();
      execution.start(ports, onFailed);
    },
    stop: () => execution.stop(),
  };
}

/** A sequence of its own for each node, the same in each run. */
function entropyOf(nodeId: Uint8Array): () => Uint8Array {
  let calls = 0;
  return () => {
    calls += 1;
    return sha256(concatBytes(nodeId, utf8(String(calls))));
  };
}
