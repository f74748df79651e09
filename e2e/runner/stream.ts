// A stream of updates that are acknowledged by certificates, and the proof that each ran exactly once.
import { IDL } from '@icp-sdk/core/candid';
import { loadFastBls } from '@internode/crypto/fast';
import { principalFromText } from '@internode/encoding';
import {
  Connection,
  generateSigner,
  type Prepared,
  readCallAnswer,
  signedRequest,
  type Trust,
} from '@internode/loadtest';
import { fromHex } from '@internode/prelude';
import { currentClient } from './clients.ts';
import { marksInterface } from './interfaces.ts';
import { motokoModule } from './modules.ts';
import type { Replica } from './replica.ts';

type Door = Pick<Replica, 'gatewayUrl' | 'rootKey' | 'defaultEffectiveCanisterId'>;

interface Mark extends Prepared {
  readonly index: number;
  acknowledgedMs: number | undefined;
}

/** Life of a request: longer than any pause of a test. */
const EXPIRY_MS = 240_000;

export class MarkStream {
  readonly canisterId: string;
  readonly #id: Uint8Array;
  readonly #trust: Trust;
  readonly #signer = generateSigner();
  readonly #marks: Mark[] = [];
  #stopping = false;

  private constructor(canisterId: string, trust: Trust) {
    const id = principalFromText(canisterId);
    if (id.kind !== 'valid') throw new Error(id.reason);
    this.canisterId = canisterId;
    this.#id = id.value;
    this.#trust = trust;
  }

  static async open(door: Door): Promise<MarkStream> {
    const client = await currentClient.open(door);
    const { id } = await client.deploy(marksInterface, motokoModule('marks.mo'));
    return new MarkStream(id, { rootKey: fromHex(door.rootKey), bls: await loadFastBls() });
  }

  get acknowledged(): number {
    return this.#marks.filter(({ acknowledgedMs }) => acknowledgedMs !== undefined).length;
  }

  /**
   * Sends marks through one replica, one after the other, until it is told to stop. A call that is not answered in time (202) or
   * whose connection breaks stays unacknowledged; `onBroken` decides whether that is expected.
   */
  async run(gatewayUrl: string, onBroken: (fault: unknown) => void): Promise<void> {
    try {
      const connection = await Connection.open(gatewayUrl);
      while (!this.#stopping) {
        const mark = this.#next();
        const answer = readCallAnswer(
          await connection.post(`/api/v4/canister/${this.canisterId}/call`, mark.body),
          mark.requestId,
          this.#trust,
        );
        if (answer.kind === 'accepted') continue;
        if (answer.kind !== 'replied')
          throw new Error(`mark ${mark.index}: ${JSON.stringify(answer)}`);
        mark.acknowledgedMs = performance.now();
      }
      connection.close();
    } catch (fault) {
      onBroken(fault);
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  /** The longest time without any acknowledgement between two instants. */
  longestGapMs(fromMs: number, toMs: number): number {
    const instants = this.#marks
      .flatMap(({ acknowledgedMs }) => (acknowledgedMs === undefined ? [] : [acknowledgedMs]))
      .filter((instant) => instant > fromMs && instant < toMs)
      .sort((a, b) => a - b);
    const ends = [...instants, toMs];
    return Math.max(...ends.map((instant, index) => instant - (ends[index - 1] ?? fromMs)));
  }

  /** Acknowledged marks that are not there exactly once at this replica, and others that ran twice. Verified by the client. */
  async wrongAt(door: Door): Promise<string[]> {
    const client = await currentClient.open(door);
    const actor = client.actor(marksInterface, this.canisterId);
    const length = BigInt(this.#marks.length);
    const counts = (await actor['countsFrom']?.(0n, length)) as bigint[];
    return this.#marks.flatMap(({ index, acknowledgedMs }) => {
      const count = counts[index] ?? 0n;
      if (acknowledgedMs === undefined ? count <= 1n : count === 1n) return [];
      return [`mark ${index} ran ${count} times`];
    });
  }

  #next(): Mark {
    const index = this.#marks.length;
    const fields = {
      kind: 'call',
      canisterId: this.#id,
      method: 'mark',
      argument: new Uint8Array(IDL.encode([IDL.Nat], [index])),
      expiryMs: Date.now() + EXPIRY_MS,
    } as const;
    const mark = { ...signedRequest(fields, this.#signer), index, acknowledgedMs: undefined };
    this.#marks.push(mark);
    return mark;
  }
}
