// Rows of bytes as one array, so that they cross between threads by one transfer.

const ABSENT = 0xffff_ffff;

export type Row = Uint8Array | undefined;

/** `prefix` is put before every row at an even place: keys stand at even places. */
export function packRows(rows: readonly Row[], prefix?: number): Uint8Array<ArrayBuffer> {
  const extra = prefix === undefined ? 0 : 1;
  let length = 0;
  for (let i = 0; i < rows.length; i++) length += 4 + (rows[i]?.length ?? 0) + extra;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const isKey = extra === 1 && i % 2 === 0;
    view.setUint32(at, row === undefined ? ABSENT : row.length + (isKey ? 1 : 0));
    at += 4;
    if (row === undefined) continue;
    if (isKey) bytes[at++] = prefix as number;
    bytes.set(row, at);
    at += row.length;
  }
  return at === bytes.length ? bytes : bytes.slice(0, at);
}

/** Views of `bytes`. */
export function unpackRows(bytes: Uint8Array): Row[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows: Row[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = view.getUint32(at);
    at += 4;
    if (length === ABSENT) {
      rows.push(undefined);
    } else {
      rows.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return rows;
}
