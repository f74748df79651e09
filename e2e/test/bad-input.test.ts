// What strangers send to a replica: every bad request gets its 4xx, the process stays up and small, and the canister next door counts on.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { type CborInput, encodeCbor } from '@internode/encoding';
import { Connection, type HttpAnswer } from '@internode/loadtest';
import { concatBytes, utf8 } from '@internode/prelude';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callOf, endingOf } from '../runner/calls.ts';
import { type Canister, currentClient, EMPTY_ARGUMENT } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import { envelope, expiryIn, post, principalOf } from '../runner/wire.ts';

const MEBIBYTE = 1 << 20;
const RSS_GROWTH_KIB_MAX = 400 * 1024;

let replica: Replica;
let counter: Canister;
let counted = 0n;
let residentBefore = 0;
const identity = Ed25519KeyIdentity.generate(new Uint8Array(32).fill(21));

beforeAll(async () => {
  replica = await startReplica();
  const client = await currentClient.open(replica, 21);
  counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
  residentBefore = residentKib();
});
afterAll(async () => {
  await replica?.stop();
});
afterEach(async () => {
  expect(await counter.actor['get']?.()).toBe(counted);
  counted += 1n;
  expect(await counter.actor['inc']?.()).toBe(counted);
  expect(residentKib() - residentBefore).toBeLessThan(RSS_GROWTH_KIB_MAX);
});

