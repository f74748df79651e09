/** Stable memory: the 64-bit calls, and the old 32-bit ones for memories up to 4 GiB. */
import { HostTrap, STABLE_OUT_OF_BOUNDS, STABLE_PAGE_BYTES } from '../../wasm/index.ts';
import type { Execution } from '../execution.ts';
import { trapped } from '../failures.ts';
import { COPY_PIECE_BYTES } from '../limits.ts';
import { type Definition, define } from './define.ts';

const ANYWHERE = '* s';
const PAGES_MAX_32 = 65_536;
const FAR = 2 ** 53;

const small = (value: bigint): number => (value >= BigInt(FAR) ? FAR : Number(value));

interface Move {
  /** In stable memory. */
  readonly offset: number;
  /** In the heap. */
  readonly address: number;
  readonly size: number;
}

function checkStable(x: Execution, { offset, size }: Move): void {
  if (offset + size > x.stable.size * STABLE_PAGE_BYTES) throw new HostTrap(STABLE_OUT_OF_BOUNDS);
}

/** Copies in pieces, so that a call over gigabytes needs no second copy of them. */
function inPieces(x: Execution, move: Move, copy: (done: number, length: number) => void): void {
  checkStable(x, move);
  x.machine.charge(move.size);
  x.machine.hostRead(move.address + move.size, 0);
  for (let done = 0; done < move.size; done += COPY_PIECE_BYTES) {
    copy(done, Math.min(COPY_PIECE_BYTES, move.size - done));
  }
}

function write(x: Execution, move: Move): void {
  inPieces(x, move, (done, length) => {
    x.stable.write(move.offset + done, x.machine.hostRead(move.address + done, length));
    checkWritten(x);
  });
}

function checkWritten(x: Execution): void {
  const max = x.input.stablePagesWrittenMax;
  if (x.stable.pagesWritten <= max) return;
  const limit = `limit ${max * (STABLE_PAGE_BYTES / 1024)} KB`;
  const text = 'Exceeded the limit for the number of modified pages in the stable memory';
  throw new HostTrap({ code: 'IC0524', message: `${text} in a single execution: ${limit}.` });
}

function read(x: Execution, move: Move): void {
  inPieces(x, move, (done, length) => {
    const piece = new Uint8Array(length);
    x.stable.read(move.offset + done, piece);
    x.machine.hostWrite(move.address + done, piece);
  });
}

function check32(x: Execution): void {
  if (x.stable.size > PAGES_MAX_32) {
    throw trapped('32 bit stable memory api used on a memory larger than 4GB');
  }
}

function size32(x: Execution): number {
  check32(x);
  return x.stable.size;
}

function grow32(x: Execution, pages: number): number {
  check32(x);
  return x.stable.grow(pages, PAGES_MAX_32);
}

const OLD = { only32: true } as const;
const TYPE_64 = [['i64', 'i64', 'i64'], 'none'] as const;
const TYPE_32 = [['i32', 'i32', 'i32'], 'none'] as const;

export const STABLE_CALLS: readonly Definition[] = [
  define('stable64_size', ANYWHERE, [[], 'i64'], (x) => BigInt(x.stable.size)),
  define('stable64_grow', ANYWHERE, [['i64'], 'i64'], (x, pages) =>
    BigInt(x.stable.grow(small(pages))),
  ),
  define('stable64_write', ANYWHERE, TYPE_64, (x, offset, source, size) =>
    write(x, { offset: small(offset), address: small(source), size: small(size) }),
  ),
  define('stable64_read', ANYWHERE, TYPE_64, (x, target, offset, size) =>
    read(x, { offset: small(offset), address: small(target), size: small(size) }),
  ),

  define('stable_size', ANYWHERE, [[], 'i32'], size32, OLD),
  define('stable_grow', ANYWHERE, [['i32'], 'i32'], grow32, OLD),
  define(
    'stable_write',
    ANYWHERE,
    TYPE_32,
    (x, offset, address, size) => {
      check32(x);
      write(x, { offset, address, size });
    },
    OLD,
  ),
  define(
    'stable_read',
    ANYWHERE,
    TYPE_32,
    (x, address, offset, size) => {
      check32(x);
      read(x, { offset, address, size });
    },
    OLD,
  ),
];
