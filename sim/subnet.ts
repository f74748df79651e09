// A subnet of n replicas and the people who use it, as nodes of a world.
import type { ServiceFigures } from '@internode/actor';
import { dealSubnet, type SubnetDealing } from '@internode/beacon';
import { sha256 } from '@internode/encoding';
import { assert, bytesEqual, compareBytes, toHex, unreachable, utf8 } from '@internode/prelude';
import { CITIES, type NodeSetup, Random, type Role, withPeers } from '@internode/sim';
import { corrupt, type Fault, type Faults } from './adversaries/index.ts';
import type { Crypto } from './crypto.ts';
import { Street, type Turns } from './roles/door.ts';
import { CANISTER, type Replica, replicaOf } from './roles/replica.ts';
import { showing } from './roles/shown.ts';

export interface SubnetOptions {
  readonly seed: string;
  readonly nodes: number;
  readonly crypto: Crypto;
  readonly wasm: Uint8Array;
  readonly marks: number;
  readonly pauseMs: number;
  readonly turns: Turns;
  readonly drawsMax?: number | undefined;
  /** Heights from summary to summary; absent: no epochs. */
  readonly epochLength?: number;
  /** So many are members at genesis; the record in the state names all nodes from the first block on. Absent: all are. */
  readonly founders?: number;
  /** Members that are not honest. They have no door, and nobody asks what they say. */
  readonly faults?: Faults;
}

export interface Subnet {
  readonly setups: readonly NodeSetup[];
  readonly dealing: SubnetDealing;
  /** Of the honest nodes' services with a mailbox, by `node/service`. */
  readonly figures: ReadonlyMap<string, () => ServiceFigures>;
  /** Names of the honest nodes. */
  readonly honest: ReadonlySet<string>;
}

export function nameOf(number: number): string {
  return `n${number}`;
}

export function subnetOf(options: SubnetOptions): Subnet {
  const { seed, nodes, crypto, wasm, marks, pauseMs, turns } = options;
  const faults: Faults = options.faults ?? new Map();
  const dealing = dealingOf(options);
  const { publicKeyDer: rootKey } = dealing.subnet;
  const { bls, signatures } = crypto;
  const honest = Array.from({ length: nodes }, (_, number) => number).filter(
    (number) => !faults.has(number),
  );
  const nodeKeys = honest.map((number) => publicKeyOf(dealing, number));
  const street = new Street(
    {
      wasm,
      marks,
      pauseMs,
      trust: { bls, signatures, rootKey, nodeKeys },
      canisterId: CANISTER,
      seed: sha256(utf8(seed)),
    },
    turns,
  );
  const figures = new Map<string, () => ServiceFigures>();
  const cities = new Random(`${seed}/cities`);
  const setups = Array.from({ length: nodes }, (_, number): NodeSetup[] => {
    const replica = replicaOf(dealing, number, crypto);
    const city = cities.below(CITIES.length);
    const fault = faults.get(number);
    if (fault !== undefined) return faultySetups({ number, city, dealing, options, fault });
    for (const [name, of] of replica.figures) figures.set(`${nameOf(number)}/${name}`, of);
    const shown = replica.roles.map((role) => showing(role, nodes > 1));
    const door = street.doorRole(honest.indexOf(number), replica.door);
    return [setupOf(nameOf(number), city, replica, [...shown, door])];
  });
  return { setups: setups.flat(), dealing, figures, honest: new Set(honest.map(nameOf)) };
}

/** The p2p service of each node speaks to its peers. To be done last, so that whatever comes between is inside. */
export function connected(setup: NodeSetup): NodeSetup {
  return {
    ...setup,
    roles: setup.roles.map((role) => (role.name === 'p2p' ? withPeers(role) : role)),
  };
}

function faultySetups(faulty: {
  readonly number: number;
  readonly city: number;
  readonly dealing: SubnetDealing;
  readonly options: SubnetOptions;
  readonly fault: Fault;
}): NodeSetup[] {
  const { number, city, dealing, options, fault } = faulty;
  const { crypto, seed } = options;
  const name = nameOf(number);
  const lived = (as: string): NodeSetup => {
    const replica = replicaOf(dealing, number, crypto);
    return setupOf(as, city, replica, replica.roles);
  };
  switch (fault.kind) {
    case 'absent':
      return [{ ...lived(name), roles: [] }];
    case 'twin':
      return [lived(name), lived(`${name}'`)];
    case 'tempted': {
      const random = new Random(`${seed}/${name}`, options.drawsMax);
      return [corrupt(lived(name), { number, by: fault.by, dealing, crypto, random })];
    }
    default:
      return unreachable(fault);
  }
}

function setupOf(
  node: string,
  city: number,
  { nodeId }: Replica,
  roles: readonly Role[],
): NodeSetup {
  return { place: { subnet: 's', node }, roles, peer: { identity: toHex(nodeId), city } };
}

const dealt = new WeakMap<Crypto, Map<string, SubnetDealing>>();

function dealingOf({ seed, crypto, nodes, founders, epochLength = 0 }: SubnetOptions) {
  const known = dealt.get(crypto) ?? new Map<string, SubnetDealing>();
  dealt.set(crypto, known);
  const name = `${founders ?? nodes}/${nodes}/${epochLength}`;
  const same = known.get(name);
  if (same !== undefined) return same;
  const entropy = sha256(utf8(crypto.dealsEachLife ? seed : 'stand-in'));
  const options = { entropy, epochLength, ...crypto };
  const dealing =
    founders === undefined
      ? dealSubnet({ nodes, ...options })
      : joinedBy(
          dealSubnet({ nodes: founders, ...options }),
          dealSubnet({ nodes: nodes - founders, ...options, entropy: sha256(entropy) }),
        );
  if (!crypto.dealsEachLife) known.set(name, dealing);
  return dealing;
}

/** As when the controller adds nodes at once. What these were dealt by themselves is of no subnet here. */
function joinedBy(dealing: SubnetDealing, strangers: SubnetDealing): SubnetDealing {
  const { record } = dealing.summary;
  const nodes = [...record.nodes, ...strangers.summary.record.nodes].sort((a, b) =>
    compareBytes(a.nodeId, b.nodeId),
  );
  const summary = { ...dealing.summary, record: { ...record, version: record.version + 1, nodes } };
  return { ...dealing, summary, nodes: [...dealing.nodes, ...strangers.nodes] };
}

function publicKeyOf({ summary, nodes }: SubnetDealing, number: number): Uint8Array {
  const nodeId = nodes[number]?.nodeId;
  assert(nodeId !== undefined, 'a subnet has this node');
  const found = summary.record.nodes.find((node) => bytesEqual(node.nodeId, nodeId));
  assert(found !== undefined, 'the record has this node');
  return found.publicKey;
}