function residentKib(): number {
  const status = readFileSync(`/proc/${replica.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

const pathOf = (version: number, endpoint: string) =>
  `/api/v${version}/canister/${counter.id}/${endpoint}`;
const callUrl = () => `${replica.gatewayUrl}${pathOf(4, 'call')}`;
const ENDPOINTS = [
  [2, 'call'],
  [3, 'call'],
  [4, 'call'],
  [2, 'query'],
  [3, 'query'],
  [2, 'read_state'],
  [3, 'read_state'],
] as const;

/** Repeatable: a failing number can be tried again. */
function randomness(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Below = ReturnType<typeof randomness>;

function randomBytes(below: Below, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

/** CBOR that no encoder makes: nested without end, lengths without bytes, indefinite, wrong tags. */
const MALICIOUS: readonly Uint8Array[] = [
  new Uint8Array(100_000).fill(0x81),
  new Uint8Array(100_000).fill(0xd9),
  new Uint8Array(100_000).fill(0xbf),
  concatBytes(utf8('\u0001').fill(0x5b), new Uint8Array(8).fill(0xff)),
  Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0),
  Uint8Array.of(0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(0xd9, 0xd9, 0xf7, 0x5f, 0x41, 0),
  Uint8Array.of(0xd9, 0xd9, 0xf7, 0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0),
  Uint8Array.of(0xd9, 0xd9, 0xf7, 0xa1, 0x67),
  new Uint8Array(),
];

function randomValue(below: Below, depth = 0): CborInput {
  switch (below(depth > 3 ? 4 : 6)) {
    case 0:
      return below(2 ** 31);
    case 1:
      return randomBytes(below, below(40));
    case 2:
      return ['call', 'query', 'read_state', '', '\u0000', 'é'][below(6)] as string;
    case 3:
      return BigInt(below(2 ** 31)) << BigInt(below(33));
    case 4:
      return Array.from({ length: below(5) }, () => randomValue(below, depth + 1));
    default:
      return { [String(below(99))]: randomValue(below, depth + 1) };
  }
}

const FIELDS = ['request_type', 'sender', 'nonce', 'ingress_expiry', 'canister_id', 'method_name'];

/** An envelope in which some fields have some value of some type. */
function confused(below: Below): Uint8Array {
  const fields = [...FIELDS, 'arg', 'paths'].map((name) => [name, randomValue(below)] as const);
  const content = Object.fromEntries(fields.filter(() => below(4) > 0));
  const rest = ['sender_pubkey', 'sender_sig', 'sender_delegation', 'content']
    .filter(() => below(3) === 0)
    .map((name) => [name, randomValue(below)] as const);
  return encodeCbor({ content, ...Object.fromEntries(rest) });
}

/** A signed body after a few changes: bits, cuts, copies, insertions. */
function mutated(below: Below, valid: Uint8Array): Uint8Array {
  const body = valid.slice();
  const at = below(body.length);
  switch (below(4)) {
    case 0:
      return body.slice(0, at);
    case 1:
      return concatBytes(body.slice(0, at), randomBytes(below, 1 + below(9)), body.slice(at));
    case 2:
      return concatBytes(body.slice(0, at), body.slice(Math.min(body.length, at + 1 + below(9))));
    default:
      for (let i = 0; i <= below(4); i++) {
        const at = below(body.length);
        body[at] = (body[at] ?? 0) ^ (1 << below(8));
      }
      return body;
  }
}

/** Over one connection as long as the other side keeps it. */
class Sender {
  #connection: Connection | undefined;

  async post(path: string, body: Uint8Array, contentType?: string): Promise<HttpAnswer> {
    for (let attempt = 0; ; attempt++) {
      this.#connection ??= await Connection.open(replica.gatewayUrl);
      try {
        return await this.#connection.post(path, body, contentType);
      } catch (fault) {
        this.#connection = undefined;
        if (attempt > 1) throw fault;
      }
    }
  }

  close(): void {
    this.#connection?.close();
  }
}

describe('bodies', () => {
  test('row 3: 4,000 random, confused and damaged bodies are 4xx at every endpoint', async () => {
    const below = randomness(20_261_122);
    const kinds = { call: 'call', query: 'query', read_state: 'read_state' };
    const valid: Record<string, Uint8Array> = {};
    for (const kind of Object.keys(kinds)) {
      const paths = kind === 'read_state' ? { paths: [[utf8('time')]] } : {};
      const fields = { request_type: kind, ...paths };
      valid[kind] = (await callOf(counter.id, 'inc', { identity, fields })).body;
    }
    const sender = new Sender();
    const wrong: unknown[] = [];
    for (let i = 0; i < 4_000; i++) {
      const [version, endpoint] = ENDPOINTS[i % ENDPOINTS.length] as (typeof ENDPOINTS)[number];
      const body =
        i < MALICIOUS.length * ENDPOINTS.length
          ? (MALICIOUS[Math.floor(i / ENDPOINTS.length)] as Uint8Array)
          : [
              () => randomBytes(below, below(300)),
              () => confused(below),
              () => mutated(below, valid[endpoint] as Uint8Array),
            ][below(3)]?.();
      const { status, body: text } = await sender.post(
        pathOf(version, endpoint),
        body ?? new Uint8Array(),
      );
      if (status < 400 || status > 499) wrong.push([i, endpoint, status, `${Buffer.from(text)}`]);
    }
    sender.close();
    expect(wrong).toEqual([]);
  });

  test('other methods and paths are 4xx', async () => {
    const { body } = await callOf(counter.id, 'inc', { identity });
    const sender = new Sender();
    const paths = [
      '/api',
      '/api/v9/canister/x/call',
      '/api/v4/canister//call',
      '/%00',
      '/api/v4/canister/aaaaa-aa/call/more',
      `/api/v4/canister/${'a'.repeat(5_000)}/call`,
      '/api/v4/canister/../../etc/passwd/call',
    ];
    for (const path of paths) {
      const { status } = await sender.post(path, body);
      expect([path, status]).toEqual([
        path,
        expect.toSatisfy((is: number) => is >= 400 && is < 500),
      ]);
    }
    sender.close();
    expect((await fetch(callUrl())).status).toBe(405);
  });
});

/** The connection was closed without a status. */
const NO_ANSWER = -1;

describe('size', () => {
  test('a body that says it is too large is refused before it is sent', async () => {
    const socket = await raw(
      `POST ${pathOf(4, 'call')} HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\nContent-Length: ${1 << 30}\r\n\r\n`,
    );
    expect(await statusOf(socket)).toBe(413);
    socket.destroy();
  });

  test('a body of unknown length is refused once it is too large, and is not kept', async () => {
    const before = residentKib();
    const socket = await raw(
      `POST ${pathOf(4, 'call')} HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const answered = statusOf(socket);
    const piece = Buffer.concat([
      Buffer.from(MEBIBYTE.toString(16)),
      Buffer.from('\r\n'),
      Buffer.alloc(MEBIBYTE),
      Buffer.from('\r\n'),
    ]);
    let sent = 0;
    for (; sent < 64 && socket.writable; sent++) {
      const more = socket.write(piece);
      if (!more)
        await Promise.race([new Promise((drained) => socket.once('drain', drained)), answered]);
      if ((await Promise.race([answered, Promise.resolve(0)])) !== 0) break;
    }
    // The system may discard the answer when the connection is closed while our bytes are on their way.
    expect([413, NO_ANSWER]).toContain(await answered);
    expect(sent).toBeLessThan(32);
    expect(residentKib() - before).toBeLessThan(64 * 1024);
    socket.destroy();
  });

  test('100 bodies that never come whole', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () =>
        raw(
          `POST ${pathOf(4, 'call')} HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\nContent-Length: 2000000\r\n\r\n`,
        ),
      ),
    );
    for (const socket of sockets) socket.write(Buffer.alloc(100_000));
    expect(await counter.actor['get']?.()).toBe(counted);
    for (const socket of sockets) socket.destroy();
  });

  test('headers that come drop by drop delay nobody, and are hung up on', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 200 }, () => raw('POST / HTTP/1.1\r\n')),
    );
    const closed = Promise.all(
      sockets.map((socket) => new Promise((gone) => socket.resume().once('close', gone))),
    );
    const drip = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('x: y\r\n');
    }, 400);
    const startedMs = performance.now();
    for (let i = 0; i < 5; i++) {
      counted += 1n;
      expect(await counter.actor['inc']?.()).toBe(counted);
    }
    await closed;
    clearInterval(drip);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });

  async function raw(head: string): Promise<Socket> {
    const { hostname, port } = new URL(replica.gatewayUrl);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(head);
    return socket;
  }

  function statusOf(socket: Socket): Promise<number> {
    return new Promise((resolve) => {
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
        if (status !== undefined) resolve(Number(status));
      });
      socket.on('close', () => resolve(NO_ANSWER));
    });
  }
});

