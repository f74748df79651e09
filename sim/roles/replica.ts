// One replica as the world runs it: the real service definitions, their slow work in place.
import { Service } from '@internode/actor';
import { createBeacon, dealSubnet, heldKeys, solveBeacon } from '@internode/beacon';
import { createConsensus, solveConsensus } from '@internode/consensus';
import { CONTRACTS, subjectOf } from '@internode/contracts';
import type { BlsEngine, SignatureEngine } from '@internode/crypto';
import { canisterIdFromIndex, sha256 } from '@internode/encoding';
import { createExecution, createInPlaceSandbox, type SandboxTask } from '@internode/execution';
import { createP2p } from '@internode/p2p';
import { assert, utf8 } from '@internode/prelude';
import { type NodeSetup, type Role, role } from '@internode/sim';
import { createState, solveStateInPlace } from '@internode/state';
import { UsersCore } from './users.ts';

export interface ReplicaOptions {
  readonly seed: string;
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  readonly wasm: Uint8Array;
  readonly calls: number;
  readonly pauseMs: number;
}

const CANISTER = canisterIdFromIndex(0n);
const RANGES = [[CANISTER, canisterIdFromIndex(2n ** 20n - 1n)]] as const;

/** A subnet of one, and the people who use it in the gateway's place. */
export function replicaOf(options: ReplicaOptions): NodeSetup {
  const { bls, signatures } = options;
  const dealing = dealSubnet({ nodes: 1, entropy: sha256(utf8(options.seed)), bls, signatures });
  const { subnet } = dealing;
  const node = dealing.nodes[0];
  assert(node !== undefined, 'a subnet has a node');
  const { nodeId, nodeSecret: secret } = node;
  const keys = heldKeys(subnet, node);
  const rootKey = subnet.publicKeyDer;
  const description = {
    subnetId: subnet.subnetId,
    publicKey: rootKey,
    type: 'application',
    canisterRanges: RANGES,
    nodes: subnet.members,
  } as const;
  const publicKey = subnet.high.groupPublicKey;
  return {
    place: { subnet: 's', node: 'n0' },
    roles: [
      showing(
        role(new Service(createState({ subnet: description })), (task, store) =>
          solveStateInPlace({ store, bls, publicKey }, task),
        ),
      ),
      executionRole({ subnetId: subnet.subnetId, subnetNodes: 1, rootKeyDer: rootKey }),
      role(new Service(createBeacon({ subnet, nodeId })), (task) => solveBeacon(bls, keys, task)),
      role(new Service(createConsensus({ subnet, nodeId })), (task) =>
        solveConsensus({ signatures, secret }, task),
      ),
      role(new Service(createP2p({ nodeId }))),
      usersRole(options, rootKey),
    ],
  };
}

/** Makes an event of each certified height that is said to others, at the moment it is said. */
function showing(state: Role): Role {
  return {
    name: state.name,
    start: (ports, onFailed) => {
      const certified = subjectOf(ports.place, 'StateCertified');
      const publish: typeof ports.bus.publish = (envelope) => {
        if (envelope.subject === certified) {
          const said = CONTRACTS.StateCertified.decode(envelope.body);
          assert(said.kind === 'valid', 'our own message decodes');
          ports.observe(state.name, { kind: 'CertifiedShown', height: said.value.height });
        }
        ports.bus.publish(envelope);
      };
      state.start({ ...ports, bus: { ...ports.bus, publish } }, onFailed);
    },
    stop: () => state.stop(),
  };
}

/** A sandbox dies with its service. */
function executionRole(config: Parameters<typeof createExecution>[0]): Role {
  let sandbox = createInPlaceSandbox();
  const execution = role(new Service(createExecution(config)), (task: SandboxTask) =>
    sandbox.run(task),
  );
  return {
    name: execution.name,
    start: (ports, onFailed) => {
      sandbox = createInPlaceSandbox();
      execution.start(ports, onFailed);
    },
    stop: () => execution.stop(),
  };
}

/** The users outlive every crash of the node: they are elsewhere and come again. */
function usersRole(options: ReplicaOptions, rootKey: Uint8Array): Role {
  const { wasm, bls, calls, pauseMs, seed } = options;
  const config = { wasm, rootKey, bls, canisterId: CANISTER, calls, pauseMs };
  const users = new UsersCore(config, sha256(utf8(`users of ${seed}`)));
  const kinds = [
    'IngressInspected',
    'IngressAdmitted',
    'BlockFinalized',
    'StateCertified',
    'CertifiedRead',
  ] as const;
  return role(
    new Service({
      name: 'gateway',
      hears: kinds.map((kind) => ({ kind, lane: 'control', whenFull: 'drop-oldest' })),
      core: () => users,
    }),
  );
}
