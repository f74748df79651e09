import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { debugRefusal } from '../src/adapters/debug-door.ts';
import { routeOf } from '../src/index.ts';

type Asked = Pick<IncomingMessage, 'headers' | 'socket'>;

function asked(remoteAddress: string, headers: IncomingMessage['headers'] = {}): Asked {
  return { headers: { host: 'localhost:8000', ...headers }, socket: { remoteAddress } as never };
}

function statusOf(request: Asked, debugTo: 'loopback' | 'anyone' | 'nobody' = 'loopback') {
  return debugRefusal(request, debugTo)?.status;
}

describe('who may look at traces', () => {
  test('this machine, by whatever name it has', () => {
    for (const address of ['127.0.0.1', '127.8.0.1', '::1', '::ffff:127.0.0.1'])
      expect(statusOf(asked(address))).toBeUndefined();
    for (const host of ['127.0.0.1', '[::1]:8000', 'LOCALHOST'])
      expect(statusOf(asked('127.0.0.1', { host }))).toBeUndefined();
  });

  test('not other machines, nor through a proxy, nor by a name that points here', () => {
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '192.168.1.127', ''])
      expect(statusOf(asked(address))).toBe(403);
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
      expect(statusOf(asked('127.0.0.1', { [name]: '127.0.0.1' }))).toBe(403);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:8000'])
      expect(statusOf(asked('127.0.0.1', { host }))).toBe(403);
  });

  test('anyone, or nobody, when the operator says so', () => {
    expect(statusOf(asked('10.0.0.1', { host: 'x' }), 'anyone')).toBeUndefined();
    expect(statusOf(asked('127.0.0.1'), 'nobody')).toBe(404);
  });
});

describe('paths of traces', () => {
  test('lead there with their query, everything beside them nowhere', () => {
    expect(routeOf('GET', '/debug/traces')).toEqual({
      kind: 'traces',
      path: '/debug/traces',
      query: '',
    });
    expect(routeOf('HEAD', '/debug/traces/abc.json')).toMatchObject({ kind: 'traces' });
    expect(routeOf('GET', '/debug/traces.json?kind=call&a=?')).toEqual({
      kind: 'traces',
      path: '/debug/traces.json',
      query: 'kind=call&a=?',
    });
    for (const path of ['/debug', '/debug/tracesx', '/debug/traces.jsonx', '/debug/traces.html'])
      expect(routeOf('GET', path)).toMatchObject({ kind: 'nowhere' });
    expect(routeOf('POST', '/debug/traces')).toMatchObject({ answer: { status: 405 } });
  });
});
