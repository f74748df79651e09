// Somebody on the broker's port, with a stolen key or with none: forged facts, calls in another's name, garbage, floods. Refused,
// counted, bounded; calls go on meanwhile and none is lost.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { IDL } from '@icp-sdk/core/candid';
import { type Intruder, intrude } from '@internode/bus/testing';
import { CONTRACTS, type MessageKind, subjectOf } from '@internode/contracts';
import { encodeCbor, principalFromText, requestIdOf } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { afterEach, expect, test } from 'vitest';
import { callsWhile } from '../runner/calls-while.ts';
import { currentClient } from '../runner/clients.ts';
import { marksInterface } from '../runner/interfaces.ts';
import { totalOf } from '../runner/metrics.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import { pidOfBroker, pidOfService, residentMb, SERVICES } from '../runner/services.ts';

/** What the gateway may say. */
const OWN: readonly MessageKind[] = [
  'InspectIngress',
  'SubmitIngress',
  'ExecuteQuery',
  'ReadCertified',
  'RequestCertified',
  'RequestReadiness',
  'Readiness',
];
/** Besides: what every process says of itself. */
const OF_PROCESSES: readonly string[] = [
  'RequestFigures',
  'ProcessFigures',
  'SpansRecorded',
  'CallFollowed',
];
const CHUNK_BYTES = 1_000_000;
const MEGABYTES_MAX = 700;

let replica: Replica | undefined;
afterEach(async () => {
  await replica?.stop();
  replica = undefined;
});

interface Told {
  readonly place: { readonly subnet: string; readonly node: string };
  readonly bus: { readonly url: string; readonly credentialsFile: string };
}

const heads = (id: string, sender = 'gateway') => ({
  'Internode-Id': id,
  'Internode-Sender': sender,
});

function forge(intruder: Intruder, place: Told['place']): number {
  const foreign = (Object.keys(CONTRACTS) as MessageKind[]).filter(
    (kind) => !OWN.includes(kind) && !OF_PROCESSES.includes(kind),
  );
  for (const kind of foreign) {
    const subject = subjectOf(place, kind);
    intruder.publish(subject, new Uint8Array(40), heads('forged', 'consensus'));
  }
  intruder.listen(subjectOf(place, 'BlockFinalized'));
  intruder.listen('internode.>');
  return foreign.length + 2;
}

function flood(intruder: Intruder, place: Told['place']): void {
  for (let round = 0; round < 200; round++)
    for (const kind of OWN) {
      const subject = subjectOf(place, kind);
      const garbage = Uint8Array.from({ length: 1 + round }, (_, index) => (index * round) & 255);
      intruder.publish(subject, garbage, heads(`${round}`, ['p2p', 'gateway'][round % 2]));
      intruder.publish(subject, garbage);
      intruder.publish(subject, garbage, heads('x'.repeat(2_000)));
      intruder.publish(subject, garbage, { ...heads('chunk'), 'Internode-Chunk': '-1/3' });
    }
  const subject = `${subjectOf(place, 'SubmitIngress')}.part`;
  for (let index = 0; index < 120; index++) {
    const chunk = { 'Internode-Chunk': `${index % 4}/4096` };
    intruder.publish(subject, new Uint8Array(CHUNK_BYTES), { ...heads(`${index}`), ...chunk });
  }
}

/** Whose keys are worth nothing for calls: the gateway, which verifies signatures, and p2p, which passes calls on, are believed. */
const WITHOUT_CALLS = ['supervisor', 'follower', 'execution', 'state', 'beacon', 'consensus'];

/** A call in another's name, without a signature, past the gateway. */
function unsignedCall(canisterId: string): Uint8Array {
  const id = principalFromText(canisterId);
  if (id.kind !== 'valid') throw new Error(id.reason);
  const expiryNanos = BigInt(Date.now() + 200_000) * 1_000_000n;
  const content = {
    request_type: 'call',
    sender: new Uint8Array(29).fill(7).with(28, 2),
    ingress_expiry: expiryNanos,
    nonce: utf8('forged'),
    canister_id: id.value,
    method_name: 'mark',
    arg: new Uint8Array(IDL.encode([IDL.Nat], [FORGED_MARK])),
  };
  const requestId = requestIdOf(content);
  if (requestId.kind !== 'valid') throw new Error(requestId.reason);
  const ingress = {
    requestId: requestId.value,
    envelope: encodeCbor({ content }),
    expiryNanos,
    effectiveCanisterId: id.value,
  };
  const message = { kind: 'SubmitIngress', ingress, sender: content.sender } as const;
  return CONTRACTS.SubmitIngress.encode(message);
}

const FORGED_MARK = 65_000;

/** Bytes that are no protocol, by connections that never say who they are. */
async function knock(url: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const closed = Array.from({ length: 50 }, (_, index) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(index % 2 === 0 ? `PUB internode.x 3\r\nabc\r\n` : Buffer.alloc(9_000, index));
    socket.resume();
    return new Promise<void>((resolve) => socket.once('close', () => resolve()));
  });
  await Promise.all(closed);
  return closed.length;
}

test('a stolen key of the gateway and no key at all: refused, counted, bounded; no call is lost', {
  timeout: 240_000,
}, async () => {
  const apart = await startReplica({ args: ['--placement', 'processes'] });
  replica = apart;
  const file = join(apart.dataDir, 'services', 'gateway.json');
  const { place, bus } = JSON.parse(readFileSync(file, 'utf8')) as Told;
  const pids = [...SERVICES.map((name) => pidOfService(apart.pid, name)), pidOfBroker(apart.pid)];
  const stream = await callsWhile(apart, { callers: 4 }, async (marks, progress) => {
    const intruder = await intrude(bus.url, bus.credentialsFile);
    const wanted = forge(intruder, place);
    await expect
      .poll(() => intruder.refusals.length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(wanted);
    const call = unsignedCall(marks.canisterId);
    for (const name of WITHOUT_CALLS) {
      const other = await intrude(bus.url, join(dirname(bus.credentialsFile), `${name}.nk`));
      other.publish(subjectOf(place, 'SubmitIngress'), call, heads('unsigned'));
      await expect.poll(() => other.refusals.join()).toMatch(/submit_ingress/);
      await other.close();
    }
    flood(intruder, place);
    await intruder.flush();
    expect(await knock(bus.url)).toBe(50);
    await progress();
    expect(intruder.heard).toBe(0);
    await intruder.close();
    await progress();
  });
  // Nobody died of it, nobody holds more than he may.
  const now = [...SERVICES.map((name) => pidOfService(apart.pid, name)), pidOfBroker(apart.pid)];
  expect(now).toEqual(pids);
  for (const pid of pids) expect(residentMb(pid ?? 0)).toBeLessThan(MEGABYTES_MAX);
  expect(await totalOf(apart, 'internode_execution_messages_invalid_total')).toBeGreaterThan(100);
  expect(await totalOf(apart, 'internode_p2p_messages_invalid_total')).toBeGreaterThan(50);
  expect(await totalOf(apart, 'internode_bus_messages_strange_total')).toBeGreaterThan(1_000);
  const client = await currentClient.open(apart);
  const actor = client.actor(marksInterface, stream.canisterId);
  expect(await actor['countsFrom']?.(BigInt(FORGED_MARK), 1n)).toEqual([0n]);
});
