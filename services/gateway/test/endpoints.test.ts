import { nodeSignatures } from '@internode/crypto/fast';
import { candid, encodeCbor, hashOfMap, MANAGEMENT, principalToText } from '@internode/encoding';
import { decodeCertificate, lookupPath } from '@internode/hash-tree';
import { bytesEqual, concatBytes, toHex, utf8 } from '@internode/prelude';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OpenGateway } from '../src/index.ts';
import { ATTEMPTS_MS, QUERY_ATTEMPT_MS, STATUS_READ_MS } from '../src/limits.ts';
import {
  type Answered,
  canisterText,
  contentOf,
  envelopeOf,
  mapOf,
  post,
  requestIdOf,
  textOf,
} from './client.ts';
import {
  ADMIN_SECRET,
  CANISTER,
  FIRST,
  nodeId,
  nodeKey,
  SmallReplica,
  subnetId,
} from './small-replica.ts';

const SECRET = new Uint8Array(32).fill(21);
const OTHER_SECRET = new Uint8Array(32).fill(22);
const replica = new SmallReplica();
let gateway: OpenGateway;

beforeAll(async () => {
  gateway = await replica.open();
});

afterAll(() => gateway.close());

const api = (path: string, url = gateway.url): string => `${url}/api/${path}`;
const canisterApi = (version: string, kind: string, id = canisterText): string =>
  api(`${version}/canister/${id}/${kind}`);

function certificateOf(answered: Answered) {
  const certificate = mapOf(answered)['certificate'];
  if (!(certificate instanceof Uint8Array)) throw new Error('no certificate');
  const decoded = decodeCertificate(certificate);
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  return decoded.value.tree;
}

function readState(
  paths: (string | Uint8Array)[][],
  options: {
    url?: string;
    secret?: Uint8Array;
  } = {},
): Promise<Answered> {
  const labels = paths.map((path) => path.map((l) => (typeof l === 'string' ? utf8(l) : l)));
  const body = envelopeOf(contentOf('read_state', { paths: labels }), options.secret);
  return post(options.url ?? canisterApi('v3', 'read_state'), body);
}

