// Says in the log whether this node is a member of its subnet: when it comes, when it goes, and that nobody speaks to it any more.
import type { EpochBegan, SubnetRecord } from '@internode/contracts';
import { isIn } from './joining.ts';

export interface Line {
  readonly level: 'info' | 'warn';
  readonly text: string;
  readonly fields: Readonly<Record<string, number | string>>;
}

export class Standing {
  readonly #nodeId: Uint8Array;
  readonly #version: string;
  /** Of the record that this node was invited with. */
  readonly #invitedVersion: number;
  #epochHeight = -1;
  /** From there on this node is no member. */
  #outFrom: number | undefined;
  #said = '';

  constructor(nodeId: Uint8Array, version: string, invitedVersion = 0) {
    this.#invitedVersion = invitedVersion;
    this.#nodeId = nodeId;
    this.#version = version;
  }

  /** What is to be said of a summary; nothing of one that was heard before. */
  began({ height, summary }: EpochBegan): readonly Line[] {
    if (height <= this.#epochHeight) return [];
    this.#epochHeight = height;
    const { current, next, record, nextHeight } = summary;
    const isMember = isIn(current.record, this.#nodeId);
    const stays = nextHeight === 0 || isIn(next.record, this.#nodeId);
    this.#outFrom = isMember && !stays ? nextHeight : undefined;
    const { version } = current.record;
    const about = { isMember, stays, nextHeight, record, height, version };
    const lines = [this.#membership(about)];
    const { replicaVersion } = current.record;
    if (replicaVersion !== '' && replicaVersion !== this.#version)
      lines.push({
        level: 'warn',
        text: `the subnet wants version ${replicaVersion} from height ${height} on, this is ${this.#version}: no calls are taken; start that version`,
        fields: { height },
      });
    return lines.filter((line) => line !== undefined);
  }

  /** A member that was removed hears nothing of the epoch without it: it knows from the one before. */
  finalized(height: number): readonly Line[] {
    if (this.#outFrom === undefined || height < this.#outFrom - 1) return [];
    const from = this.#outFrom;
    this.#outFrom = undefined;
    return [noMember(from)];
  }

  #membership(about: {
    readonly isMember: boolean;
    readonly stays: boolean;
    readonly nextHeight: number;
    readonly record: SubnetRecord;
    readonly height: number;
    readonly version: number;
  }): Line | undefined {
    const { isMember, stays, nextHeight, record, height } = about;
    if (isMember && !stays)
      return this.#once('leaves', {
        level: 'warn',
        text: `this node was removed from the subnet: it is a member up to height ${nextHeight - 1}`,
        fields: { from: nextHeight },
      });
    if (isMember)
      return this.#once('member', {
        level: 'info',
        text: 'this node is a member of its subnet',
        fields: { height },
      });
    if (stays)
      return this.#once('joins', {
        level: 'info',
        text: `this node becomes a member at height ${nextHeight}`,
        fields: { from: nextHeight },
      });
    if (isIn(record, this.#nodeId))
      return this.#once('dealt', {
        level: 'info',
        text: 'this node was added to the subnet: its keys are being dealt',
        fields: { height },
      });
    // It fetches the chain from its beginning: it was added later.
    if (about.version < this.#invitedVersion)
      return this.#once('invited', {
        level: 'info',
        text: 'this node was invited: it fetches the chain up to where it was added',
        fields: { height },
      });
    return this.#once('none', noMember(height));
  }

  /** Not again in each epoch. */
  #once(said: string, line: Line): Line | undefined {
    if (said === this.#said) return undefined;
    this.#said = said;
    return line;
  }
}

function noMember(from: number): Line {
  return {
    level: 'warn',
    text: `this node is no member of its subnet from height ${from} on: it signs nothing, peers do not speak to it, what it shows is old. Stop it, or have it added (internode subnet add)`,
    fields: { from },
  };
}
