// A subnet of n replicas and the people who use it, as nodes of a world.
import type { ServiceFigures } from '@internode/actor';
import { dealSubnet, type SubnetDealing } from '@internode/beacon';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { CITIES, type NodeSetup, Random, type Role } from '@internode/sim';
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
  /** Numbers of members that are not honest. They have no door, and nobody asks what they say. */
  readonly faulty?: ReadonlySet<number>;
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
  const faulty = options.faulty ?? new Set();
  const dealing = dealingOf(options);
  const { publicKeyDer: rootKey } = dealing.subnet;
  const { bls, signatures } = crypto;
  const honest = Array.from({ length: nodes }, (_, number) => number).filter(
    (number) => !faulty.has(number),
  );
  const nodeKeys = honest.map((number) => dealing.subnet.members[number]?.publicKey ?? rootKey);
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
  const setups = Array.from({ length: nodes }, (_, number): NodeSetup => {
    const replica = replicaOf(dealing, number, crypto);
    const city = cities.below(CITIES.length);
    if (faulty.has(number)) return setupOf(number, city, replica, replica.roles);
    for (const [name, of] of replica.figures) figures.set(`${nameOf(number)}/${name}`, of);
    const shown = replica.roles.map((role) => showing(role, nodes > 1));
    const door = street.doorRole(honest.indexOf(number), replica.door);
    return setupOf(number, city, replica, [...shown, door]);
  });
  return { setups, dealing, figures, honest: new Set(honest.map(nameOf)) };
}

function setupOf(
  number: number,
  city: number,
  { nodeId }: Replica,
  roles: readonly Role[],
): NodeSetup {
  const place = { subnet: 's', node: nameOf(number) };
  return { place, roles, peer: { identity: toHex(nodeId), city } };
}

const dealt = new WeakMap<Crypto, Map<number, SubnetDealing>>();

function dealingOf({ seed, crypto, nodes }: SubnetOptions): SubnetDealing {
  const known = dealt.get(crypto) ?? new Map<number, SubnetDealing>();
  dealt.set(crypto, known);
  const same = known.get(nodes);
  if (same !== undefined) return same;
  const entropy = sha256(utf8(crypto.dealsEachLife ? seed : 'stand-in'));
  const dealing = dealSubnet({ nodes, entropy, ...crypto });
  if (!crypto.dealsEachLife) known.set(nodes, dealing);
  return dealing;
}
