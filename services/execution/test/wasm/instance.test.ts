import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  HostTrap,
  InfrastructureFault,
  Instance,
  instrument,
  MetaMemory,
  type RunResult,
} from '../../src/wasm/index.ts';
import { type Canister, canister, installed, motoko, parsed, wat } from './canisters.ts';

const update = (body: string, rest = '(memory 1)'): Canister =>
  installed(wat(`(module ${rest} (func (export "canister_update m") ${body}))`));

const trapOf = (made: Canister, instructions?: number): string => {
  const result = made.run('canister_update m', instructions);
  made.instance.rollback();
  return result.kind === 'trapped' ? `${result.trap.code} ${result.trap.message}` : 'returned';
};

const counterOf = (made: Canister): bigint =>
  new DataView(made.instance.collectDirty().globals.buffer).getBigInt64(0, true);

describe('modules', () => {
  test('row 39: 64-bit memory and 64-bit table instantiate, and callbacks find their function', () => {
    const made = installed(
      wat(`(module (memory i64 1) (table i64 3 3 funcref)
      (elem (i64.const 1) $back) (global $g (mut i64) (i64.const 0))
      (func $back (param i64) (global.set $g (local.get 0)))
      (func (export "canister_update m") (call_indirect (param i64) (i64.const 9) (i64.const 1))))`),
    );
    expect(made.run('canister_update m').kind).toBe('returned');
    made.instance.commit();
    expect(counterOf(made)).toBe(9n);
    const env = 2n ** 63n - 5n;
    expect(made.run({ kind: 'callback', index: 1n, env }).kind).toBe('returned');
    made.instance.commit();
    expect(counterOf(made)).toBe(env);
    for (const index of [0n, 2n, 3n, 2n ** 33n + 1n]) {
      const result = made.run({ kind: 'callback', index, env });
      expect(result).toMatchObject({ kind: 'trapped', trap: { code: 'IC0502' } });
      made.instance.rollback();
    }
  });

  test('callbacks of 32-bit modules take the low half of the environment, never another function', () => {
    const made = installed(
      wat(`(module (memory 1) (table 2 2 funcref) (elem (i32.const 0) $back $other)
      (global $g (mut i64) (i64.const 0)) (func $other)
      (func $back (param i32) (global.set $g (i64.extend_i32_u (local.get 0)))))`),
    );
    expect(made.run({ kind: 'callback', index: 0n, env: 0xffff_fff0n }).kind).toBe('returned');
    made.instance.commit();
    expect(counterOf(made)).toBe(0xffff_fff0n);
    for (const index of [1n, 2n, 2n ** 32n]) {
      expect(made.run({ kind: 'callback', index, env: 1n }).kind).toBe('trapped');
      made.instance.rollback();
    }
    const bare = installed(wat('(module (memory 1))'));
    expect(bare.run({ kind: 'callback', index: 0n, env: 0n })).toMatchObject({ kind: 'trapped' });
    bare.instance.rollback();
  });

  test('row 40: passive and active data, data count, bulk memory', () => {
    const made = installed(
      wat(`(module (memory 1) (data (i32.const 4090) "active data")
      (data $p "passive") (global $g (mut i64) (i64.const 0))
      (func (export "canister_update m")
        (memory.init $p (i32.const 8000) (i32.const 0) (i32.const 7))
        (memory.copy (i32.const 9000) (i32.const 8000) (i32.const 7))
        (memory.fill (i32.const 9002) (i32.const 65) (i32.const 2)) (data.drop $p)))`),
    );
    const pages = (): number[] => made.instance.collectDirty().pages.map(({ index }) => index);
    expect(pages()).toEqual([0, 1]);
    const text = (at: number, size: number): string =>
      new TextDecoder().decode(made.instance.hostRead(at, size));
    expect(text(4_090, 11)).toBe('active data');
    // Twice: dropped segments are back in the next message.
    for (let round = 0; round < 2; round++) {
      expect(made.run('canister_update m').kind).toBe('returned');
      made.instance.commit();
      expect(text(9_000, 7)).toBe('paAAive');
      expect(pages()).toEqual([1, 2]);
    }
    expect(text(4_090, 11)).toBe('active data');
  });

  test('data or elements out of bounds fail the installation', () => {
    const create = (text: string): string => {
      const bytes = wat(text);
      const module = parsed(bytes);
      const meta = new MetaMemory();
      const options = {
        module: new WebAssembly.Module(instrument(bytes, module)),
        info: module.info,
        functions: {},
        meta,
      };
      const created = Instance.create(options, { kind: 'install', bytes });
      expect(meta.owner).toBeUndefined();
      return created.kind === 'trapped' ? created.trap.message : created.kind;
    };
    expect(create('(module (memory 1) (data (i32.const 65530) "too long"))')).toContain(
      'data segment',
    );
    expect(create('(module (memory i64 1) (data (i64.const -1) "x"))')).toContain('data segment');
    expect(create('(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))')).toContain(
      'table out of bounds',
    );
  });

  test('a Motoko counter counts, and keeps counting from its image', () => {
    const bytes = motoko(
      'persistent actor { var n = 0; public func inc() : async Nat { n += 1; n } }',
    );
    const made = installed(bytes);
    const pages = new Map<number, Uint8Array>();
    const step = (each: Canister): { used: RunResult; reply: string } => {
      const used = each.run('canister_update inc');
      const reply = Buffer.from(each.host.reply).toString('hex');
      each.instance.commit();
      return { used, reply };
    };
    for (let round = 1; round <= 3; round++)
      expect(step(made).reply).toBe(`4449444c00017d0${round}`);
    const changes = made.instance.collectDirty();
    for (const page of changes.pages) pages.set(page.index, page.bytes);
    const image = {
      ...changes,
      pages: [...pages].map(([index, content]) => ({ index, bytes: content })),
    };
    const twin = canister(bytes, { kind: 'restore', image });
    expect(step(twin)).toEqual(step(made));
    expect(twin.instance.collectDirty()).toEqual(made.instance.collectDirty());
  });
});

