import { decodeCbor, decodeUnsignedLeb128 } from '@internode/encoding';
import { type Label, lookupPath, reconstruct, visibleLabels } from '@internode/hash-tree';
import { toHex, utf8 } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { STATE_LIMITS } from '../src/index.ts';
import {
  batch,
  canister,
  certificateOf,
  change,
  FIRST,
  LAST,
  NODE_ID,
  NODE_KEY,
  Rig,
  record,
  request,
  requestId,
  rootKey,
  SUBNET_ID,
  timeOf,
} from './rig.ts';

const status = (index: number, ...rest: Label[]): Label[] => [
  'request_status',
  requestId(index),
  ...rest,
];
const text = (value: Uint8Array | string): string =>
  typeof value === 'string' ? value : new TextDecoder().decode(value);

function nat(value: Uint8Array | string): bigint {
  if (typeof value === 'string') throw new Error(value);
  const decoded = decodeUnsignedLeb128(value, 0);
  if (decoded.kind !== 'valid') throw new Error('leb128');
  return decoded.value.value;
}

describe('executed heights', () => {
  test('are hashed and certified one by one, and said with what they completed', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1), request(2, { status: 'processing' })] }));
    rig.tell(batch(2, { requests: [request(2, { status: 'rejected', refusal: refusal() })] }));
    expect(rig.allSaid('StateHashed').map(({ height }) => height)).toEqual([1, 2]);
    const said = rig.allSaid('StateCertified');
    expect(said.map(({ height, completedRequests }) => [height, completedRequests])).toEqual([
      [1, [requestId(1)]],
      [2, [requestId(2)]],
    ]);
    expect(said[1]?.timeNanos).toBe(timeOf(2));
    expect(rig.last('StateCommitted')).toMatchObject({ height: 2 });
  });

  test('repeated ones change nothing; after a gap the missing one is asked for, again by timer', () => {
    const rig = Rig.started();
    rig.tell(batch(1));
    const { root } = rig;
    rig.tell(batch(1, { requests: [request(1)] }));
    rig.tell(batch(3));
    rig.tell(batch(4));
    expect(rig.root).toBe(root);
    expect(rig.allSaid('RequestExecuted')).toEqual([{ kind: 'RequestExecuted', fromHeight: 2 }]);
    rig.advance(600);
    expect(rig.allSaid('RequestExecuted').length).toBe(3);
    rig.tell(batch(2));
    rig.tell(batch(3));
    rig.advance(1_000);
    expect(rig.allSaid('RequestExecuted').length).toBe(3);
    expect(rig.certifiedHeight).toBe(3);
  });

  test('what was final before this life and is not in the store is asked for at once, and again', () => {
    const rig = Rig.started({ finalHeight: 3 });
    expect(rig.allSaid('RequestExecuted')).toEqual([{ kind: 'RequestExecuted', fromHeight: 1 }]);
    rig.advance(300);
    expect(rig.allSaid('RequestExecuted').length).toBe(2);
    for (const height of [1, 2, 3]) rig.tell(batch(height));
    rig.advance(1_000);
    expect(rig.allSaid('RequestExecuted').length).toBe(2);
    const other = Rig.started();
    other.advance(1_000);
    expect(other.allSaid('RequestExecuted')).toEqual([]);
  });

  test('several may wait for certification; a newer one certifies all before', () => {
    const rig = Rig.started();
    rig.signs = false;
    for (let height = 1; height <= 5; height++)
      rig.tell(batch(height, { requests: [request(height)] }));
    expect(rig.allSaid('StateCertified')).toEqual([]);
    const third = rig.allSaid('StateHashed')[2];
    rig.sign(third as NonNullable<typeof third>);
    rig.advance(1);
    rig.tell({ kind: 'RequestReadiness', service: '' });
    expect(rig.last('StateCertified')).toMatchObject({
      height: 3,
      completedRequests: [1, 2, 3].map(requestId),
    });
    rig.said.length = 0;
    rig.advance(STATE_LIMITS.repeatMs + 1);
    expect(rig.allSaid('StateHashed').map(({ height }) => height)).toEqual([4, 5]);
  });

  test('of too many without certification the oldest is passed over: one that is certified later tells of all', () => {
    const rig = Rig.started();
    rig.signs = false;
    const heights = STATE_LIMITS.inFlightMax + 100;
    for (let height = 1; height <= heights; height++)
      rig.tell(batch(height, { requests: [request(height)] }));
    expect(rig.last('StateHashed')?.height).toBe(heights);
    const newest = rig.last('StateHashed');
    rig.sign(newest as NonNullable<typeof newest>);
    rig.advance(1);
    rig.tell({ kind: 'RequestReadiness', service: '' });
    expect(rig.last('StateCertified')).toMatchObject({
      height: heights,
      completedRequests: Array.from({ length: heights }, (_, i) => requestId(i + 1)),
    });
  });

  test('malformed batches are ignored and leave the height to the honest one', () => {
    const rig = Rig.started();
    const bad = [
      batch(1, { requests: [request(1, { requestId: new Uint8Array(31) })] }),
      batch(1, { requests: [request(1, { status: 'rejected', refusal: undefined })] }),
      batch(1, { canisters: [change(1, { canisterId: new Uint8Array(30) })] }),
      batch(1, {
        canisters: [
          change(1, { memories: [memory([{ index: 0, content: new Uint8Array(4095) }])] }),
        ],
      }),
      batch(1, {
        canisters: [change(1, { record: record({ certifiedData: new Uint8Array(33) }) })],
      }),
      batch(1, {
        canisters: [change(1, { record: record({ metadata: [meta('a'), meta('a')] }) })],
      }),
      batch(1, { droppedModules: [new Uint8Array(2)] }),
      batch(1, { timeNanos: 0n }),
    ];
    for (const each of bad) rig.tell(each);
    expect(rig.event('MessageIgnored').length).toBe(bad.length);
    rig.tell(batch(1));
    expect(rig.certifiedHeight).toBe(1);
  });
});

