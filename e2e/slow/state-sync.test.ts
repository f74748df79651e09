// A replica with an empty disk when its peers no longer have the blocks it lacks: it goes on from a catch-up package and fetches the
// state. So many bytes of calls push the blocks out of the peers' journals (64 MiB).
import { IDL } from '@icp-sdk/core/candid';
import { principalFromText } from '@internode/encoding';
import { generateSigner, postAll, readCallAnswer, signedRequest } from '@internode/loadtest';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { certifiedHeight, type Network, reached, startNetwork } from '../runner/network.ts';

const CALLS = 100;
const BYTES_EACH = 1024 * 1024;
const ABSENT = 1;

let network: Network;
beforeAll(async () => {
  network = await startNetwork({ replicas: 4, args: ['--epoch-length', '20'] });
});
afterAll(async () => {
  await network?.stop();
});

test('the state is fetched from peers, and the replica serves it', {
  timeout: 600_000,
}, async () => {
  const client = await currentClient.open(network);
  const { id } = await client.deploy(counterInterface, motokoModule('counter.mo'));
  const canisterId = principalFromText(id);
  if (canisterId.kind !== 'valid') throw new Error(canisterId.reason);
  network.kill(ABSENT);
  const urls = network.replicas.map(({ gatewayUrl }) => gatewayUrl);
  urls.splice(ABSENT, 1);
  const signer = generateSigner();
  for (let sent = 0; sent < CALLS; sent += 10) {
    const requests = Array.from({ length: 10 }, (_, index) => {
      const bytes = new Uint8Array(BYTES_EACH).fill(sent + index);
      const argument = new Uint8Array(IDL.encode([IDL.Vec(IDL.Nat8)], [bytes]));
      const fields = {
        kind: 'call',
        canisterId: canisterId.value,
        method: 'inc',
        argument,
      } as const;
      return signedRequest({ ...fields, expiryMs: Date.now() + 240_000 }, signer);
    });
    const path = `/api/v4/canister/${id}/call`;
    // What is not certified within ten seconds (202) is sent again: it runs once.
    for (let open = requests; open.length > 0; ) {
      const bodies = open.map(({ body }) => body);
      const { answers } = await postAll({ url: urls, path, bodies, concurrency: 6 });
      open = open.filter(({ requestId }, index) => {
        const answer = answers[index];
        const kind = answer && readCallAnswer(answer, requestId).kind;
        expect(['replied', 'accepted']).toContain(kind);
        return kind !== 'replied';
      });
    }
  }
  // Another summary, so that a package holds all of it.
  const [peer = ''] = urls;
  await reached(peer, (await certifiedHeight(peer)) + 25, 120_000);
  const again = await network.restart(ABSENT, { emptyDisk: true });
  expect(again.output()).toContain('state was fetched from peers');
  const actor = (await currentClient.open(again)).actor(counterInterface, id);
  expect(await actor['get']?.()).toBe(BigInt(CALLS));
  expect(await actor['inc']?.()).toBe(BigInt(CALLS + 1));
});