describe('limits', () => {
  test('row 52: a runaway loop stops with IC0522, however it loops', () => {
    const text =
      'IC0522 Canister exceeded the limit of 1000000 instructions for single message execution.';
    const loops = [
      '(loop (br 0))',
      '(loop (br_if 0 (i32.const 1)))',
      '(local i64) (loop (local.set 0 (i64.const 1)) (br 0))',
      '(loop (call $f) (br 0))',
      '(loop (if (i32.const 0) (then (return))) (br 0))',
      '(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 60000)) (br 0))',
      '(loop (drop (memory.grow (i32.const 0))) (br 0))',
      '(loop (table.fill (i32.const 0) (ref.null func) (i32.const 1000)) (br 0))',
    ];
    for (const loop of loops) {
      const made = installed(
        wat(`(module (memory 1) (table 1000 funcref) (func $f)
        (func (export "canister_update m") ${loop}))`),
      );
      expect(trapOf(made, 1e6), loop).toBe(text);
    }
    const host = update(
      '(loop (call $f) (br 0))',
      '(memory 1) (func $f (param) (call $g)) (func $g)',
    );
    const result = host.run('canister_update m', 1e6);
    expect(result.instructionsUsed).toBe(1e6);
    host.instance.rollback();
  });

  test('row 52: calls that fan out without loops or recursion stop as well', () => {
    const levels = Array.from(
      { length: 60 },
      (_, level) => `(func $f${level} (call $f${level + 1}) (call $f${level + 1}))`,
    ).join('');
    const made = update('(call $f0)', `(memory 1) ${levels} (func $f60)`);
    expect(trapOf(made, 1e6)).toContain('IC0522');
  });

  test('counts are exact: blocks not run are not charged', () => {
    const made = installed(
      wat(`(module (memory 1) (global $g (mut i32) (i32.const 0))
      (func (export "canister_update exit") (block (if (i32.eqz (global.get $g)) (then (br 1)))
        (drop (i32.div_u (i32.const 1) (i32.const 1))) (drop (i32.div_u (i32.const 1) (i32.const 1)))))
      (func (export "canister_update flip") (global.set $g (i32.const 1))))`),
    );
    const used = (name: string): number => {
      const result = made.run(`canister_update ${name}`);
      made.instance.commit();
      return result.instructionsUsed;
    };
    // global.get, eqz, if, br; then without br but with twice two constants, a division, a drop.
    expect(used('exit')).toBe(4);
    used('flip');
    expect(used('exit')).toBe(3 + 2 * 13);
  });

  test('unbounded recursion traps at the same depth, direct or through the table', {
    timeout: 30_000,
  }, async () => {
    const text = `(module (memory 1) (table 1 funcref) (elem (i32.const 0) $g) (global $n (mut i64) (i64.const 0))
      (func $f (param i64) (result i64) (i64.add (i64.const 1) (call $f (i64.add (local.get 0) (i64.const 1)))))
      (func $g (param i64) (local i64 i64 i64) (call_indirect (param i64) (local.get 0) (i32.const 0)))
      (func $a (call $b)) (func $b (call $c)) (func $c (call $a))
      (func (export "canister_update direct") (drop (call $f (i64.const 0))))
      (func (export "canister_update table") (call $g (i64.const 0)))
      (func (export "canister_update ring") (call $a)))`;
    for (const name of ['direct', 'table', 'ring']) {
      const worker = new Worker(new URL('./deep-worker.ts', import.meta.url), {
        workerData: { bytes: wat(text), method: `canister_update ${name}` },
        resourceLimits: { stackSizeMb: 64 },
      });
      const [first, second] = await new Promise<RunResult[]>((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });
      expect(first).toMatchObject({
        kind: 'trapped',
        trap: { code: 'IC0502', message: 'Canister trapped: stack overflow' },
      });
      expect(second).toEqual(first);
      await worker.terminate();
    }
  });

  test('a native stack overflow is a fault of the machine, never a result', () => {
    const made = update('(call $f)', '(memory 1) (func $f (call $f))');
    expect(() => made.run('canister_update m')).toThrow(InfrastructureFault);
  });

  test('row 98: growth beyond the cap answers -1, beyond wasm_memory_limit traps', () => {
    const bomb = update(
      '(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))',
      '(memory 1 100)',
    );
    expect(bomb.run('canister_update m').kind).toBe('returned');
    expect(bomb.instance.memoryPages).toBe(97);
    bomb.instance.rollback();
    expect(bomb.instance.memoryPages).toBe(1);
    const grow = (limits: object, delta = 10): [string, number] => {
      const made = installed(
        wat(`(module (memory i64 1) (global $g (mut i64) (i64.const 0))
        (func (export "canister_update m") (global.set $g (memory.grow (i64.const ${delta})))))`),
      );
      const result = made.instance.run(
        { kind: 'export', name: 'canister_update m' },
        { instructions: 1e9, ...limits },
      );
      if (result.kind === 'trapped')
        return [`${result.trap.code} ${result.trap.message}`, made.instance.memoryPages];
      made.instance.commit();
      return [String(counterOf(made)), made.instance.memoryPages];
    };
    expect(grow({})).toEqual(['1', 11]);
    expect(grow({ memoryPagesMax: 10 })).toEqual(['-1', 1]);
    expect(grow({ wasmMemoryLimitBytes: 11 * 65_536 })).toEqual(['1', 11]);
    expect(grow({ wasmMemoryLimitBytes: 11 * 65_536 - 1 })).toEqual([
      'IC0539 Canister exceeded its current Wasm memory limit of 720895 bytes.',
      1,
    ]);
    expect(grow({ wasmMemoryLimitBytes: 1 }, 0)).toEqual(['1', 1]);
    expect(grow({}, 98_304)).toEqual(['-1', 1]);
    expect(grow({}, -1)).toEqual(['-1', 1]);
  });
});

