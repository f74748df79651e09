// A member without users: beacon, consensus and p2p as they are in production, and one role that stands for execution and
// state, whose blocks are empty. Declared: it has work always, so that blocks are made at once, and its root is a hash of
// the height.
import { Service } from '@internode/actor';
import { createBeacon, heldKeys, type SubnetDealing, solveBeacon } from '@internode/beacon';
import { createConsensus, type SubnetParameters, solveConsensus } from '@internode/consensus';
import { CONTRACTS, type Message, subjectOf } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { createP2p } from '@internode/p2p';
import { assert, bytesEqual, toHex, utf8 } from '@internode/prelude';
import { CITIES, type NodeSetup, type Role, role, withPeers } from '@internode/sim';
import { type Behaviour, corrupted } from '../adversaries/behaviour.ts';
import type { Crypto } from '../crypto.ts';
import { PROPOSAL } from '../wire.ts';

export interface LightOptions {
  readonly dealing: SubnetDealing;
  readonly crypto: Crypto;
  readonly number: number;
  /** Makes no block that anyone hears of. */
  readonly makesNone: boolean;
  readonly parameters: Partial<SubnetParameters>;
}

export function lightNode(options: LightOptions): NodeSetup {
  const { dealing, crypto, number, makesNone, parameters } = options;
  const { subnet, summary } = dealing;
  const node = dealing.nodes[number];
  assert(node !== undefined, 'a subnet has this node');
  const { nodeId, nodeSecret: secret, voteSecret } = node;
  const { bls, signatures } = crypto;
  const keys = heldKeys(subnet, node);
  const tools = { bls, signatures, entropy: () => sha256(nodeId) };
  const peers = subnet.members.flatMap((member) =>
    bytesEqual(member.nodeId, nodeId) ? [] : [{ ...member, address: '' }],
  );
  const consensus = createConsensus({
    subnet,
    nodeId,
    firstLife: true,
    genesis: summary,
    parameters,
  });
  const setup: NodeSetup = {
    place: { subnet: 's', node: `n${number}` },
    peer: { identity: toHex(nodeId), city: cityOf(number, subnet.members.length) },
    roles: [
      executesNothing(),
      role(new Service(createBeacon({ subnet, nodeId })), (task) => solveBeacon(tools, keys, task)),
      role(new Service(consensus), (task) =>
        solveConsensus({ signatures, secret, voteSecret, bls }, task),
      ),
      role(new Service(createP2p({ nodeId, peers }))),
    ],
  };
  const honest = makesNone ? corrupted(setup, [keepsBlocks(nodeId)]) : setup;
  return {
    ...honest,
    roles: honest.roles.map((each) => (each.name === 'p2p' ? withPeers(each) : each)),
  };
}

/** As far apart as there are cities. */
function cityOf(number: number, nodes: number): number {
  const { length } = CITIES;
  return nodes >= length ? number % length : Math.floor((number * length) / nodes);
}

function keepsBlocks(nodeId: Uint8Array): Behaviour {
  return {
    service: 'consensus',
    said: (message) => {
      if (message.kind !== 'PublishArtifact' || message.artifactKind !== 'block_proposal')
        return [message];
      const proposal = PROPOSAL.decode(message.body);
      const own = proposal.kind === 'valid' && bytesEqual(proposal.value.maker, nodeId);
      return own ? [] : [message];
    },
  };
}

/** Execution and state in one, of empty blocks. */
function executesNothing(): Role {
  return {
    name: 'execution',
    start: ({ bus, place }) => {
      let height = 0;
      const say = (message: Message): void => {
        const contract = CONTRACTS[message.kind] as { encode(message: Message): Uint8Array };
        const subject = subjectOf(place, message.kind);
        const body = contract.encode(message);
        bus.publish({ id: '0', cause: '', sender: 'execution', subject, traceparent: '', body });
      };
      bus.subscribe(subjectOf(place, 'BatchReady'), ({ body }) => {
        const batch = CONTRACTS.BatchReady.decode(body);
        if (batch.kind !== 'valid' || batch.value.height !== height + 1) return;
        height += 1;
        const { timeNanos } = batch.value;
        say({
          kind: 'TipAdvanced',
          height,
          workPending: true,
          nextTimerNanos: undefined,
        } as Message);
        say({ kind: 'StateHashed', height, root: sha256(utf8(`root ${height}`)), timeNanos });
      });
      bus.subscribe(subjectOf(place, 'CertificationValue'), ({ body }) => {
        const value = CONTRACTS.CertificationValue.decode(body);
        if (value.kind !== 'valid') return;
        const { height: certified, root } = value.value;
        const certifiedOf = { height: certified, root, timeNanos: 0n, completedRequests: [] };
        say({ kind: 'StateCertified', ...certifiedOf });
        say({ kind: 'StateCommitted', height: certified, durable: true });
      });
      say({ kind: 'TipAdvanced', height, workPending: true, nextTimerNanos: undefined } as Message);
    },
    stop: () => {},
  };
}