describe('certifications', () => {
  test('of another root, height, form or signer are ignored; the true one still counts', () => {
    const rig = Rig.started();
    rig.signs = false;
    rig.tell(batch(1));
    const hashed = rig.last('StateHashed');
    const root = hashed?.root as Uint8Array;
    const value = { kind: 'CertificationValue', height: 1, root } as const;
    rig.tell({ ...value, root: new Uint8Array(32), signature: new Uint8Array(48) });
    rig.tell({ ...value, height: 9, signature: new Uint8Array(48) });
    rig.tell({ ...value, signature: new Uint8Array(47) });
    rig.tell({ ...value, signature: new Uint8Array(48) });
    rig.tell({ ...value, signature: wrongSignature() });
    expect(rig.event('MessageIgnored').map(({ reason }) => reason)).toEqual([
      'of another root',
      'of a height that is not executed',
      'signature is not 48 bytes',
      'signature does not verify',
      'signature does not verify',
    ]);
    expect(rig.certifiedHeight).toBe(0);
    expect(rig.read(['time']).refusal).toBeDefined();
    expect(rig.readData(canister(1))).toMatchObject({ height: 0, certificate: new Uint8Array(0) });
    rig.sign({ height: 1, root });
    rig.advance(1);
    rig.tell({ kind: 'RequestReadiness', service: 'state' });
    expect(rig.certifiedHeight).toBe(1);
    expect(rig.last('Readiness')).toMatchObject({ ready: true, height: 1 });
  });
});

describe('the root hash', () => {
  test('is that of the content, however it came to be', () => {
    const one = Rig.started();
    one.tell(
      batch(1, {
        requests: [request(1), request(2)],
        canisters: [change(1, { record: record() })],
      }),
    );
    one.tell(batch(2, { requests: [request(3)], canisters: [change(2, { record: record() })] }));
    one.tell(batch(3, { forgottenRequests: [requestId(1)] }));
    const other = Rig.started();
    other.tell(
      batch(1, {
        requests: [request(3), request(2)],
        canisters: [change(2, { record: record() })],
      }),
    );
    other.tell(batch(2, { requests: [request(9)], canisters: [change(1, { record: record() })] }));
    other.tell(batch(3, { forgottenRequests: [requestId(9)] }));
    expect(one.root).toBe(other.root);
    other.tell(batch(4));
    expect(other.root).not.toBe(one.root);
  });

  test('is the same when batches are repeated, reordered and lost on the way', () => {
    const batches = Array.from({ length: 12 }, (_, i) =>
      batch(i + 1, {
        requests: [request(i)],
        canisters: [change(i % 3, { record: record({ certifiedData: Uint8Array.of(i) }) })],
      }),
    );
    const straight = Rig.started();
    for (const each of batches) straight.tell(each);
    const shaken = Rig.started();
    let seed = 5;
    for (let round = 0; round < 400; round++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      shaken.tell(batches[seed % batches.length] as (typeof batches)[0]);
    }
    expect(shaken.last('StateHashed')?.height).toBe(12);
    const roots = (rig: Rig) => rig.allSaid('StateHashed').map(({ root }) => toHex(root));
    expect(roots(shaken)).toEqual(roots(straight));
  });
});

