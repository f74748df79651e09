// A peer that means harm: frames that no correct peer sends, drawn from a seed. Also what the fuzz script throws at a live port.
import type { ArtifactKind, SlotChange } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { type Part, PEER_FRAME } from '../src/core/frame.ts';
import { FRAME_LIMITS } from '../src/index.ts';

const KINDS: readonly ArtifactKind[] = [
  'ingress',
  'block_proposal',
  'notarization_share',
  'beacon',
  'dealing',
  'catch_up',
];

export class Evil {
  readonly #chance: () => number;
  #count = 0;
  life = 1;

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  /** Any frame. */
  frame(): Uint8Array {
    const roll = this.#below(20);
    if (roll === 0) return this.#noise(this.#below(2_000));
    if (roll === 1) return this.#noise(FRAME_LIMITS.frameBytesMax + 1 + this.#below(1_000));
    if (roll === 2) this.life = this.#number();
    const whole = this.frameOf(Array.from({ length: this.#below(8) }, () => this.part()));
    if (roll === 3) return whole.subarray(0, this.#below(whole.length + 1));
    if (roll === 4) return this.#bent(whole);
    if (roll === 5) return Uint8Array.from([...whole, ...this.#noise(5)]);
    return whole;
  }

  frameOf(parts: readonly Part[]): Uint8Array {
    return PEER_FRAME.encode({ life: this.life, parts: parts.map((part) => ({ part })) });
  }

  part(): Part {
    const artifactKind = this.#pick(KINDS);
    switch (this.#below(7)) {
      case 0:
        return { kind: 'want', want: { life: this.#number(), after: this.#number() } };
      case 1:
        return {
          kind: 'fetch',
          fetch: { artifactKind, ids: Array.from({ length: this.#below(600) }, () => this.#id()) },
        };
      case 2: {
        const [size, offset] = [this.#size(), this.#size()];
        const body = this.#noise(this.#below(500));
        return { kind: 'chunk', chunk: { artifactKind, id: this.#id(), size, offset, body } };
      }
      case 3:
        return { kind: 'direct', direct: { artifactKind, ...this.#body() } };
      case 4: {
        const body = this.#noise(this.#below(100));
        return { kind: 'ask', ask: { askId: this.#askId(), topic: 'state_sync', body } };
      }
      case 5: {
        const [size, offset] = [this.#size(), this.#size()];
        const body = this.#noise(this.#below(500));
        const topic = 'catch_up_range' as const;
        return { kind: 'answer', answer: { askId: this.#askId(), topic, size, offset, body } };
      }
      default:
        return { kind: 'updates', updates: this.#updates() };
    }
  }

  /** Slots that are all different, with bodies that fit their ids. */
  flood(from: number, count: number, bytes: number): Part {
    const contents = Array.from({ length: count }, (_, index) => {
      const body = new Uint8Array(bytes);
      body.set(utf8(`${from + index}`).subarray(0, bytes));
      return { artifactKind: this.#pick(KINDS), body };
    });
    return this.offer(from, contents);
  }

  /** These, each in a slot of its own, with the ids that their bodies have. */
  offer(
    from: number,
    contents: readonly { readonly artifactKind: ArtifactKind; readonly body: Uint8Array }[],
  ): Part {
    const changes = contents.map(({ artifactKind, body }, index): SlotChange => {
      const content = { artifactKind, id: sha256(body), size: body.length, body };
      return { slot: from + index, commit: from + index + 1, content };
    });
    const through = from + contents.length;
    return {
      kind: 'updates',
      updates: { after: from, through, commit: through, changes, last: false },
    };
  }

  #updates() {
    const changes: SlotChange[] = [];
    const after = this.#below(4) === 0 ? this.#number() : this.#count;
    let commit = after;
    for (let left = this.#below(40); left > 0; left -= 1) {
      commit += this.#below(10) === 0 ? 0 : 1 + this.#below(3);
      const slot = this.#below(20) === 0 ? this.#number() % 2 ** 32 : this.#below(50_000);
      if (this.#below(4) === 0) changes.push({ slot, commit });
      else changes.push({ slot, commit, content: this.#content() });
    }
    this.#count = Math.min(commit, 2 ** 40);
    const wrong = this.#below(10) === 0 ? this.#number() : commit;
    return { after, through: wrong, commit: wrong, changes, last: this.#below(2) === 0 };
  }

  #content() {
    const artifactKind = this.#pick(KINDS);
    const { id, body } = this.#body();
    const roll = this.#below(4);
    if (roll === 0) return { artifactKind, id: this.#id(), size: this.#size() };
    if (roll === 1) return { artifactKind, id, size: this.#size(), body };
    return { artifactKind, id, size: body.length, body };
  }

  #body(): { readonly id: Uint8Array; readonly body: Uint8Array } {
    const body = this.#noise(this.#below(3_000));
    return { id: this.#below(5) === 0 ? this.#id() : sha256(body), body };
  }

  #bent(bytes: Uint8Array): Uint8Array {
    const bent = bytes.slice();
    for (let i = 0; i < 4; i += 1) bent[this.#below(bent.length)] = this.#below(256);
    return bent;
  }

  /** Few enough to meet again. */
  #id(): Uint8Array {
    const id = sha256(utf8(`id ${this.#below(5_000)}`));
    return this.#below(50) === 0 ? id.subarray(0, this.#below(32)) : id;
  }

  #askId(): Uint8Array {
    return new Uint8Array(this.#below(30) === 0 ? this.#below(40) : 16).fill(this.#below(256));
  }

  #size(): number {
    return this.#pick([0, 1, 500, 262_144, 300_000, 5_000_000, 2 ** 31, 2 ** 32 - 1]);
  }

  #number(): number {
    return this.#pick([0, 1, 2, 1_000, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER - 1_000]);
  }

  #noise(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < Math.min(length, 64); i += 1) bytes[i] = this.#below(256);
    return bytes;
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#chance() * limit);
  }
}
