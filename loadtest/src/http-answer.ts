// Reads HTTP/1.1 answers from the bytes of a connection: Content-Length and chunked bodies.

export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

export type Parsed =
  /** More bytes are needed. */
  | { readonly kind: 'partial' }
  /** One answer, which ends before byte `end`. */
  | { readonly kind: 'whole'; readonly answer: HttpAnswer; readonly end: number }
  | { readonly kind: 'malformed'; readonly reason: string };

const HEAD_BYTES_MAX = 64 * 1024;
const BODY_BYTES_MAX = 16 * 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const PARTIAL: Parsed = { kind: 'partial' };

function malformed(reason: string): Parsed {
  return { kind: 'malformed', reason };
}

/** The first answer in `bytes`. Its body is a view of them where it can be. */
export function parseAnswer(bytes: Buffer): Parsed {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0 || headEnd > HEAD_BYTES_MAX)
    return bytes.length > HEAD_BYTES_MAX ? malformed('the head is too large') : PARTIAL;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = /^HTTP\/1\.[01] (\d{3})(?= |$)/m.exec(head)?.[1];
  if (status === undefined) return malformed('no status line');
  const start = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length:[ \t]*(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return sized(bytes, Number(status), start, Number(length));
  if (/\r\ntransfer-encoding:[ \t]*chunked/i.test(head))
    return chunked(bytes, Number(status), start);
  return status === '204' || status === '304'
    ? sized(bytes, Number(status), start, 0)
    : malformed('neither Content-Length nor chunked');
}

function sized(bytes: Buffer, status: number, start: number, length: number): Parsed {
  if (length > BODY_BYTES_MAX) return malformed('the body is too large');
  const end = start + length;
  if (bytes.length < end) return PARTIAL;
  return { kind: 'whole', answer: { status, body: bytes.subarray(start, end) }, end };
}

function chunked(bytes: Buffer, status: number, start: number): Parsed {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return PARTIAL;
    const digits = /^[0-9a-f]{1,8}(?=;|$)/i.exec(bytes.toString('latin1', at, lineEnd))?.[0];
    if (digits === undefined) return malformed('no chunk size');
    const size = Number.parseInt(digits, 16);
    if (lineEnd - start + size > BODY_BYTES_MAX) return malformed('the body is too large');
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return PARTIAL;
    if (size === 0)
      return { kind: 'whole', answer: { status, body: Buffer.concat(parts) }, end: next };
    parts.push(bytes.subarray(lineEnd + 2, next - 2));
    at = next;
  }
}
