import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../src/wasm/byte-writer.ts';
import { instrument, parseModule } from '../../src/wasm/index.ts';
import { motoko, wat } from './canisters.ts';
import { IMPORTS } from './system-api.ts';

const COUNTER = `persistent actor { var n = 0; public func inc() : async Nat { n += 1; n } }`;

function problem(bytes: Uint8Array): string {
  const result = parseModule(bytes, IMPORTS);
  if (result.kind === 'valid') return 'valid';
  expect(result.error.code).toBe('IC0505');
  expect(result.error.message).toMatch(/^Canister's Wasm module is not valid: ./);
  return result.error.message.slice("Canister's Wasm module is not valid: ".length);
}

const check = (text: string, expected: string | RegExp): void => {
  const found = problem(wat(`(module ${text})`));
  if (typeof expected === 'string') expect(found).toContain(expected);
  else expect(found).toMatch(expected);
};

/** A module of header and sections, for what no text format writes. */
function binary(...sections: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const out = new ByteWriter();
  out.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  for (const [id, content] of sections) {
    out.byte(id);
    out.unsigned(content.length);
    out.append(Uint8Array.from(content));
  }
  return out.finish();
}

const leb = (value: number): number[] => {
  const out = new ByteWriter();
  out.unsigned(value);
  return [...out.finish()];
};

const custom = (name: string, size = 3): Uint8Array => {
  const bytes = new TextEncoder().encode(name);
  return binary([0, [...leb(bytes.length), ...bytes, ...new Array<number>(size).fill(1)]]);
};

const join = (...modules: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...modules.flatMap((each) => [...each.subarray(8)]),
  ]);

describe('imports', () => {
  test('row 42: an unknown or mistyped ic0 import is refused', () => {
    check('(import "ic0" "fly" (func))', "unknown import of 'ic0.fly'");
    check(
      '(import "ic0" "msg_reply" (func (param i32)))',
      "import of 'ic0.msg_reply' has the wrong type",
    );
    check('(import "ic0" "msg_arg_data_size" (func (result i64)))', 'wrong type');
    check('(import "ic0" "msg_arg_data_size" (func (result i32)))', 'valid');
    check('(import "ic0" "msg_arg_data_size" (func (result i32))) (memory i64 1)', 'wrong type');
    check('(import "ic0" "msg_arg_data_size" (func (result i64))) (memory i64 1)', 'valid');
    check('(import "env" "x" (func))', 'only ic0 can be imported');
    check('(import "ic0" "x" (memory 1))', 'only functions can be imported');
    check('(import "ic0" "x" (global i32))', 'only functions can be imported');
  });

  test('functions for 32-bit memories are refused on 64-bit ones', () => {
    const table = new Map([['old', { params: [], results: ['i64'] as const, only32: true }]]);
    const parse = (memory: string): string =>
      parseModule(wat(`(module (import "ic0" "old" (func (result i64))) ${memory})`), table).kind;
    expect(parse('(memory 1)')).toBe('valid');
    expect(parse('')).toBe('valid');
    expect(parse('(memory i64 1)')).toBe('invalid');
  });
});

