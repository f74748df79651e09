// The socket side: hostile and merely clumsy clients.
import { connect, type Socket } from 'node:net';
import { principalToText } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenGateway, openGateway } from '../src/index.ts';
import { BODIES_BYTES_MAX, CALL_BODY_BYTES_MAX, READ_STATE_BODY_BYTES_MAX } from '../src/limits.ts';
import { canisterText, contentOf, envelopeOf, post, textOf } from './client.ts';
import { SmallReplica, subnetId } from './small-replica.ts';

const replica = new SmallReplica();
let gateway: OpenGateway;

beforeAll(async () => {
  gateway = await replica.open();
});

afterAll(() => gateway.close());

const callUrl = (): string => `${gateway.url}/api/v4/canister/${canisterText}/call`;

function open(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1', () => resolve(socket));
  });
}

/** All that the server says until it closes, or until `enough` matches. */
function said(socket: Socket, enough?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const end = (): void => resolve(text);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (enough?.test(text)) end();
    });
    socket.on('close', end).on('error', end);
  });
}

describe('limits', () => {
  test('a body above the limit is refused with 413, announced or streamed', async () => {
    expect((await post(callUrl(), new Uint8Array(CALL_BODY_BYTES_MAX + 1))).status).toBe(413);
    const chunk = new Uint8Array(256 * 1024);
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        sent += chunk.length;
        if (sent > 64 * CALL_BODY_BYTES_MAX) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const streamed = fetch(callUrl(), { method: 'POST', body, duplex: 'half' } as RequestInit);
    const status = await streamed.then(
      (response) => response.status,
      () => 'hung up',
    );
    // A client that does not listen while it sends may see the closed connection first.
    expect([413, 'hung up']).toContain(status);
    const readUrl = `${gateway.url}/api/v3/canister/${canisterText}/read_state`;
    expect((await post(readUrl, new Uint8Array(READ_STATE_BODY_BYTES_MAX + 1))).status).toBe(413);
    expect((await post(callUrl(), envelopeOf(contentOf('call')))).status).toBe(200);
  });

  test('bodies are counted while they are there only', async () => {
    const large = new Uint8Array(CALL_BODY_BYTES_MAX);
    const tooLarge = (): ReadableStream => new Blob([large, large]).stream();
    const rounds = Math.ceil(BODIES_BYTES_MAX / large.length) + 1;
    const refused: unknown[] = [];
    for (let i = 0; i < rounds; i++) {
      expect((await post(callUrl(), large)).status).toBe(400);
      const init = { method: 'POST', body: tooLarge(), duplex: 'half' } as RequestInit;
      refused.push(
        await fetch(callUrl(), init).then(
          ({ status }) => status,
          () => 413,
        ),
      );
    }
    expect(new Set(refused)).toEqual(new Set([413]));
    expect((await post(callUrl(), envelopeOf(contentOf('call')))).status).toBe(200);
  });

  test('the largest call passes', async () => {
    const arg = new Uint8Array(2 * 1024 * 1024);
    expect((await post(callUrl(), envelopeOf(contentOf('call', { arg })))).status).toBe(200);
  });

  test('headers above 16 KiB are refused with 431', async () => {
    const socket = await open();
    const text = said(socket);
    socket.write(`GET /api/v2/status HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    expect(await text).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('what is not HTTP is answered 400 and hung up on', async () => {
    const socket = await open();
    const text = said(socket);
    socket.write('\x16\x03\x01\x02\x00\x01garbage\r\n\r\n');
    expect(await text).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('a client that hangs up half way leaves nothing behind', async () => {
    const socket = await open();
    socket.write(
      `POST /api/v4/canister/${canisterText}/call HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc`,
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    expect((await post(callUrl(), envelopeOf(contentOf('call')))).status).toBe(200);
  });

  test('connections stay open between requests', async () => {
    const socket = await open();
    const request = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
    const first = said(socket, /ok\n/);
    socket.write(request);
    expect(await first).toMatch(/^HTTP\/1\.1 200 /);
    const second = said(socket, /ok\n/);
    socket.write(request);
    expect(await second).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

describe('routes', () => {
  test('unknown paths are 404, known ones with another method 405', async () => {
    for (const path of [
      '/',
      '/api/v2/status/',
      '/api/v1/status',
      '/api/v5/canister/x/call',
      '/api/v2/subnet/x/call',
      '/api/v2/subnet/x/query',
      '/api/v4/canister/x/query',
      '/api/v4/canister/x/read_state',
      '/__proto__',
    ]) {
      const response = await fetch(gateway.url + path, { method: 'POST', body: 'x' });
      expect([path, response.status]).toEqual([path, 404]);
    }
    const get = await fetch(callUrl());
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    const put = await fetch(`${gateway.url}/api/v2/status`, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('browsers of any origin may call', async () => {
    const preflight = await fetch(callUrl(), { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('content-type');
    for (const path of ['/api/v2/status', '/nowhere']) {
      const response = await fetch(gateway.url + path);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  test('health, readiness, metrics and status', async () => {
    const get = async (path: string): Promise<[number, string]> => {
      const response = await fetch(gateway.url + path);
      return [response.status, await response.text()];
    };
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    await expect.poll(() => get('/readyz')).toEqual([200, 'ok\n']);
    expect(await get('/metrics')).toEqual([200, 'x 1\n']);
    expect((await get('/api/v2/status?x=1'))[0]).toBe(200);
    const head = await fetch(`${gateway.url}/api/v2/status`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('readiness names what is wrong for as long as it is', async () => {
    let trouble: string | undefined;
    const there = new SmallReplica();
    const config = { ...there.parts().config, port: 0 };
    await using door = await openGateway({ ...there.parts(), config, trouble: () => trouble });
    there.finish();
    const ready = async () => {
      const response = await fetch(`${door.url}/readyz`);
      return [response.status, await response.text()];
    };
    await expect.poll(ready).toEqual([200, 'ok\n']);
    trouble = 'no space';
    expect(await ready()).toEqual([503, 'no space\n']);
    expect((await fetch(`${door.url}/healthz`)).status).toBe(200);
    trouble = undefined;
    expect(await ready()).toEqual([200, 'ok\n']);
  });

  test('before any certified state the door is open but not ready, and keeps asking', async () => {
    const silent = new SmallReplica({ deafTo: new Map([['RequestCertified', 2]]), speed: 20 });
    await using there = await silent.open();
    const ready = await fetch(`${there.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(there.isReady).toBe(false);
    await expect.poll(() => there.isReady).toBe(true);
    const own = () =>
      silent.heard.filter((said) => said.kind === 'Readiness' && said.service === 'gateway');
    expect(own()).toMatchObject([{ ready: false }, { service: 'gateway', ready: true }]);
    silent.tell({ kind: 'RequestReadiness', service: '' });
    await expect.poll(() => own().length).toBe(3);
  });

  test('a certified state is not enough: execution must be where it is', async () => {
    const silent = new SmallReplica({ deafTo: new Map([['RequestReadiness', 1e9]]), speed: 20 });
    await using there = await silent.open();
    const execution = { kind: 'Readiness', service: 'execution', height: 0, detail: '' } as const;
    await expect
      .poll(() => silent.heard.filter(({ kind }) => kind === 'RequestReadiness').length)
      .toBeGreaterThan(3);
    silent.tell({ ...execution, ready: false });
    silent.tell({ ...execution, service: 'state', ready: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(there.isReady).toBe(false);
    silent.tell({ ...execution, ready: true });
    await expect.poll(() => there.isReady).toBe(true);
  });

  test('a state that shows nothing for a while, because it fetches another one: not ready meanwhile', async () => {
    const syncing = new SmallReplica({ speed: 20 });
    await using there = await syncing.open();
    await expect.poll(() => there.isReady).toBe(true);
    const state = { kind: 'Readiness', service: 'state', height: 0, detail: '' } as const;
    syncing.tell({ ...state, ready: false });
    await expect.poll(() => there.isReady).toBe(false);
    expect((await fetch(`${there.url}/readyz`)).status).toBe(503);
    // Its word that it shows something again may be lost: it is asked.
    const asked = () =>
      syncing.heard.filter((said) => said.kind === 'RequestReadiness' && said.service === 'state');
    await expect.poll(() => asked().length).toBeGreaterThan(1);
    syncing.tell({ ...state, ready: true });
    await expect.poll(() => there.isReady).toBe(true);
  });

  test('a port in use is an error of the system, told at once', async () => {
    const busy = new SmallReplica();
    await expect(busy.open(() => '', { port: gateway.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  test('closing answers what is under way and stops listening', async () => {
    const closing = new SmallReplica({ holdsCalls: true });
    const there = await closing.open();
    const url = `${there.url}/api/v4/canister/${canisterText}/call`;
    const answered = post(url, envelopeOf(contentOf('call')));
    await expect.poll(() => closing.heard.some(({ kind }) => kind === 'SubmitIngress')).toBe(true);
    const closed = there.close();
    closing.finish();
    expect((await answered).status).toBe(200);
    await closed;
    await expect(fetch(`${there.url}/healthz`)).rejects.toThrow();
  });
});

test('several gateways on one port share its connections; one that closes leaves the port to the others', async () => {
  const replicas = [new SmallReplica(), new SmallReplica()] as const;
  const first = await replicas[0].open(() => 'first\n', { port: 0, sharesPort: true });
  const address = { port: first.port, sharesPort: true };
  const second = await replicas[1].open(() => 'second\n', address);
  const answers = async (count: number): Promise<Set<string>> => {
    const all = Array.from({ length: count }, async () => {
      const headers = { connection: 'close' };
      return (await fetch(`${first.url}/metrics`, { headers })).text();
    });
    return new Set(await Promise.all(all));
  };
  expect(await answers(64)).toEqual(new Set(['first\n', 'second\n']));
  await first.close();
  expect(await answers(16)).toEqual(new Set(['second\n']));
  await second.close();
});

describe('fuzzing', () => {
  test('row 3: random and mutated bodies are 4xx at every endpoint, never 5xx', async () => {
    let state = 4242;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return Math.floor(((state >>> 0) / 2 ** 32) * below);
    };
    const secret = new Uint8Array(32).fill(33);
    const endpoints = [
      [`v2/canister/${canisterText}/call`, 'call'],
      [`v4/canister/${canisterText}/call`, 'call'],
      [`v4/subnet/${principalToText(subnetId)}/call`, 'call'],
      [`v3/canister/${canisterText}/query`, 'query'],
      [`v3/canister/${canisterText}/read_state`, 'read_state'],
      [`v2/subnet/${principalToText(subnetId)}/read_state`, 'read_state'],
    ] as const;
    const seeds = endpoints.map(([, kind]) =>
      envelopeOf(contentOf(kind, kind === 'read_state' ? { paths: [[utf8('time')]] } : {}), secret),
    );
    const statuses = new Map<number, number>();
    for (let round = 0; round < 1_200; round++) {
      const which = round % endpoints.length;
      let body = (seeds[which] as Uint8Array).slice();
      if (random(8) === 0) body = body.slice(0, random(body.length));
      else if (random(7) === 0) body = Uint8Array.from({ length: random(200) }, () => random(256));
      for (let i = random(3); i >= 0 && body.length > 0; i--) {
        body[random(body.length)] = random(256);
      }
      const answered = await post(`${gateway.url}/api/${endpoints[which]?.[0]}`, body);
      statuses.set(answered.status, (statuses.get(answered.status) ?? 0) + 1);
      if (answered.status >= 400) expect(textOf(answered).length).toBeGreaterThan(0);
    }
    // Some mutations change nothing or only what nobody reads.
    const passed = (statuses.get(200) ?? 0) + (statuses.get(202) ?? 0);
    expect(passed).toBeLessThan(60);
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    const failures = replica.events.filter(({ kind }) => kind === 'AnswerFailed');
    expect(failures).toEqual([]);
  });
});
