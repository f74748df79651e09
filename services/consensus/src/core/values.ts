// Beacons and tapes that peers gave with their blocks, on their way to the own beacon, which alone knows whether they are right.
// It holds few ahead of its turn, so they are passed on as the chain advances. After a restart it may stand below the own chain, at
// heights that peers' beacons have forgotten: what the own blocks hold leads it up again.
import { sha256 } from '@internode/encoding';
import { BoundedMap, toHex } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { THRESHOLD_VALUE } from './artifact.ts';
import type { Outbox } from './outbox.ts';
import type { State } from './state.ts';

interface Value {
  readonly peer: Uint8Array;
  readonly signature: Uint8Array;
  saidMs: number;
  times: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/**
 * Passed on so often to no effect, a value may be wrong. Or the own beacon is slow or gone, so nobody is a liar for it: what is wrong
 * the beacon rejects itself.
 */
const TIMES_MAX = 3;
const SIGNATURE_BYTES = 48;
const NOTHING = new Uint8Array(0);
const HELD_MAX = 2 * CONSENSUS_LIMITS.rangeHeightsMax;

export class Values {
  readonly #state: State;
  readonly #outbox: Outbox;
  readonly #beacons = new BoundedMap<number, Value>(HELD_MAX, 'drop-oldest');
  readonly #tapes = new BoundedMap<number, Value>(HELD_MAX, 'drop-oldest');

  constructor(state: State, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
  }

  /** The tape of a height and the beacon before it. */
  offer(
    peer: Uint8Array,
    link: { readonly height: number; readonly beacon: Uint8Array; readonly tape: Uint8Array },
  ): void {
    const { height, beacon, tape } = link;
    const value = (signature: Uint8Array): Value => ({ peer, signature, saidMs: -NEVER, times: 0 });
    if (beacon.length === SIGNATURE_BYTES && !this.#beacons.has(height - 1))
      this.#beacons.set(height - 1, value(beacon));
    if (tape.length === SIGNATURE_BYTES && !this.#tapes.has(height))
      this.#tapes.set(height, value(tape));
  }

  /** Passes on what is next; answers when to look again. */
  relay(avoid: (peer: string) => void): number {
    const { pool, beacons, tapes, delivered } = this.#state;
    const known = this.#known();
    this.#offerOwn(known);
    if (this.#beacons.size + this.#tapes.size === 0) return NEVER;
    for (const height of this.#beacons.keys())
      if (height < known || beacons.has(height)) this.#beacons.delete(height);
    for (const height of this.#tapes.keys())
      if (height <= delivered || tapes.has(height)) this.#tapes.delete(height);
    let wakeMs = NEVER;
    for (let height = known; height <= known + CONSENSUS_LIMITS.valuesAhead; height += 1) {
      const parent = this.#beaconOf(height - 1);
      if (parent === undefined) continue;
      const isNext = height <= known + 1;
      const wrong = this.#pass('beacon', { height, content: sha256(parent), isNext });
      if (typeof wrong === 'number') wakeMs = Math.min(wakeMs, wrong);
      else avoid(wrong);
    }
    const last = Math.min(delivered + CONSENSUS_LIMITS.valuesAhead, pool.finalized);
    for (let height = delivered + 1; height <= last; height += 1) {
      const isNext = height === delivered + 1;
      const wrong = this.#pass('tape', { height, content: new Uint8Array(0), isNext });
      if (typeof wrong === 'number') wakeMs = Math.min(wakeMs, wrong);
      else avoid(wrong);
    }
    return wakeMs;
  }

  /** How far the own beacon is. */
  #known(): number {
    const { pool, beacons, ownBeacon } = this.#state;
    let known = pool.finalized;
    if (!beacons.has(known)) return Math.max(0, Math.min(known - 1, ownBeacon));
    while (beacons.has(known + 1)) known += 1;
    return known;
  }

  #offerOwn(known: number): void {
    const { pool, ledger, epochs } = this.#state;
    const last = Math.min(known + CONSENSUS_LIMITS.valuesAhead, pool.finalized - 1);
    for (let height = known + 1; height <= last; height += 1) {
      const signature = ledger.delivery(height)?.ownBeacon ?? NOTHING;
      if (signature.length !== SIGNATURE_BYTES || this.#beacons.has(height)) continue;
      this.#beacons.set(height, { peer: epochs.nodeId, signature, saidMs: -NEVER, times: 0 });
    }
  }

  #beaconOf(height: number): Uint8Array | undefined {
    const { beacons, ledger } = this.#state;
    const known = beacons.get(height)?.value ?? this.#beacons.get(height)?.signature;
    if (known !== undefined) return known;
    const own = ledger.delivery(height)?.ownBeacon ?? NOTHING;
    return own.length === SIGNATURE_BYTES ? own : undefined;
  }

  /** When to look again; or, as text, the peer that gave a value of no use. */
  #pass(
    kind: 'beacon' | 'tape',
    passed: { readonly height: number; readonly content: Uint8Array; readonly isNext: boolean },
  ): number | string {
    const { height, content, isNext } = passed;
    const held = kind === 'beacon' ? this.#beacons : this.#tapes;
    const value = held.get(height);
    if (value === undefined) return NEVER;
    const { now } = this.#state;
    const atMs = value.saidMs + CONSENSUS_LIMITS.valueAgainMs;
    if (now.ms < atMs) return atMs;
    if (value.times === TIMES_MAX) {
      held.delete(height);
      return toHex(value.peer);
    }
    value.saidMs = now.ms;
    // The own beacon looks at a value when its turn has come.
    if (isNext) value.times += 1;
    const body = THRESHOLD_VALUE.encode({ height, content, signature: value.signature });
    this.#outbox.publish({
      kind: 'ArtifactReceived',
      artifactKind: kind,
      id: sha256(body),
      body,
      fromNode: value.peer,
    });
    return now.ms + CONSENSUS_LIMITS.valueAgainMs;
  }
}