describe('traps', () => {
  test.each([
    ['unreachable', 'unreachable'],
    ['(drop (i32.div_u (i32.const 1) (i32.const 0)))', 'integer divide by 0'],
    ['(drop (i64.rem_s (i64.const 1) (i64.const 0)))', 'integer divide by 0'],
    ['(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))', 'integer overflow'],
    ['(drop (i32.trunc_f64_s (f64.const nan)))', 'bad conversion to integer'],
    ['(drop (i32.load (i32.const 65533)))', 'heap out of bounds'],
    ['(i64.store offset=0xffffffff (i32.const 1) (i64.const 0))', 'heap out of bounds'],
    ['(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000))', 'heap out of bounds'],
    ['(memory.copy (i32.const 0) (i32.const -5) (i32.const 10))', 'heap out of bounds'],
    ['(call_indirect (i32.const 7))', 'table out of bounds'],
    ['(call_indirect (i32.const 0))', 'indirect call to null or with a bad signature'],
    ['(drop (table.get (i32.const 7)))', 'table out of bounds'],
    ['(table.fill (i32.const 7) (ref.null func) (i32.const 2))', 'table out of bounds'],
    ['(table.init 0 (i32.const 0) (i32.const 1) (i32.const 2))', 'table out of bounds'],
  ])('%s', (body, text) => {
    const made = update(body, '(memory 1) (table 1 funcref) (func $x) (elem func $x)');
    expect(trapOf(made)).toBe(`IC0502 Canister trapped: ${text}`);
  });

  test('what a host function throws becomes the trap, and reads and writes are checked', () => {
    const bytes = wat(`(module (import "ic0" "trap" (func $t (param i32 i32))) (memory 1)
      (data (i32.const 5) "why") (func (export "canister_update m") (call $t (i32.const 5) (i32.const 3)))
      (func (export "canister_update bad") (call $t (i32.const 65535) (i32.const 3))))`);
    const made = installed(bytes);
    expect(trapOf(made)).toBe('IC0503 Canister called `ic0.trap` with message: why');
    expect(made.run('canister_update bad')).toMatchObject({
      trap: { message: 'Canister trapped: heap out of bounds' },
    });
    made.instance.rollback();
    for (const [at, size] of [
      [-1, 1],
      [65_536, 1],
      [0, 65_537],
      [Number.NaN, 1],
    ] as const) {
      expect(() => made.instance.hostRead(at, size)).toThrow(HostTrap);
    }
    expect(() => made.instance.hostWrite(65_535, new Uint8Array(2))).toThrow(HostTrap);
  });
});