describe('calls', () => {
  test('row 4: answers are tagged CBOR of media type application/cbor', async () => {
    const answers = [
      await post(canisterApi('v4', 'call'), envelopeOf(contentOf('call'))),
      await post(canisterApi('v3', 'query'), envelopeOf(contentOf('query'))),
      await readState([['time']]),
    ];
    for (const { status, headers, body } of answers) {
      expect([status, headers.get('content-type')]).toEqual([200, 'application/cbor']);
      expect(toHex(body.subarray(0, 3))).toBe('d9d9f7');
    }
  });

  test('row 8: versions 2, 3 and 4 of call', async () => {
    const v2 = await post(canisterApi('v2', 'call'), envelopeOf(contentOf('call')));
    expect([v2.status, v2.body.length]).toEqual([202, 0]);
    for (const version of ['v3', 'v4']) {
      const content = contentOf('call');
      const answered = await post(canisterApi(version, 'call'), envelopeOf(content));
      expect([answered.status, mapOf(answered)['status']]).toEqual([200, 'replied']);
      const tree = certificateOf(answered);
      const path = ['request_status', requestIdOf(content), 'reply'];
      expect(lookupPath(tree, path)).toEqual({ kind: 'found', value: utf8('DIDL\0\0') });
      expect(lookupPath(tree, ['time']).kind).toBe('found');
    }
  });

  test('refusals before execution: version 2 without status, 3 and 4 with', async () => {
    const bodyOf = async (version: string) => {
      const body = envelopeOf(contentOf('call', { method_name: 'denied' }));
      const answered = await post(canisterApi(version, 'call'), body);
      expect(answered.status).toBe(200);
      return { ...mapOf(answered) };
    };
    const reject = { reject_code: 4n, reject_message: 'denied', error_code: 'IC0406' };
    expect(await bodyOf('v2')).toEqual(reject);
    expect(await bodyOf('v3')).toEqual({ status: 'non_replicated_rejection', ...reject });
    expect(await bodyOf('v4')).toEqual({ status: 'non_replicated_rejection', ...reject });
    const full = envelopeOf(contentOf('call', { method_name: 'full_pool' }));
    expect({ ...mapOf(await post(canisterApi('v2', 'call'), full)) }).toEqual({
      reject_code: 2n,
      reject_message: 'pool is full',
    });
  });

  test('row 9: a version 4 call is never answered 404 by an application error', async () => {
    const answers = [
      await post(canisterApi('v4', 'call'), utf8('garbage')),
      await post(canisterApi('v4', 'call', 'not-a-principal'), envelopeOf(contentOf('call'))),
      await post(canisterApi('v4', 'call', principalToText(FIRST)), envelopeOf(contentOf('call'))),
      await post(canisterApi('v4', 'call'), envelopeOf(contentOf('call', { arg: 'x' }))),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect((await post(api('v4/canister/'), utf8(''))).status).toBe(404);
  });

  test('rows 12, 14, 16, 18: the checks of ingress guard the door', async () => {
    const refused = async (body: Uint8Array): Promise<[number, string]> => {
      const answered = await post(canisterApi('v3', 'call'), body);
      expect(answered.headers.get('content-type')).toContain('text/plain');
      return [answered.status, textOf(answered)];
    };
    const anonymousWithKey = encodeCbor({
      content: contentOf('call') as never,
      sender_pubkey: nodeKey,
      sender_sig: new Uint8Array(64),
    });
    expect(await refused(anonymousWithKey)).toEqual([403, expect.stringContaining('anonymous')]);
    const expired = envelopeOf(contentOf('call', { ingress_expiry: 1n }));
    expect(await refused(expired)).toEqual([
      400,
      expect.stringContaining('Invalid request expiry: '),
    ]);
    const longNonce = envelopeOf(contentOf('call', { nonce: new Uint8Array(33) }));
    expect(await refused(longNonce)).toEqual([400, expect.stringContaining('nonce')]);
    const heard = replica.heard.filter(({ kind }) => kind === 'SubmitIngress').length;
    const wrongSignature = envelopeOf(contentOf('call'), SECRET);
    wrongSignature[wrongSignature.length - 1] = (wrongSignature.at(-1) as number) ^ 1;
    expect((await refused(wrongSignature))[0]).toBe(403);
    expect(replica.heard.filter(({ kind }) => kind === 'SubmitIngress')).toHaveLength(heard);
  });

  test('row 19: the URL must name the canister that the request concerns', async () => {
    const argument = candid.encode(
      [candid.record({ canister_id: candid.principal })],
      [{ canister_id: CANISTER }],
    );
    const management = { canister_id: MANAGEMENT, method_name: 'start_canister', arg: argument };
    const body = (): Uint8Array => envelopeOf(contentOf('call', management));
    expect((await post(canisterApi('v3', 'call'), body())).status).toBe(200);
    const elsewhere = canisterApi('v3', 'call', principalToText(FIRST));
    expect((await post(elsewhere, body())).status).toBe(400);
    expect((await post(canisterApi('v3', 'call', 'aaaaa-aa'), body())).status).toBe(400);
    const create = contentOf('call', {
      ...management,
      method_name: 'provisional_create_canister_with_cycles',
    });
    for (const id of [principalToText(FIRST), 'aaaaa-aa']) {
      expect((await post(canisterApi('v2', 'call', id), envelopeOf(create))).status).toBe(202);
    }
    const foreign = principalToText(Uint8Array.of(9, 9, 9));
    expect((await post(canisterApi('v2', 'call', foreign), envelopeOf(create))).status).toBe(400);
  });

  test('the subnet form takes creation and listing under its own id', async () => {
    const subnet = principalToText(subnetId);
    const create = contentOf('call', { canister_id: MANAGEMENT, method_name: 'create_canister' });
    const url = api(`v4/subnet/${subnet}/call`);
    expect((await post(url, envelopeOf(create))).status).toBe(200);
    expect((await post(url, envelopeOf(contentOf('call')))).status).toBe(400);
    const other = api(`v4/subnet/${canisterText}/call`);
    expect((await post(other, envelopeOf(create))).status).toBe(400);
    const list = contentOf('query', { canister_id: MANAGEMENT, method_name: 'list_canisters' });
    expect((await post(api(`v3/subnet/${subnet}/query`), envelopeOf(list))).status).toBe(200);
  });

  test('row 23: without a certificate in time the answer is 202, and polling then succeeds', async () => {
    const slow = new SmallReplica({ holdsCalls: true, speed: 50 });
    await using there = await slow.open();
    const content = contentOf('call');
    const url = api(`v4/canister/${canisterText}/call`, there.url);
    const answered = await post(url, envelopeOf(content));
    expect([answered.status, answered.body.length]).toEqual([202, 0]);
    const readUrl = api(`v3/canister/${canisterText}/read_state`, there.url);
    const requestId = requestIdOf(content);
    const statusOf = async (): Promise<string> => {
      const read = await readState([['request_status', requestId]], { url: readUrl });
      const found = lookupPath(certificateOf(read), ['request_status', requestId, 'status']);
      return found.kind === 'found' ? new TextDecoder().decode(found.value) : found.kind;
    };
    expect(await statusOf()).toBe('received');
    slow.finish();
    await expect.poll(statusOf).toBe('replied');
  });

  test('lost news and lost questions delay a call, and lose nothing', async () => {
    const deafTo = new Map([
      ['InspectIngress', 1],
      ['ReadCertified', 1],
    ] as const);
    const lossy = new SmallReplica({ losesNews: true, deafTo, speed: 10 });
    await using there = await lossy.open();
    const url = api(`v4/canister/${canisterText}/call`, there.url);
    const answered = await post(url, envelopeOf(contentOf('call')));
    expect(mapOf(answered)['status']).toBe('replied');
  });

  test('what a service was asked before it began to hear is asked again when it says that it does', async () => {
    const deafTo = new Map([['SubmitIngress', Number.POSITIVE_INFINITY]] as const);
    const there = new SmallReplica({ deafTo });
    await using gateway = await there.open();
    const url = api(`v4/canister/${canisterText}/call`, gateway.url);
    const answered = post(url, envelopeOf(contentOf('call')));
    const asked = () => there.heard.filter(({ kind }) => kind === 'SubmitIngress').length;
    await expect.poll(asked).toBe(1);
    there.tell({ kind: 'Readiness', service: 'p2p', ready: false, height: 0, detail: '' });
    deafTo.clear();
    const saidMs = performance.now();
    there.tell({ kind: 'Readiness', service: 'p2p', ready: true, height: 0, detail: '' });
    expect(mapOf(await answered)['status']).toBe('replied');
    expect(asked()).toBe(2);
    expect(performance.now() - saidMs).toBeLessThan(0.8 * (ATTEMPTS_MS[0] ?? 0));
  });

  test('row 20: a call sent again after it ended is answered with the same end', async () => {
    const body = envelopeOf(contentOf('call'));
    const first = await post(canisterApi('v3', 'call'), body);
    const second = await post(canisterApi('v3', 'call'), body);
    expect([mapOf(first)['status'], mapOf(second)['status']]).toEqual(['replied', 'replied']);
  });

  test('row 20: a call that ended is answered by one read, without submitting or waiting', async () => {
    const there = new SmallReplica({ losesNews: true });
    await using gateway = await there.open();
    const body = envelopeOf(contentOf('call'));
    const url = api(`v4/canister/${canisterText}/call`, gateway.url);
    expect(mapOf(await post(url, body))['status']).toBe('replied');
    const heardBefore = there.heard.length;
    const startedMs = performance.now();
    expect(mapOf(await post(url, body))['status']).toBe('replied');
    expect(performance.now() - startedMs).toBeLessThan(STATUS_READ_MS / 2);
    expect(there.heard.slice(heardBefore).map(({ kind }) => kind)).toEqual([
      'InspectIngress',
      'ReadCertified',
    ]);
    const asynchronous = api(`v2/canister/${canisterText}/call`, gateway.url);
    expect((await post(asynchronous, body)).status).toBe(202);
  });

  test('a call that ended in a state that is not certified yet waits for the news', async () => {
    const there = new SmallReplica({ holdsCalls: true });
    await using gateway = await there.open();
    const url = (version: string): string =>
      api(`${version}/canister/${canisterText}/call`, gateway.url);
    const content = contentOf('call');
    await post(url('v2'), envelopeOf(content));
    there.know(requestIdOf(content));
    const answer = post(url('v4'), envelopeOf(content));
    await expect.poll(() => there.heard.some(({ kind }) => kind === 'ReadCertified')).toBe(true);
    there.finish();
    expect(mapOf(await answer)['status']).toBe('replied');
  });

  test('a silent neighbour makes 503, which clients may retry', async () => {
    const deaf = new SmallReplica({ deafTo: new Map([['InspectIngress', 9]]), speed: 50 });
    await using there = await deaf.open();
    const url = api(`v4/canister/${canisterText}/call`, there.url);
    const answered = await post(url, envelopeOf(contentOf('call')));
    expect([answered.status, answered.headers.get('retry-after')]).toEqual([503, '1']);
  });
});

describe('queries', () => {
  test('one whose follower was killed is asked again when that one is back, and not later', async () => {
    const deafTo = new Map([['ExecuteQuery', 1]] as const);
    const there = new SmallReplica({ deafTo });
    await using gateway = await there.open();
    const url = api(`v3/canister/${canisterText}/query`, gateway.url);
    const answered = post(url, envelopeOf(contentOf('query')));
    const asked = () => there.heard.filter(({ kind }) => kind === 'ExecuteQuery').length;
    await expect.poll(asked).toBe(1);
    const saidMs = performance.now();
    there.tell({ kind: 'Readiness', service: 'follower', ready: true, height: 0, detail: '' });
    expect(mapOf(await answered)['status']).toBe('replied');
    expect(performance.now() - saidMs).toBeLessThan(QUERY_ATTEMPT_MS / 2);
  });

  test('one that nobody answered is asked once more, in time', async () => {
    const there = new SmallReplica({ deafTo: new Map([['ExecuteQuery', 1]]), speed: 20 });
    await using gateway = await there.open();
    const url = api(`v3/canister/${canisterText}/query`, gateway.url);
    expect(mapOf(await post(url, envelopeOf(contentOf('query'))))['status']).toBe('replied');
  });

  test('row 6: versions 2 and 3 of query', async () => {
    for (const version of ['v2', 'v3']) {
      const content = contentOf('query', { arg: utf8('DIDL') });
      const answered = mapOf(
        await post(canisterApi(version, 'query'), envelopeOf(content, SECRET)),
      );
      expect(answered).toMatchObject({ status: 'replied', reply: { arg: utf8('DIDL') } });
    }
  });

  test('rows 30, 31, 32: one fresh signature of the node over what the answer says', async () => {
    for (const method of ['look', 'trap', 'say_no']) {
      const content = contentOf('query', { method_name: method });
      const answered = mapOf(await post(canisterApi('v3', 'query'), envelopeOf(content)));
      const { signatures, ...fields } = answered;
      expect(signatures).toHaveLength(1);
      const [signed] = signatures as unknown as [
        { timestamp: bigint; signature: Uint8Array; identity: Uint8Array },
      ];
      expect(bytesEqual(signed.identity, nodeId)).toBe(true);
      const age = BigInt(Date.now()) * 1_000_000n - signed.timestamp;
      expect(age >= -1_000_000_000n && age < 10_000_000_000n).toBe(true);
      const hash = hashOfMap({
        ...(fields as object),
        timestamp: signed.timestamp,
        request_id: requestIdOf(content),
      });
      const message = concatBytes(utf8('\x0bic-response'), hash);
      const { signature } = signed;
      expect(nodeSignatures.verify({ publicKeyDer: nodeKey, message, signature }).kind).toBe(
        'valid',
      );
      expect('error_code' in fields).toBe(method === 'trap');
    }
    expect(nodeKey).toHaveLength(44);
  });

  test('row 17: an anonymous query with a stale expiry is answered', async () => {
    const stale = envelopeOf(contentOf('query', { ingress_expiry: 0n }));
    expect((await post(canisterApi('v3', 'query'), stale)).status).toBe(200);
    const signed = envelopeOf(contentOf('query', { ingress_expiry: 0n }), SECRET);
    expect((await post(canisterApi('v3', 'query'), signed)).status).toBe(400);
  });
});

describe('read_state', () => {
  test('row 7: versions 2 and 3, canister and subnet; the time is always there', async () => {
    const subnet = principalToText(subnetId);
    for (const path of [
      `v2/canister/${canisterText}`,
      `v3/canister/${canisterText}`,
      `v2/subnet/${subnet}`,
      `v3/subnet/${subnet}`,
    ]) {
      const answered = await readState([['subnet']], { url: api(`${path}/read_state`) });
      const tree = certificateOf(answered);
      expect(lookupPath(tree, ['time']).kind).toBe('found');
      expect(lookupPath(tree, ['subnet', subnetId, 'public_key']).kind).toBe('found');
      expect(lookupPath(tree, ['canister', CANISTER, 'module_hash']).kind).toBe('unknown');
    }
  });

  test('row 26: what is absent is proven absent', async () => {
    const unknown = new Uint8Array(32).fill(9);
    const tree = certificateOf(await readState([['request_status', unknown]]));
    expect(lookupPath(tree, ['request_status', unknown, 'status'])).toEqual({ kind: 'absent' });
    const name = ['canister', CANISTER, 'metadata', 'none'];
    expect(lookupPath(certificateOf(await readState([name])), name)).toEqual({ kind: 'absent' });
  });

  test('row 34: a request status is for its sender, at its canister, one per read', async () => {
    const content = contentOf('call');
    await post(canisterApi('v4', 'call'), envelopeOf(content, SECRET));
    const path = ['request_status', requestIdOf(content, SECRET)];
    expect((await readState([path], { secret: SECRET })).status).toBe(200);
    expect((await readState([path], { secret: OTHER_SECRET })).status).toBe(403);
    expect((await readState([path])).status).toBe(403);
    const url = canisterApi('v3', 'read_state', principalToText(FIRST));
    expect((await readState([path], { secret: SECRET, url })).status).toBe(403);
    const second = ['request_status', new Uint8Array(32)];
    expect((await readState([path, second], { secret: SECRET })).status).toBe(403);
  });

  test('row 35: a certified reject shows its code as LEB128 and its texts as UTF-8', async () => {
    const content = contentOf('call', { method_name: 'reject_me' });
    const answered = await post(canisterApi('v4', 'call'), envelopeOf(content));
    expect(mapOf(answered)['status']).toBe('replied');
    const at = (leaf: string) =>
      lookupPath(certificateOf(answered), ['request_status', requestIdOf(content), leaf]);
    expect(at('status')).toEqual({ kind: 'found', value: utf8('rejected') });
    expect(at('reject_code')).toEqual({ kind: 'found', value: Uint8Array.of(4) });
    expect(at('reject_message')).toEqual({ kind: 'found', value: utf8('no') });
    expect(at('error_code')).toEqual({ kind: 'found', value: utf8('IC0406') });
  });

  test('row 82: public metadata is for all, private metadata for controllers', async () => {
    const path = (name: string) => ['canister', CANISTER, 'metadata', name];
    const found = await readState([path('candid:service')]);
    expect(lookupPath(certificateOf(found), path('candid:service')).kind).toBe('found');
    expect((await readState([path('secret')])).status).toBe(403);
    expect((await readState([path('secret')], { secret: SECRET })).status).toBe(403);
    const secret = await readState([path('secret')], { secret: ADMIN_SECRET });
    expect(lookupPath(certificateOf(secret), path('secret'))).toEqual({
      kind: 'found',
      value: utf8('hidden'),
    });
  });
});
