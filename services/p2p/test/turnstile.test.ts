import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Turnstile } from '../src/adapters/turnstile.ts';
import { LINK_LIMITS } from '../src/index.ts';

function from(host: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: host });
  return socket;
}

test('a crowd from elsewhere does not hold up a member, nor one member another', () => {
  const begun: Socket[] = [];
  const members = ['10.0.0.1', '10.0.0.2'];
  const turnstile = new Turnstile(
    (host) => members.includes(host),
    (socket) => begun.push(socket),
  );
  const enter = (host: string): Socket => {
    const socket = from(host);
    turnstile.enter(socket);
    return socket;
  };
  const { handshakesAtOnce } = LINK_LIMITS;
  // Every one of the crowd has an address of its own.
  for (let i = 0; i < 2 * handshakesAtOnce; i += 1) enter(`192.0.2.${i}`);
  expect(begun.length).toBeLessThan(handshakesAtOnce + 5);
  for (let i = 0; i < 2 * handshakesAtOnce; i += 1) enter('10.0.0.1');
  expect(begun.length).toBeLessThan(2 * handshakesAtOnce + 10);
  const member = enter('::ffff:10.0.0.2');
  expect(begun.at(-1)).toBe(member);
  turnstile.close();
});
