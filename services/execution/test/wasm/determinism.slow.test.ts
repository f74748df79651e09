import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { assembly } from '../../bench/assembly.ts';
import { ASSEMBLY_SOURCE, WAT_SOURCE } from '../../bench/assembly-kernels.ts';
import { MOTOKO_SOURCE } from '../../bench/motoko-kernels.ts';
import { motoko, wat } from './canisters.ts';

const folder = mkdtempSync(join(tmpdir(), 'determinism-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every float instruction on every pair of odd values, NaNs with payloads among them. */
function floats(): string {
  const f64 = [
    '0x7ff0000000000123',
    '0xfff8000000000456',
    '0x8000000000000000',
    '0x7fefffffffffffff',
    '0x1',
    '0x4059000000000000',
  ];
  const f32 = ['0x7f800123', '0xffc00456', '0x80000000', '0x7f7fffff', '0x1', '0x42c80000'];
  const lines: string[] = [];
  let at = 0;
  const put = (type: 'i32' | 'i64', code: string): void => {
    lines.push(`(${type}.store offset=${at} (i32.const 0) ${code})`);
    at += 8;
  };
  const cases = [
    ['f32', 'i32', f32],
    ['f64', 'i64', f64],
  ] as const;
  for (const [type, int, values] of cases) {
    const value = (bits: string): string =>
      `(${type}.reinterpret_${int} (${int}.add (${int}.const ${bits}) (local.get $z${type})))`;
    for (const left of values) {
      for (const name of ['sqrt', 'ceil', 'floor', 'trunc', 'nearest', 'abs', 'neg']) {
        put(int, `(${int}.reinterpret_${type} (${type}.${name} ${value(left)}))`);
      }
      for (const right of values) {
        for (const name of ['add', 'sub', 'mul', 'div', 'min', 'max', 'copysign']) {
          put(int, `(${int}.reinterpret_${type} (${type}.${name} ${value(left)} ${value(right)}))`);
        }
        const vector = type === 'f32' ? 'f32x4' : 'f64x2';
        const lane = type === 'f32' ? 'i32x4' : 'i64x2';
        for (const name of ['add', 'sub', 'mul', 'div', 'min', 'max', 'pmin', 'pmax']) {
          put(
            int,
            `(${lane}.extract_lane 1 (${vector}.${name} (${vector}.splat ${value(left)}) (${vector}.splat ${value(right)})))`,
          );
        }
      }
    }
  }
  for (const bits of f64)
    put('i32', `(i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (i64.const ${bits}))))`);
  for (const bits of f32)
    put('i64', `(i64.reinterpret_f64 (f64.promote_f32 (f32.reinterpret_i32 (i32.const ${bits}))))`);
  return `(module (memory 2) (func $once (param $zf32 i32) (param $zf64 i64) ${lines.join('\n')})
    (func (export "canister_update floats") (local $i i32)
      (loop (call $once (i32.const 0) (i64.const 0)) (br_if 0
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))))`;
}

test('results, counts, traps, pages and globals are the same in all code-generation modes', {
  timeout: 300_000,
}, async () => {
  const files = Object.entries({
    motoko: motoko(MOTOKO_SOURCE),
    assembly: await assembly(ASSEMBLY_SOURCE),
    wat: wat(WAT_SOURCE),
    floats: wat(floats()),
  }).map(([name, bytes]) => {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    return file;
  });
  const script = fileURLToPath(new URL('./digest.ts', import.meta.url));
  const digest = (...flags: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(process.execPath, [...flags, script, ...files], (error, stdout) => {
        if (error === null) resolve(stdout.trim());
        else reject(error);
      });
    });
  const expected = await digest();
  expect(expected).toMatch(/^[0-9a-f]{64}$/);
  for (const flags of [
    ['--liftoff-only'],
    ['--no-liftoff'],
    ['--no-wasm-inlining'],
    ['--wasm-tiering-budget=1000'],
    ['--experimental-wasm-branch-hinting', '--no-liftoff'],
    ['--wasm-enforce-bounds-checks'],
  ]) {
    expect(await digest(...flags), flags.join(' ')).toBe(expected);
  }
});