describe('tables and globals', () => {
  const switching = `(module (memory 1) (table 1 funcref) (elem (i32.const 0) $one) (elem declare func $two)
    (global $g (mut i64) (i64.const 0)) (global $r (mut funcref) (ref.null func))
    (func $one (global.set $g (i64.const 1))) (func $two (global.set $g (i64.const 2)))
    (func (export "canister_update call") (call_indirect (i32.const 0)))
    (func (export "canister_update set") (table.set (i32.const 0) (ref.func $two)) (call_indirect (i32.const 0)))
    (func (export "canister_update reference") (if (ref.is_null (global.get $r)) (then (global.set $g (i64.const 3))))
      (global.set $r (ref.func $two))))`;

  test('row 44: tables, references and globals are as before after a rollback', () => {
    const made = installed(wat(switching));
    made.run('canister_update call');
    made.instance.commit();
    made.run('canister_update set');
    made.instance.rollback();
    expect(counterOf(made)).toBe(1n);
    made.run('canister_update call');
    made.instance.commit();
    expect(counterOf(made)).toBe(1n);
  });

  test('a changed table lasts one message, so that a restarted node agrees', () => {
    const made = installed(wat(switching));
    made.run('canister_update set');
    made.instance.commit();
    expect(counterOf(made)).toBe(2n);
    made.run('canister_update call');
    made.instance.commit();
    expect(counterOf(made)).toBe(1n);
    for (let round = 0; round < 2; round++) {
      made.run('canister_update reference');
      made.instance.commit();
      expect(counterOf(made)).toBe(3n);
    }
  });

  test('globals of every number type are saved and restored bit by bit', () => {
    const made = installed(
      wat(`(module (memory 1) (global (mut i32) (i32.const -2)) (global i64 (i64.const 4))
      (global (mut f32) (f32.const nan:0x200001)) (global (mut f64) (f64.const -nan:0x4000000000001))
      (global (mut v128) (v128.const i64x2 1 -1)) (global (mut i64) (i64.const 5))
      (func (export "canister_update m") (global.set 0 (i32.const 7)) (global.set 2 (f32.const 1))
        (global.set 3 (f64.const 1)) (global.set 4 (v128.const i64x2 8 8)) (global.set 5 (i64.const 9))))`),
    );
    const before = made.instance.collectDirty().globals;
    const view = new DataView(before.buffer);
    expect([
      view.getUint32(0, true),
      view.getUint32(32, true),
      view.getBigUint64(48, true),
      view.getBigUint64(72, true),
    ]).toEqual([0xffff_fffe, 0x7fa0_0001, 0xfff4_0000_0000_0001n, 2n ** 64n - 1n]);
    made.run('canister_update m');
    made.instance.rollback();
    expect(made.instance.collectDirty().globals).toEqual(before);
    made.run('canister_update m');
    made.instance.commit();
    expect(made.instance.collectDirty().globals).not.toEqual(before);
  });

  test('an upgrade may take over the heap, with new globals', () => {
    const bytes =
      wat(`(module (memory 2) (global $g (mut i64) (i64.const 1)) (func (export "canister_update m")
      (i32.store (i32.const 100) (i32.const 77)) (global.set $g (i64.const 50)) (drop (memory.grow (i32.const 1)))))`);
    const made = installed(bytes);
    made.run('canister_update m');
    made.instance.commit();
    // As `canister_pre_upgrade` would have changed it.
    made.instance.hostWrite(200, Uint8Array.of(5));
    const changes = made.instance.pendingChanges();
    made.instance.rollback();
    const next = canister(bytes, { kind: 'keep', bytes, previous: made.instance, changes });
    expect(next.instance.memoryPages).toBe(3);
    expect(next.instance.hostRead(100, 1)).toEqual(Uint8Array.of(77));
    expect(next.instance.hostRead(200, 1)).toEqual(Uint8Array.of(5));
    const small = wat('(module (memory 1 2))');
    expect(() =>
      canister(small, { kind: 'keep', bytes: small, previous: made.instance, changes }),
    ).toThrow('the kept heap is larger');
    next.instance.commit();
    expect(counterOf(next)).toBe(1n);
  });
});

