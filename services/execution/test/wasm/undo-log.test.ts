import { describe, expect, test } from 'vitest';
import type { HeapChanges } from '../../src/wasm/index.ts';
import { type Canister, canister, installed, wat } from './canisters.ts';

/** A small generator of numbers, so that a failure repeats. */
class Numbers {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }
}

const PAGES = 3;
const SIZE = PAGES * 65_536;

/** Runs a script of operations from the argument: each is kind, address, second operand, length. */
function scribbler(is64: boolean): Uint8Array {
  const I = is64 ? 'i64' : 'i32';
  const at = is64 ? '(i64.extend_i32_u (local.get $a))' : '(local.get $a)';
  const second = is64 ? '(i64.extend_i32_u (local.get $b))' : '(local.get $b)';
  const length = is64 ? '(i64.extend_i32_u (local.get $n))' : '(local.get $n)';
  const stores = [
    `(i32.store8 ${at} (local.get $b))`,
    `(i32.store16 offset=3 ${at} (local.get $b))`,
    `(i32.store ${at} (local.get $b))`,
    `(i64.store offset=9 ${at} (i64.extend_i32_u (local.get $b)))`,
    `(f32.store ${at} (f32.convert_i32_u (local.get $b)))`,
    `(f64.store ${at} (f64.convert_i32_u (local.get $b)))`,
    `(v128.store offset=1 ${at} (i32x4.splat (local.get $b)))`,
    `(v128.store16_lane offset=2 3 ${at} (i32x4.splat (local.get $b)))`,
    `(i64.store32 ${at} (i64.extend_i32_u (local.get $b)))`,
    // One local, many offsets: most checks are elided.
    `(local.set $x ${at}) (i32.store offset=200 (local.get $x) (local.get $b))
     (i32.store offset=4 (local.get $x) (local.get $b)) (i64.store offset=250 (local.get $x) (i64.const 7))
     (if (i32.and (local.get $b) (i32.const 1)) (then (i32.store8 offset=0 (local.get $x) (local.get $b)))
       (else (i32.store8 offset=100 (local.get $x) (local.get $b))
         (local.set $x (${I}.add (local.get $x) (${I}.const 4090)))))
     (i32.store offset=130 (local.get $x) (local.get $b))`,
    `(local.set $x ${at}) (i32.store offset=4 (local.get $x) (local.get $b))
     (if (i32.and (local.get $b) (i32.const 1)) (then
       (local.set $x (${I}.add (local.get $x) (${I}.const 4090)))))
     (i32.store offset=12 (local.get $x) (local.get $b))`,
    `(local.set $x ${at}) (i32.store (local.get $x) (local.get $b))
     (i32.store offset=3000 (local.get $x) (local.get $b))`,
    `(memory.fill ${at} (local.get $b) ${length})`,
    `(memory.copy ${at} ${second} ${length})`,
  ];
  const cases = stores
    .map((store, index) => `(if (i32.eq (local.get $k) (i32.const ${index})) (then ${store}))`)
    .join('\n');
  const zero = is64 ? '(i64.const 0)' : '(i32.const 0)';
  return wat(`(module
    (import "ic0" "msg_arg_data_size" (func $size (result ${I})))
    (import "ic0" "msg_arg_data_copy" (func $copy (param ${I} ${I} ${I})))
    (memory ${is64 ? 'i64 ' : ''}${PAGES})
    (global $ran (mut i64) (i64.const 5))
    (func (export "canister_update run")
      (local $p i32) (local $end i32) (local $k i32) (local $a i32) (local $b i32) (local $n i32)
      (local $x ${I})
      (call $copy ${zero} ${zero} (call $size))
      (local.set $end ${is64 ? '(i32.wrap_i64 (call $size))' : '(call $size)'})
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        ${['k', 'a', 'b', 'n']
          .map(
            (name, index) =>
              `(local.set $${name} (i32.load offset=${index * 4} ${
                is64 ? '(i64.extend_i32_u (local.get $p))' : '(local.get $p)'
              }))`,
          )
          .join('\n')}
        ${cases}
        (global.set $ran (i64.add (global.get $ran) (i64.const 1)))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (br $next))))
    (func (export "canister_update grow")
      (i32.store8 (memory.grow (${I}.const 2)) (i32.const 1))
      (memory.fill (${I}.const ${SIZE - 3}) (i32.const 9) (${I}.const 70000))
      (global.set $ran (i64.const -1))
      unreachable)
  )`);
}

const AREA = 4_096;