describe('certified reads', () => {
  test('row 24: a certificate for a call shows its status, its reply and the time', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1), request(2)] }));
    const tree = rig.tree(status(1), ['time']);
    expect(text(lookupFound(tree, status(1, 'status')))).toBe('replied');
    expect(text(lookupFound(tree, status(1, 'reply')))).toBe('reply 1');
    expect(nat(lookupFound(tree, ['time']))).toBe(timeOf(1));
    expect(lookupPath(tree, status(2)).kind).toBe('unknown');
  });

  test('row 24: an empty list of paths still gives the time', () => {
    const rig = Rig.started();
    rig.tell(batch(1));
    expect(nat(lookupFound(rig.tree(), ['time']))).toBe(timeOf(1));
  });

  test('row 26: pruned trees keep the root hash; absent paths are provably absent', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: Array.from({ length: 60 }, (_, i) => request(i)) }));
    for (let index = 0; index < 120; index += 7) {
      const read = rig.read(status(index));
      expect(toHex(reconstruct(certificateOf(read).tree))).toBe(rig.root);
      const found = lookupPath(rig.tree(status(index)), status(index, 'status'));
      expect(found.kind).toBe(index < 60 ? 'found' : 'absent');
    }
    expect(rig.look(['canister', canister(3), 'module_hash'])).toBe('absent');
    expect(rig.look(['api_boundary_nodes'])).toBe('absent');
    expect(rig.look(['subnet', NODE_ID, 'public_key'])).toBe('absent');
  });

  test('row 29: the canister ranges are tagged CBOR in both placements, one shard', () => {
    const rig = Rig.started();
    rig.tell(batch(1));
    const old = rig.look(['subnet', SUBNET_ID, 'canister_ranges']) as Uint8Array;
    const shard = rig.look(['canister_ranges', SUBNET_ID, FIRST]) as Uint8Array;
    expect(toHex(old.subarray(0, 3))).toBe('d9d9f7');
    expect(decodeCbor(old)).toEqual({ kind: 'valid', value: [[FIRST, LAST]] });
    expect(shard).toEqual(old);
  });

  test('row 33: a read of the whole subnet shows its key, type, ranges, nodes and metrics', () => {
    const rig = Rig.started();
    rig.tell(
      batch(1, {
        requests: [request(1)],
        canisters: [change(1, { memories: [memory([], 65_536)] })],
      }),
    );
    const tree = rig.tree(['subnet']);
    const at = (...path: Label[]) => lookupFound(tree, ['subnet', SUBNET_ID, ...path]);
    expect(at('public_key')).toEqual(rootKey);
    expect(text(at('type'))).toBe('application');
    expect(at('node', NODE_ID, 'public_key')).toEqual(NODE_KEY);
    expect(at('canister_ranges').length).toBeGreaterThan(0);
    const metrics = at('metrics');
    expect(toHex(metrics.subarray(0, 4))).toBe('d9d9f7a4');
    const hex = toHex(metrics);
    const field = (name: string, value: string) => expect(hex).toContain(toHex(utf8(name)) + value);
    field('num_canisters', '01');
    field('canister_state_bytes', '1a00010000');
    field('consumed_cycles_total', 'a2000001f6');
    field('update_transactions_total', '01');
  });

  test('row 33: the nodes are those of the epoch: others take their place, also after a restart', () => {
    const store = new MemoryStore();
    const rig = Rig.started({ store });
    const later = Uint8Array.of(7, 7, 2);
    const key = new Uint8Array(44).fill(6);
    rig.tell(batch(1, { members: { nodes: [{ nodeId: later, publicKey: key }] } }));
    rig.tell(batch(2));
    for (const one of [rig, Rig.started({ store })]) {
      expect(one.look(['subnet', SUBNET_ID, 'node', later, 'public_key'])).toEqual(key);
      expect(one.look(['subnet', SUBNET_ID, 'node', NODE_ID, 'public_key'])).toBe('absent');
    }
  });

  test('row 35: status leaves are UTF-8 and LEB128', () => {
    const rig = Rig.started();
    rig.tell(
      batch(1, {
        requests: [
          request(1, { status: 'received' }),
          request(2, { status: 'processing' }),
          request(3),
          request(4, { status: 'rejected', refusal: refusal() }),
          request(5, { status: 'rejected', refusal: { ...refusal(), errorCode: '' } }),
        ],
      }),
    );
    const words = [1, 2, 3, 4].map((index) => text(rig.look(status(index, 'status'))));
    expect(words).toEqual(['received', 'processing', 'replied', 'rejected']);
    expect(toHex(rig.look(status(4, 'reject_code')) as Uint8Array)).toBe('ac02');
    expect(text(rig.look(status(4, 'reject_message')))).toBe('größer als erlaubt');
    expect(text(rig.look(status(4, 'error_code')))).toBe('IC0503');
    expect(rig.look(status(5, 'error_code'))).toBe('absent');
    expect(rig.look(status(1, 'reply'))).toBe('absent');
    expect(rig.look(status(3, 'reject_code'))).toBe('absent');
  });

  test('row 21: the status is absent before the call, then every state that it passes', () => {
    const rig = Rig.started();
    rig.tell(batch(1));
    expect(rig.look(status(1, 'status'))).toBe('absent');
    expect(rig.read(status(1)).requestOwner).toBeUndefined();
    rig.tell(batch(2, { requests: [request(1, { status: 'processing' })] }));
    expect(text(rig.look(status(1, 'status')))).toBe('processing');
    rig.tell(batch(3, { requests: [request(1)] }));
    expect(text(rig.look(status(1, 'status')))).toBe('replied');
    expect(rig.read(status(1)).requestOwner).toEqual({
      sender: request(1).sender,
      effectiveCanisterId: canister(1),
    });
  });

  test('row 128: done keeps the status and drops the reply; forgotten requests are absent', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1)] }));
    rig.tell(batch(2, { requests: [request(1, { status: 'done', reply: new Uint8Array(0) })] }));
    expect(text(rig.look(status(1, 'status')))).toBe('done');
    expect(rig.look(status(1, 'reply'))).toBe('absent');
    rig.tell(batch(3, { forgottenRequests: [requestId(1)] }));
    expect(rig.look(status(1, 'status'))).toBe('absent');
    expect(rig.read(status(1)).requestOwner).toBeUndefined();
  });

  test('facts and content are of the certified height, not of a newer one', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1)] }));
    rig.signs = false;
    rig.tell(batch(2, { requests: [request(2)], forgottenRequests: [requestId(1)] }));
    expect(rig.read(status(1))).toMatchObject({
      height: 1,
      requestOwner: { effectiveCanisterId: canister(1) },
    });
    expect(rig.look(status(2, 'status'))).toBe('absent');
  });

  test('row 82: a prefix shows neither private metadata nor certified data; the exact path does', () => {
    const rig = Rig.started();
    const metadata = [meta('candid:service'), { ...meta('secret'), private: true }];
    const certifiedData = utf8('certified');
    rig.tell(
      batch(1, {
        canisters: [
          change(1, {
            record: record({ metadata, certifiedData, moduleHash: new Uint8Array(32) }),
          }),
        ],
      }),
    );
    const read = rig.read(['canister', canister(1)]);
    expect(read.canisterAccess).toEqual({
      controllers: record().controllers,
      privateMetadata: ['secret'],
    });
    const whole = rig.tree(['canister', canister(1)]);
    const at = (tree: typeof whole, ...path: Label[]) =>
      lookupPath(tree, ['canister', canister(1), ...path]).kind;
    expect(at(whole, 'certified_data')).toBe('unknown');
    expect(at(whole, 'metadata', 'secret')).toBe('unknown');
    expect(at(whole, 'metadata', 'candid:service')).toBe('found');
    expect(at(whole, 'controllers')).toBe('found');
    expect(at(whole, 'last_install_timestamp')).toBe('absent');
    const data = rig.readData(canister(1));
    expect(data.height).toBe(1);
    const shown = rig.verified(data.certificate);
    expect(at(shown, 'certified_data')).toBe('found');
    expect(lookupPath(shown, ['time']).kind).toBe('found');
    expect(at(shown, 'controllers')).toBe('unknown');
    const below = rig.tree(['canister', canister(1), 'metadata']);
    expect(at(below, 'metadata', 'secret')).toBe('unknown');
    expect(at(below, 'metadata', 'candid:service')).toBe('found');
    expect(text(rig.look(['canister', canister(1), 'metadata', 'secret']))).toBe(
      'content of secret',
    );
    expect(text(rig.look(['canister', canister(1), 'certified_data']))).toBe('certified');
    expect(rig.look(['canister', canister(1), 'metadata', 'other'])).toBe('absent');
  });

  test('a text that begins with a byte order mark is certified as it is', () => {
    const rig = Rig.started();
    const message = '\ufeffno';
    const rejected = { status: 'rejected', refusal: { ...refusal(), message } } as const;
    const metadata = [meta('a'), meta('\ufeffa')];
    rig.tell(
      batch(1, {
        requests: [request(1, rejected)],
        canisters: [change(1, { record: record({ metadata, moduleHash: new Uint8Array(32) }) })],
      }),
    );
    expect(lookupFound(rig.tree(status(1)), status(1, 'reject_message'))).toEqual(utf8(message));
    const path = ['canister', canister(1), 'metadata', utf8('\ufeffa')];
    expect(text(lookupFound(rig.tree(path), path))).toBe('content of \ufeffa');
  });

  test('row 83: the module hash is as uploaded, the controllers are tagged CBOR', () => {
    const rig = Rig.started();
    const controllers = [Uint8Array.of(4, 4, 2), canister(9)];
    const moduleHash = new Uint8Array(32).fill(0xab);
    rig.tell(
      batch(1, {
        canisters: [
          change(1, { record: record({ controllers, moduleHash }) }),
          change(2, { record: record() }),
        ],
      }),
    );
    expect(rig.look(['canister', canister(1), 'module_hash'])).toEqual(moduleHash);
    const encoded = rig.look(['canister', canister(1), 'controllers']) as Uint8Array;
    expect(toHex(encoded.subarray(0, 3))).toBe('d9d9f7');
    expect(decodeCbor(encoded)).toEqual({ kind: 'valid', value: controllers });
    expect(rig.look(['canister', canister(2), 'module_hash'])).toBe('absent');
    rig.tell(batch(2, { canisters: [change(1, { deleted: true })] }));
    expect(rig.look(['canister', canister(1), 'controllers'])).toBe('absent');
    expect(rig.read(['canister', canister(1), 'controllers']).canisterAccess).toBeUndefined();
  });

  test('row 107: creation and install times are LEB128 nanoseconds', () => {
    const rig = Rig.started();
    rig.tell(
      batch(1, {
        canisters: [
          change(1, { record: record({ creationNanos: timeOf(1), lastInstallNanos: timeOf(7) }) }),
        ],
      }),
    );
    expect(nat(rig.look(['canister', canister(1), 'canister_creation_timestamp']))).toBe(timeOf(1));
    expect(nat(rig.look(['canister', canister(1), 'last_install_timestamp']))).toBe(timeOf(7));
  });

  test('what names no one in particular, or too much, is refused', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1)] }));
    const many = Array.from({ length: 1_001 }, () => ['time']);
    const long = [Array.from({ length: 128 }, () => 'a')];
    for (const paths of [[['request_status']], [['canister']], [[]], many, long]) {
      expect(rig.read(...paths)).toMatchObject({
        refusal: { rejectCode: 4 },
        certificate: new Uint8Array(0),
      });
    }
    const most = Array.from({ length: 1_000 }, (_, index) => [
      'canister',
      canister(index % 256),
      `label ${index}`,
    ]);
    expect(rig.read(...most).refusal).toBeUndefined();
  });

  test('labels of a level are in order and nothing else of it is shown', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1)] }));
    const labels = visibleLabels(rig.tree(status(1))).map(text);
    expect(labels).toEqual(['request_status', 'time']);
  });
});

function lookupFound(tree: Parameters<typeof lookupPath>[0], path: readonly Label[]): Uint8Array {
  const found = lookupPath(tree, path);
  if (found.kind !== 'found') throw new Error(`${path.join('/')} is ${found.kind}`);
  return found.value;
}

function refusal() {
  return { rejectCode: 300, message: 'größer als erlaubt', errorCode: 'IC0503' };
}

function meta(name: string) {
  return { name, content: utf8(`content of ${name}`), private: false };
}

function memory(pages: readonly { index: number; content: Uint8Array }[], sizeBytes = 65_536) {
  return { memory: 'heap', cleared: false, sizeBytes, pages } as const;
}

function wrongSignature(): Uint8Array {
  const rig = Rig.started();
  rig.signs = false;
  rig.tell(batch(1, { requests: [request(77)] }));
  const root = rig.last('StateHashed')?.root as Uint8Array;
  return rig.signatureOf(root);
}