test('row 52: NaNs have one form, whatever made them', () => {
  const operations = ['f32.add', 'f32.sub', 'f32.mul', 'f32.div', 'f32.min', 'f32.max']
    .map(
      (name) =>
        `(i32.reinterpret_f32 (${name} (f32.reinterpret_i32 (i32.const 0xffa00123)) (f32.const 1)))`,
    )
    .concat(
      ['sqrt', 'ceil', 'floor', 'trunc', 'nearest'].map(
        (name) =>
          `(i32.reinterpret_f32 (f32.${name} (f32.reinterpret_i32 (i32.const 0xffa00123))))`,
      ),
    )
    .concat([
      '(i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (i64.const 0xfff4000000000001))))',
      '(i32x4.extract_lane 2 (f32x4.mul (v128.const i32x4 0 0 0xffa00123 0) (f32x4.splat (f32.const 1))))',
      '(i32.reinterpret_f32 (f32.mul (f32.add (f32.reinterpret_i32 (i32.const 0xffa00123)) (f32.const 1)) (f32.const 2)))',
    ]);
  const stores = operations
    .map((code, at) => `(i32.store offset=${at * 4} (i32.const 0) ${code})`)
    .join('');
  const kept = '(f32.store offset=400 (i32.const 0) (f32.load offset=404 (i32.const 0)))';
  const made = update(`(i32.store offset=404 (i32.const 0) (i32.const 0xffa00123)) ${stores} ${kept}
    (i64.store offset=408 (i32.const 0) (i64.reinterpret_f64 (f64.add (f64.reinterpret_i64 (i64.const 0xfff4000000000001)) (f64.const 0))))
    (i64.store offset=416 (i32.const 0) (i64x2.extract_lane 1 (f64x2.sqrt (f64x2.splat (f64.const -1)))))`);
  made.run('canister_update m');
  const view = new DataView(made.instance.hostRead(0, 424).buffer);
  made.instance.rollback();
  for (let at = 0; at < operations.length; at++) {
    expect(view.getUint32(at * 4, true), operations[at]).toBe(0x7fc0_0000);
  }
  expect(view.getUint32(400, true)).toBe(0xffa0_0123);
  expect(view.getBigUint64(408, true)).toBe(0x7ff8_0000_0000_0000n);
  expect(view.getBigUint64(416, true)).toBe(0x7ff8_0000_0000_0000n);
});