describe('exports', () => {
  test('row 85: method kinds are unique, names reserved, types empty', () => {
    const f = '(func $f)';
    check(
      `${f} (export "canister_update a" (func $f)) (export "canister_query a" (func $f))`,
      "method 'a' is exported more than once",
    );
    check(
      `${f} (export "canister_query a" (func $f)) (export "canister_composite_query a" (func $f))`,
      'more than once',
    );
    check(`${f} (export "canister_foo" (func $f))`, "begins with 'canister_' but is not reserved");
    check(`${f} (export "canister_update" (func $f))`, 'not reserved');
    check(`${f} (export "canister_update  a" (func $f))`, 'more than one space');
    check('(memory 1) (export "canister_init" (memory 0))', 'must be a function');
    check('(func $g (param i32)) (export "canister_init" (func $g))', 'must take no parameters');
    check(
      '(func $g (result i32) (i32.const 1)) (export "canister_update q" (func $g))',
      'return nothing',
    );
    check('(func $s (param i32)) (start $s)', /start function has a bad type|type error/);
    check(
      `${f} (export "canister_heartbeat" (func $f)) (export "canister_update a b" (func $f)) (export "x" (func $f))`,
      'valid',
    );
  });

  test('methods are listed by kind', () => {
    const result = parseModule(
      wat(`(module (func $f) (export "canister_update b" (func $f))
      (export "canister_query c" (func $f)) (export "canister_composite_query d" (func $f))
      (export "canister_global_timer" (func $f)) (start $f) (memory i64 3 9) (global (mut f32) (f32.const 1)))`),
      IMPORTS,
    );
    expect(result).toMatchObject({
      kind: 'valid',
      module: {
        info: {
          updates: ['b'],
          queries: ['c'],
          compositeQueries: ['d'],
          systemMethods: ['canister_global_timer'],
          hasStart: true,
          memory: { is64: true, pagesMin: 3, pagesMax: 9 },
          globals: [{ type: 'f32', mutable: true }],
          tableIs64: undefined,
        },
      },
    });
  });

  test('row 85: at most 1,000 methods and 20,000 bytes of names', () => {
    const methods = (count: number, width: number): string =>
      `(func $f)${Array.from(
        { length: count },
        (_, index) => `(export "canister_query ${String(index).padStart(width, '0')}" (func $f))`,
      ).join('')}`;
    check(methods(1_000, 4), 'valid');
    check(methods(1_001, 4), 'more than 1000 exported methods');
    check(methods(900, 23), 'exceed 20000 bytes');
  });
});

describe('custom sections', () => {
  test('row 84: icp sections are public or private, unique, and bounded', () => {
    const info = parseModule(
      join(custom('icp:public a'), custom('icp:private b c'), custom('name')),
      IMPORTS,
    );
    expect(info).toMatchObject({
      kind: 'valid',
      module: {
        info: {
          customSections: [
            { visibility: 'public', name: 'a', content: Uint8Array.of(1, 1, 1) },
            { visibility: 'private', name: 'b c' },
          ],
        },
      },
    });
    expect(problem(custom('icp:secret a'))).toContain('must be icp:public or icp:private');
    expect(problem(custom('icp:public'))).toContain('must be icp:public or icp:private');
    expect(problem(join(custom('icp:public a'), custom('icp:private a')))).toContain(
      'more than once',
    );
    expect(problem(custom('icp:public big', 1_100_000))).toContain('exceed 1048576 bytes');
    const many = Array.from({ length: 17 }, (_, index) => custom(`icp:public s${index}`));
    expect(problem(join(...many))).toContain('more than 16');
    expect(problem(join(...many.slice(1)))).toBe('valid');
  });
});

describe('instructions and types', () => {
  const body = (code: string, expected: string): void =>
    check(`(memory 1) (table 1 funcref) (func (local i32 i64 f32 f64 v128) ${code})`, expected);

  test('bulk memory, references, SIMD, multi-value, sign extension, saturation are allowed', () => {
    body('(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))', 'valid');
    body('(table.set (i32.const 0) (ref.null func))', 'valid');
    body('(drop (i8x16.popcnt (v128.load (i32.const 0))))', 'valid');
    body('(drop (i32.trunc_sat_f32_s (i32.extend8_s (i32.const 1)) (f32.convert_i32_s)))', 'valid');
    body('(block (result i32 i32) (i32.const 1) (i32.const 2)) drop drop', 'valid');
    body('(drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 3)))', 'valid');
  });

  test('exceptions, threads, tail calls, relaxed SIMD, shared and second memories are refused', () => {
    check('(tag $e) (func (throw $e))', /not allowed/);
    check('(memory 1) (func (drop (i32.atomic.load (i32.const 0))))', 'not allowed');
    check('(func $f) (func (return_call $f))', 'not allowed');
    check(
      '(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))',
      'not allowed',
    );
    check('(memory 1 2 shared)', 'shared');
    check('(memory 1) (memory 1)', 'too many memories');
  });

  test('type errors are found', () => {
    expect(
      problem(
        binary([1, [1, 0x60, 0, 0]], [3, [1, 0]], [10, [1, 6, 0, 0x41, 1, 0x44, 0x6a, 0x0b]]),
      ),
    ).not.toBe('valid');
    // (func (drop (i32.add (i64.const 0) (i32.const 0))))
    expect(
      problem(
        binary(
          [1, [1, 0x60, 0, 0]],
          [3, [1, 0]],
          [10, [1, 8, 0, 0x42, 0, 0x41, 0, 0x6a, 0x1a, 0x0b]],
        ),
      ),
    ).toContain('type error');
    expect(
      problem(binary([1, [1, 0x60, 0, 0]], [3, [1, 0]], [10, [1, 3, 0, 0x1a, 0x0b]])),
    ).toContain('operand stack underflow');
  });
});

