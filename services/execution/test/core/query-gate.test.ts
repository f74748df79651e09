import { beforeEach, describe, expect, it } from 'vitest';
import { type Fiber, Fibers, until } from '../../src/core/fibers.ts';
import { QueryGate } from '../../src/core/query-gate.ts';

const nothingAbsent = function* (): Fiber {};
const SLOW = 1_000_000_000n;
let applying = false;
let fibers = new Fibers(() => {}, nothingAbsent);
let gate = new QueryGate(
  (signal) => fibers.raise(signal),
  () => applying,
);
let inside: string[] = [];

beforeEach(() => {
  applying = false;
  inside = [];
  fibers = new Fibers(() => {}, nothingAbsent);
  gate = new QueryGate(
    (signal) => fibers.raise(signal),
    () => applying,
  );
});

/** A query of this canister that stays until it is ended. */
function ask(key: string, name: string, instructions = 1_000n): void {
  function* query(): Fiber {
    const isSlow = yield* gate.enter(key);
    inside.push(name);
    yield* until(`end ${name}`);
    inside = inside.filter((other) => other !== name);
    gate.leave(key, isSlow, instructions);
  }
  fibers.start(query());
}
const end = (name: string): void => fibers.raise(`end ${name}`);

describe('the query gate', () => {
  it('lets four of one canister in and sixteen in all, in order', () => {
    for (let index = 0; index < 6; index++) ask('a', `a${index}`);
    expect(inside).toEqual(['a0', 'a1', 'a2', 'a3']);
    for (let index = 0; index < 14; index++) ask(`b${index}`, `b${index}`);
    expect(inside.length).toBe(16);
    expect(inside.at(-1)).toBe('b11');
    end('a1');
    expect(inside.slice(-1)).toEqual(['a4']);
    end('b0');
    expect(inside.slice(-1)).toEqual(['b12']);
    end('b1');
    expect(inside.slice(-1)).toEqual(['b13']);
  });

  it('runs one slow query at a time, never while a batch is applied, and others beside it', () => {
    for (const key of ['a', 'b']) {
      ask(key, `${key} first`, SLOW);
      end(`${key} first`);
      expect(gate.isSlow(key)).toBe(true);
    }
    ask('a', 'a1', SLOW);
    ask('a', 'a2', SLOW);
    ask('b', 'b1', SLOW);
    ask('c', 'c1');
    expect(inside).toEqual(['a1', 'c1']);
    applying = true;
    end('a1');
    ask('d', 'd1');
    expect(inside).toEqual(['c1', 'd1']);
    applying = false;
    gate.release();
    expect(inside).toEqual(['c1', 'd1', 'a2']);
    end('a2');
    expect(inside).toEqual(['c1', 'd1', 'b1']);
  });

  it('forgives a canister whose queries became cheap, after a while', () => {
    ask('a', 'slow', SLOW);
    end('slow');
    for (let index = 0; index < 40 && gate.isSlow('a'); index++) {
      ask('a', `cheap ${index}`);
      end(`cheap ${index}`);
      if (index === 5) expect(gate.isSlow('a')).toBe(true);
    }
    expect(gate.isSlow('a')).toBe(false);
  });
});
