// kill -9 in the middle of a stream of updates, again and again: what was acknowledged is there exactly once, the certified height
// never goes back, and a request sent again after the restart does not run again.

import { IDL } from '@icp-sdk/core/candid';
import { loadFastBls } from '@internode/crypto/fast';
import { decodeCborMap, principalFromText } from '@internode/encoding';
import {
  Connection,
  generateSigner,
  type Prepared,
  readCallAnswer,
  signedRequest,
  type Trust,
} from '@internode/loadtest';
import { fromHex } from '@internode/prelude';
import { expect, test } from 'vitest';
import { currentClient } from '../runner/clients.ts';
import { marksInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { randomFrom } from '../runner/random.ts';
import { type Replica, scratchDir, startReplica } from '../runner/replica.ts';

const KILLS = Number(process.env['CRASH_KILLS'] ?? 20);
const ACKNOWLEDGED_PER_LIFE = 100; // × KILLS = a stream of 2,000 updates
const CONCURRENCY = 8;
const SEED = Number(process.env['CRASH_SEED'] ?? 7);

async function certifiedHeight(replica: Replica): Promise<bigint> {
  const answer = await fetch(`${replica.gatewayUrl}/api/v2/status`);
  const status = decodeCborMap(new Uint8Array(await answer.arrayBuffer()));
  if (status.kind !== 'valid') throw new Error(status.reason);
  return BigInt(status.value['certified_height'] as bigint);
}

interface Mark extends Prepared {
  readonly index: number;
  acknowledged: boolean;
}

test(`${KILLS} × kill -9 during a stream of ${KILLS * ACKNOWLEDGED_PER_LIFE} updates (seed ${SEED})`, {
  timeout: 300_000,
}, async () => {
  const random = randomFrom(SEED);
  const bls = await loadFastBls();
  const signer = generateSigner();
  const dataDir = scratchDir();
  const marks: Mark[] = [];
  let replica = await startReplica({ dataDir });
  const port = Number(new URL(replica.gatewayUrl).port);
  const id = (
    await (await currentClient.open(replica)).deploy(marksInterface, motokoModule('marks.mo'))
  ).id;
  const canisterId = principalFromText(id);
  if (canisterId.kind !== 'valid') throw new Error(canisterId.reason);

  const nextMark = (): Mark => {
    const index = marks.length;
    const fields = {
      kind: 'call',
      canisterId: canisterId.value,
      method: 'mark',
      argument: new Uint8Array(IDL.encode([IDL.Nat], [index])),
      expiryMs: Date.now() + 240_000,
    } as const;
    const mark = { ...signedRequest(fields, signer), index, acknowledged: false };
    marks.push(mark);
    return mark;
  };
  /** Sends marks one after the other until the connection breaks. */
  const stream = async (trust: Trust, onAcknowledged: () => void): Promise<void> => {
    const connection = await Connection.open(replica.gatewayUrl);
    try {
      for (;;) {
        const mark = nextMark();
        const answer = readCallAnswer(
          await connection.post(`/api/v4/canister/${id}/call`, mark.body),
          mark.requestId,
          trust,
        );
        if (answer.kind !== 'replied')
          throw new Error(`mark ${mark.index}: ${JSON.stringify(answer)}`);
        mark.acknowledged = true;
        onAcknowledged();
      }
    } catch (fault) {
      if (!/closed|ECONNRESET|EPIPE|socket/.test(String(fault))) throw fault;
    }
  };

  let slowestReadyMs = 0;
  for (let life = 0; life < KILLS; life += 1) {
    const trust = { rootKey: fromHex(replica.rootKey), bls };
    const killAfter = Math.ceil(ACKNOWLEDGED_PER_LIFE * (0.5 + random()));
    const delayMs = random() * 8;
    let acknowledged = 0;
    let killed: Promise<void> | undefined;
    const heightBefore = certifiedHeight(replica);
    await Promise.all(
      Array.from({ length: CONCURRENCY }, () =>
        stream(trust, () => {
          acknowledged += 1;
          if (acknowledged < killAfter || killed) return;
          killed = new Promise((resolve) => setTimeout(resolve, delayMs)).then(() =>
            replica.kill(),
          );
        }),
      ),
    );
    await killed;
    const startedAt = performance.now();
    replica = await startReplica({ dataDir, port });
    slowestReadyMs = Math.max(slowestReadyMs, performance.now() - startedAt);
    expect(await certifiedHeight(replica)).toBeGreaterThanOrEqual(await heightBefore);

    // A few requests of the last life again: the acknowledged ones are replays, the others may still run, once.
    const connection = await Connection.open(replica.gatewayUrl);
    for (const mark of marks.slice(-CONCURRENCY * 2)) {
      const answer = readCallAnswer(
        await connection.post(`/api/v4/canister/${id}/call`, mark.body),
        mark.requestId,
        trust,
      );
      expect(['replied', 'accepted']).toContain(answer.kind);
    }
    connection.close();

    // Read through the official client, which verifies certificates and query signatures.
    const { actor } = { actor: (await currentClient.open(replica)).actor(marksInterface, id) };
    const counts = (await actor['countsFrom']?.(0n, BigInt(marks.length))) as bigint[];
    const lost = marks.filter(({ index, acknowledged: was }) => was && counts[index] !== 1n);
    expect(lost.map(({ index }) => [index, counts[index]])).toEqual([]);
    expect(counts.filter((count) => count > 1n)).toEqual([]);
    if (process.env['CRASH_TRACE'])
      console.log(`life ${life}: ${marks.length} sent, slowest ready ${slowestReadyMs | 0} ms`);
  }
  const total = marks.filter(({ acknowledged }) => acknowledged).length;
  console.log(
    `crash: ${total} acknowledged, ${KILLS} kills, slowest start to Ready ${slowestReadyMs.toFixed(0)} ms`,
  );
  expect(total).toBeGreaterThanOrEqual(KILLS * ACKNOWLEDGED_PER_LIFE * 0.5);
  await replica.stop();
});