describe('hostile modules', () => {
  test('limits of functions, globals, locals, code, and huge counts', () => {
    check('(global i32 (i32.const 0))'.repeat(1_001), 'too many globals: 1001');
    const functions = (count: number): Uint8Array =>
      binary(
        [1, [1, 0x60, 0, 0]],
        [3, [...leb(count), ...new Array<number>(count).fill(0)]],
        [10, [...leb(count), ...new Array<number[]>(count).fill([2, 0, 0x0b]).flat()]],
      );
    expect(problem(functions(50_000))).toBe('valid');
    expect(problem(functions(50_001))).toContain('too many functions: 50001');
    for (const id of [1, 2, 3, 4, 5, 6, 7, 9, 10, 11]) {
      expect(problem(binary([id, [0xff, 0xff, 0xff, 0xff, 0x0f]])), `section ${id}`).toMatch(
        /too many|unexpected|function/,
      );
    }
    const big = (bytes: number, fill: number): Uint8Array => {
      const code = new Uint8Array(bytes).fill(fill);
      const size = leb(code.length + 2);
      return binary([1, [1, 0x60, 0, 0]], [3, [1, 0]], [10, [1, ...size, 0, ...code, 0x0b]]);
    };
    expect(problem(big(1_000_001, 1))).toContain('more than 1000000 instructions');
    const locals = [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b];
    expect(
      problem(binary([1, [1, 0x60, 0, 0]], [3, [1, 0]], [10, [1, locals.length, ...locals]])),
    ).toContain('more than 50000 locals');
    expect(problem(wat('(module (memory 65537))'))).not.toBe('valid');
  });

  test('a code section above 10 MiB is refused, and so is a module above 100 MiB', () => {
    const start = Date.now();
    const code = new Uint8Array(10 * 2 ** 20 + 20);
    const module = new ByteWriter();
    module.append(binary([1, [1, 0x60, 0, 0]], [3, [1, 0]]));
    module.byte(10);
    module.unsigned(code.length);
    module.append(code);
    expect(problem(module.finish())).toContain('code section exceeds');
    expect(problem(new Uint8Array(100 * 2 ** 20 + 1))).toContain('exceeds 104857600 bytes');
    const garbage = new Uint8Array(100 * 2 ** 20).fill(0xa7);
    expect(problem(garbage)).toContain('not a WebAssembly module');
    garbage.set(wat('(module)'));
    expect(problem(garbage)).not.toBe('valid');
    expect(Date.now() - start).toBeLessThan(5_000);
  });

  test('truncations and mutations of a Motoko module end in a value, soon', {
    timeout: 60_000,
  }, () => {
    const bytes = motoko(COUNTER);
    let seed = 1;
    const below = (end: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * end);
    };
    for (let index = 0; index < 30; index++) {
      expect(problem(bytes.slice(0, below(bytes.length)))).not.toBe('valid');
    }
    let survivors = 0;
    let slowest = 0;
    for (let index = 0; index < 120; index++) {
      const mutant = bytes.slice();
      for (let change = 0; change <= below(4); change++) mutant[below(mutant.length)] = below(256);
      const start = performance.now();
      const result = parseModule(mutant, IMPORTS);
      slowest = Math.max(slowest, performance.now() - start);
      if (result.kind === 'invalid') continue;
      survivors++;
      // What passes must also pass the engine once rewritten.
      expect(WebAssembly.validate(instrument(mutant, result.module))).toBe(true);
    }
    expect(survivors).toBeGreaterThan(0);
    expect(slowest).toBeLessThan(2_000);
  });
});