function script(numbers: Numbers, operations: number): Uint8Array {
  const words = new Uint32Array(operations * 4);
  for (let index = 0; index < operations; index++) {
    // Addresses close to page borders, above the script itself.
    const border = AREA * (2 + numbers.below(SIZE / AREA - 4));
    const near = (): number => border - 280 + numbers.below(320);
    const length = numbers.below(3) === 0 ? numbers.below(9_000) : numbers.below(12);
    words.set(
      [numbers.below(14), near(), near() + numbers.below(5_000) - 2_500, length],
      index * 4,
    );
  }
  return new Uint8Array(words.buffer);
}

const heapOf = ({ instance }: Canister): Uint8Array =>
  instance.hostRead(0, instance.memoryPages * 65_536);

function apply(shadow: Uint8Array, changes: HeapChanges): Uint8Array {
  const size = changes.memoryPages * 65_536;
  const next = new Uint8Array(Math.max(size, shadow.length));
  next.set(shadow);
  for (const { index, bytes } of changes.pages) next.set(bytes, index * 4_096);
  return next;
}

describe.each([false, true])('undo log, memory64 %s', (is64) => {
  test('commits yield every changed page and rollbacks restore every byte and global', () => {
    const made = installed(scribbler(is64));
    const numbers = new Numbers(is64 ? 7 : 42);
    let shadow = apply(new Uint8Array(SIZE), made.instance.collectDirty());
    let globals = made.instance.collectDirty().globals;
    for (let round = 0; round < 600; round++) {
      made.host.argument = script(numbers, 1 + numbers.below(12));
      const result = made.run('canister_update run');
      expect(result).toMatchObject({ kind: 'returned' });
      if (numbers.below(2) === 0) {
        made.instance.rollback();
        expect(Buffer.compare(heapOf(made), shadow)).toBe(0);
        expect(made.instance.collectDirty()).toEqual({ pages: [], globals, memoryPages: PAGES });
        continue;
      }
      made.instance.commit();
      const changes = made.instance.collectDirty();
      shadow = apply(shadow, changes);
      globals = changes.globals;
      expect(Buffer.compare(heapOf(made), shadow)).toBe(0);
    }
  });

  test('row 44: rollback also shrinks a heap that grew, and the canister runs on', () => {
    const made = installed(scribbler(is64));
    const before = heapOf(made);
    const { globals } = made.instance.collectDirty();
    expect(made.run('canister_update grow').kind).toBe('trapped');
    expect(made.instance.memoryPages).toBe(PAGES + 2);
    made.instance.rollback();
    expect(made.instance.memoryPages).toBe(PAGES);
    expect(Buffer.compare(heapOf(made), before)).toBe(0);
    expect(made.instance.collectDirty()).toEqual({ pages: [], globals, memoryPages: PAGES });
    made.host.argument = script(new Numbers(1), 4);
    expect(made.run('canister_update run').kind).toBe('returned');
    made.instance.rollback();
  });

  test('an image of all changes restores an instance that goes on alike', () => {
    const bytes = scribbler(is64);
    const made = installed(bytes);
    const numbers = new Numbers(99);
    const pages = new Map<number, Uint8Array>();
    for (let round = 0; round < 20; round++) {
      made.host.argument = script(numbers, 10);
      made.run('canister_update run');
      made.instance.commit();
      for (const page of made.instance.collectDirty().pages) pages.set(page.index, page.bytes);
    }
    const { globals, memoryPages } = made.instance.collectDirty();
    const image = {
      pages: [...pages].map(([index, content]) => ({ index, bytes: content })),
      globals,
      memoryPages,
    };
    const twin = canister(bytes, { kind: 'restore', image });
    expect(Buffer.compare(heapOf(twin), heapOf(made))).toBe(0);
    const argument = script(numbers, 10);
    const results = [made, twin].map((each) => {
      each.host.argument = argument;
      const result = each.run('canister_update run');
      each.instance.commit();
      return { result, changes: each.instance.collectDirty() };
    });
    expect(results[1]).toEqual(results[0]);
  });

  test('pending changes can be set aside and applied again', () => {
    const made = installed(scribbler(is64));
    made.host.argument = script(new Numbers(5), 30);
    made.run('canister_update run');
    const after = heapOf(made);
    const changes = made.instance.pendingChanges();
    made.instance.rollback();
    expect(Buffer.compare(heapOf(made), after)).not.toBe(0);
    made.instance.applyChanges(changes);
    expect(Buffer.compare(heapOf(made), after)).toBe(0);
    expect(made.instance.pendingChanges()).toEqual(changes);
    made.instance.rollback();
  });
});
