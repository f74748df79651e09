// One replica as the world runs it: the real service definitions, their slow work in place.
import { Service, type ServiceFigures } from '@internode/actor';
import { createBeacon, dealSubnet, heldKeys, solveBeacon } from '@internode/beacon';
import { createConsensus, solveConsensus } from '@internode/consensus';
import { CONTRACTS, type Message, type MessageKind, subjectOf } from '@internode/contracts';
import { canisterIdFromIndex, sha256 } from '@internode/encoding';
import {
  createExecution,
  createInPlaceSandbox,
  type ExecutionEvent,
  type SandboxAnswer,
  type SandboxTask,
} from '@internode/execution';
import { createP2p } from '@internode/p2p';
import { assert, utf8 } from '@internode/prelude';
import { type NodeSetup, type Role, role } from '@internode/sim';
import { createState, solveStateInPlace } from '@internode/state';
import type { Crypto } from '../crypto.ts';
import { doorRole, type Turns } from './door.ts';

export interface ReplicaOptions {
  readonly seed: string;
  readonly crypto: Crypto;
  readonly wasm: Uint8Array;
  readonly marks: number;
  readonly pauseMs: number;
  readonly turns: Turns;
}

export interface Replica {
  readonly setup: NodeSetup;
  /** Of the services with a mailbox, by name. */
  readonly figures: ReadonlyMap<string, () => ServiceFigures>;
}

const CANISTER = canisterIdFromIndex(0n);
const RANGES = [[CANISTER, canisterIdFromIndex(2n ** 20n - 1n)]] as const;

/** A subnet of one, and the people who use it. */
export function replicaOf(options: ReplicaOptions): Replica {
  const { seed, crypto } = options;
  const { bls, signatures } = crypto;
  const dealing = dealingOf(options);
  const { subnet } = dealing;
  const node = dealing.nodes[0];
  assert(node !== undefined, 'a subnet has a node');
  const { nodeId, nodeSecret: secret } = node;
  const keys = heldKeys(subnet, node);
  const rootKey = subnet.publicKeyDer;
  const { subnetId } = subnet;
  const description = {
    subnetId,
    publicKey: rootKey,
    type: 'application',
    canisterRanges: RANGES,
    nodes: subnet.members,
  } as const;
  const publicKey = subnet.high.groupPublicKey;
  const state = new Service(createState({ subnet: description }));
  const execution = new Service(createExecution({ subnetId, subnetNodes: 1, rootKeyDer: rootKey }));
  const beacon = new Service(createBeacon({ subnet, nodeId }));
  const consensus = new Service(createConsensus({ subnet, nodeId }));
  const p2p = new Service(createP2p({ nodeId }));
  const roles = [
    role(state, (task, store) => solveStateInPlace({ store, bls, publicKey }, task)),
    executionRole(execution),
    role(beacon, (task) => solveBeacon(bls, keys, task)),
    role(consensus, (task) => solveConsensus({ signatures, secret }, task)),
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
  const { wasm, marks, pauseMs, turns } = options;
  const trust = { bls, signatures, rootKey, nodeKey: signatures.ed25519PublicKey(secret) };
  const users = { wasm, marks, pauseMs, trust, canisterId: CANISTER, seed: sha256(utf8(seed)) };
  const door = doorRole({ config, bls, signatures, turns }, users);
  const services = [state, execution, beacon, consensus, p2p];
  return {
    setup: { place: { subnet: 's', node: 'n0' }, roles: [...roles.map(showing), door] },
    figures: new Map(services.map((service) => [service.name, () => service.figures()])),
  };
}

const DOOR = { host: '', port: 0, implementationVersion: 'simulated' };

type Dealing = ReturnType<typeof dealSubnet>;
const dealt = new WeakMap<Crypto, Dealing>();

function dealingOf({ seed, crypto }: ReplicaOptions): Dealing {
  const known = dealt.get(crypto);
  if (known !== undefined) return known;
  const entropy = sha256(utf8(crypto.dealsEachLife ? seed : 'stand-in'));
  const dealing = dealSubnet({ nodes: 1, entropy, ...crypto });
  if (!crypto.dealsEachLife) dealt.set(crypto, dealing);
  return dealing;
}

type Shown = {
  readonly [Kind in MessageKind]?: (said: Message & { kind: Kind }) => { kind: string };
};

/** What checkers see of what is said, at the moment it is said. */
const SHOWN: Shown = {
  StateCertified: ({ height, root }) => ({ kind: 'CertifiedShown', height, root }),
  StateHashed: ({ height, root }) => ({ kind: 'HashShown', height, root }),
  BlockFinalized: ({ height, blockHash }) => ({ kind: 'FinalShown', height, hash: blockHash }),
};

function showing(shown: Role): Role {
  return {
    name: shown.name,
    start: (ports, onFailed) => {
      const kinds = new Map(
        (Object.keys(SHOWN) as MessageKind[]).map((kind) => [subjectOf(ports.place, kind), kind]),
      );
      const publish: typeof ports.bus.publish = (envelope) => {
        const kind = kinds.get(envelope.subject);
        if (kind !== undefined) {
          const said = CONTRACTS[kind].decode(envelope.body);
          assert(said.kind === 'valid', 'our own message decodes');
          const show = SHOWN[kind] as (said: Message) => { kind: string };
          ports.observe(shown.name, show(said.value));
        }
        ports.bus.publish(envelope);
      };
      shown.start({ ...ports, bus: { ...ports.bus, publish } }, onFailed);
    },
    stop: () => shown.stop(),
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
