import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Connection, parseAnswer } from '../src/index.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function whole(text: string): { status: number; body: string; end: number } {
  const parsed = parseAnswer(bytes(text));
  if (parsed.kind !== 'whole') throw new Error(JSON.stringify(parsed));
  const { status, body } = parsed.answer;
  return { status, body: Buffer.from(body).toString('latin1'), end: parsed.end };
}

test('a sized answer ends where its length says, whatever follows', () => {
  const answer = 'HTTP/1.1 200 OK\r\nX: 1\r\ncontent-LENGTH: 5\r\n\r\nhello';
  expect(whole(`${answer}HTTP/1.1 500`)).toEqual({
    status: 200,
    body: 'hello',
    end: answer.length,
  });
});

test('a chunked answer is put together; extensions of chunks are skipped', () => {
  const answer =
    'HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n';
  expect(whole(answer)).toEqual({ status: 202, body: 'abc0123456789', end: answer.length });
});

test('every proper prefix of an answer is partial', () => {
  for (const answer of [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ]) {
    for (let length = 0; length < answer.length; length++)
      expect(parseAnswer(bytes(answer.slice(0, length)))).toEqual({ kind: 'partial' });
  }
});

test.each([
  ['SSH-2.0-x\r\n\r\n', 'no status line'],
  ['HTTP/1.1 200 OK\r\n\r\n', 'neither Content-Length nor chunked'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'no chunk size'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n', 'no chunk size'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n', 'the body is too large'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n', 'the body is too large'],
  [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`, 'the head is too large'],
])('%j is malformed', (text, reason) => {
  expect(parseAnswer(bytes(text.slice(0, 80_000)))).toEqual({ kind: 'malformed', reason });
});

test('a connection is used again for the next request, with sized and chunked answers', async () => {
  let connections = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      if (request.url === '/sized') response.setHeader('content-length', body.length);
      response.write(body.subarray(0, 1));
      setImmediate(() => response.end(body.subarray(1)));
    });
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = await Connection.open(url);
  closers.push(() => connection.close());
  for (const path of ['/sized', '/chunked', '/sized']) {
    const sent = bytes(`body of ${path} ${'x'.repeat(100_000)}`);
    const answer = await connection.post(path, sent);
    expect(answer.status).toBe(200);
    expect(Buffer.compare(answer.body, sent)).toBe(0);
  }
  expect(connections).toBe(1);
});

test('a peer that hangs up, or talks nonsense, fails the request that waits and every later one', async () => {
  for (const reply of ['', 'nonsense\r\n\r\n']) {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(reply));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connection = await Connection.open(url);
    const reason = reply === '' ? 'the connection was closed' : 'no status line';
    await expect(connection.post('/', bytes('x'))).rejects.toThrow(reason);
    await expect(connection.post('/', bytes('x'))).rejects.toThrow(reason);
  }
});