describe('requests', () => {
  const call = (fields: Record<string, CborInput> = {}) =>
    callOf(counter.id, 'inc', { identity, fields });

  test('rows 13 and 14: wrong signatures and wrong keys', async () => {
    const { requestId } = await call();
    const content = {
      request_type: 'call',
      sender: identity.getPrincipal().toUint8Array(),
      ingress_expiry: expiryIn(200_000),
      canister_id: principalOf(counter.id),
      method_name: 'inc',
      arg: EMPTY_ARGUMENT,
    };
    const key = new Uint8Array(identity.getPublicKey().toDer());
    const signature = new Uint8Array(await identity.sign(requestId));
    for (const parts of [
      { sender_pubkey: key, sender_sig: signature },
      { sender_pubkey: key, sender_sig: new Uint8Array(64) },
      { sender_pubkey: key, sender_sig: new Uint8Array() },
      { sender_pubkey: key.slice(0, 20), sender_sig: signature },
      { sender_pubkey: key },
      { sender_sig: signature },
      {},
    ]) {
      const { status } = await post(callUrl(), encodeCbor({ content, ...parts }));
      expect([400, 403]).toContain(status);
    }
  });

  test('row 16: expired, and too far ahead', async () => {
    for (const ms of [-60_000, 3_600_000, 10 ** 12]) {
      const answer = await post(callUrl(), (await call({ ingress_expiry: expiryIn(ms) })).body);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('Invalid request expiry: ');
    }
  });

  test('row 12: anonymous, and yet signed', async () => {
    const { body } = await call({ sender: Uint8Array.of(4) });
    expect([400, 403]).toContain((await post(callUrl(), body)).status);
  });

  test('row 20: replays are answered at once with the end they had, and do not run', async () => {
    const { body, requestId } = await call();
    counted += 1n;
    const first = endingOf(await post(callUrl(), body), requestId);
    const startedMs = performance.now();
    for (let i = 0; i < 20; i++)
      expect(endingOf(await post(callUrl(), body), requestId)).toEqual(first);
    expect(performance.now() - startedMs).toBeLessThan(20 * 400);
    const failed = await callOf(counter.id, 'incThenTrap', { identity });
    const trap = endingOf(await post(callUrl(), failed.body), failed.requestId);
    expect(trap.code).toBe('IC0503');
    expect(endingOf(await post(callUrl(), failed.body), failed.requestId)).toEqual(trap);
  });

  test('row 19: a URL that names another canister', async () => {
    const { body } = await call();
    const url = `${replica.gatewayUrl}/api/v4/canister/aaaaa-aa/call`;
    expect((await post(url, body)).status).toBe(400);
    const { body: managed } = await envelope(
      {
        request_type: 'call',
        canister_id: new Uint8Array(),
        method_name: 'install_code',
        arg: utf8('no candid'),
      },
      identity,
    );
    expect((await post(callUrl(), managed)).status).toBe(400);
  });
});
