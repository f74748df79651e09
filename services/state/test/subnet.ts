/** Several states with a network between them, in which tests can lie, lose and wait. */
import {
  type CatchUpContent,
  contract,
  decodeCatchUpContent,
  encodeCatchUpContent,
  type Message,
  type Summary,
} from '@internode/contracts';
import { catchUpMessage } from '@internode/crypto';
import { assert, toHex } from '@internode/prelude';
import { bls, type MessageOf, Rig, type RigOptions, SUBNET_ID, secretKey } from './rig.ts';

const CONTENT = contract(
  'CatchUpContent',
  'types',
  'catch_up_content',
  encodeCatchUpContent,
  decodeCatchUpContent,
);

const NOTHING = new Uint8Array(0);

export function summaryOf(height: number, nextHeight: number): Summary {
  const record = {
    version: 1,
    nodes: [],
    controller: NOTHING,
    replicaVersion: '',
    halted: false,
    epochLength: 10,
  };
  const transcript = {
    target: { summaryHeight: 0, key: 'low' },
    threshold: 1,
    members: [],
    groupKey: NOTHING,
    shareKeys: [],
    dealers: [],
    sharingHash: new Uint8Array(0),
  } as const;
  const keys = { record, low: transcript, high: transcript };
  return { height, nextHeight, record, current: keys, next: keys, configs: [] };
}

export function epochBegan(height: number, nextHeight: number): Message {
  return { kind: 'EpochBegan', height, summary: summaryOf(height, nextHeight), beacon: NOTHING };
}

/** What the subnet proves of a checkpoint. */
export function packageOf(made: MessageOf<'CheckpointMade'>, key = secretKey) {
  const { height, stateRoot, manifestRoot } = made;
  const block = {
    height,
    parent: new Uint8Array(32),
    rank: 0,
    registryVersion: 1,
    certifiedHeight: height - 1,
    timeNanos: 1n,
    payloadHash: new Uint8Array(32),
  };
  const content: CatchUpContent = {
    block,
    summaryHash: new Uint8Array(32),
    beacon: new Uint8Array(48),
    stateRoot,
    manifestRoot,
  };
  const signature = bls.sign(key, catchUpMessage(SUBNET_ID, CONTENT.encode(content)));
  return { content, summary: summaryOf(height, height + 10), signature };
}

type Asked = MessageOf<'AskPeer'>;
/** What becomes of an answer: another one, or silence. */
export type Meddle = (body: Uint8Array, asked: Asked) => Uint8Array | undefined;

interface Member {
  readonly id: Uint8Array;
  rig: Rig;
  heard: number;
  meddle: Meddle;
}

export class Subnet {
  readonly #members = new Map<string, Member>();
  /** Questions that reached a member, by its name. */
  readonly asked = new Map<string, number>();
  bytes = 0;

  add(name: number, rig: Rig): Rig {
    const id = Uint8Array.of(name, 2);
    this.#members.set(toHex(id), { id, rig, heard: 0, meddle: (body) => body });
    return rig;
  }

  /** Its process is another one now. */
  replace(name: number, rig: Rig): Rig {
    const member = this.#of(Uint8Array.of(name, 2));
    member.rig = rig;
    member.heard = 0;
    return rig;
  }

  meddle(name: number, meddle: Meddle): void {
    this.#of(Uint8Array.of(name, 2)).meddle = meddle;
  }

  #of(id: Uint8Array): Member {
    const member = this.#members.get(toHex(id));
    assert(member !== undefined, 'no such member');
    return member;
  }

  /** Carries questions and answers until nobody asks any more, or the steps are used up. */
  carry(steps = 100_000): void {
    for (let i = 0; i < steps; i++) {
      let isQuiet = true;
      for (const member of this.#members.values()) if (this.#carryOne(member)) isQuiet = false;
      if (isQuiet) return;
    }
  }

  #carryOne(member: Member): boolean {
    const message = member.rig.said[member.heard];
    if (message === undefined) return false;
    member.heard += 1;
    if (message.kind === 'AskPeer') this.#ask(member, message);
    return true;
  }

  #ask(from: Member, ask: Asked): void {
    const key = toHex(ask.peer);
    const to = this.#members.get(key);
    const { askId, topic, peer } = ask;
    const failed = (failure: string) =>
      from.rig.tell({ kind: 'PeerAnswered', askId, topic, peer, body: NOTHING, failure });
    if (to === undefined) return failed('no link');
    this.asked.set(key, (this.asked.get(key) ?? 0) + 1);
    to.rig.tell({ kind: 'PeerAsked', askId, topic, peer: from.id, body: ask.body });
    const answer = to.rig.said.findLast(
      (said): said is MessageOf<'AnswerPeer'> =>
        said.kind === 'AnswerPeer' && toHex(said.askId) === toHex(askId),
    );
    const body = answer && to.meddle(answer.body, ask);
    if (body === undefined) return failed('timeout');
    this.bytes += body.length;
    from.rig.tell({ kind: 'PeerAnswered', askId, topic, peer, body, failure: '' });
  }

  peers(...names: number[]): Uint8Array[] {
    return names.map((name) => Uint8Array.of(name, 2));
  }
}

export function replica(options: RigOptions & { readonly finalHeight?: number } = {}): Rig {
  return Rig.started({ checkpoints: true, ...options });
}
