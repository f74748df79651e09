/** Compute-heavy kernels of other toolchains: AssemblyScript (names begin with `k_`) and plain WAT. */
export const ASSEMBLY_KERNELS = [
  'fib',
  'sieve',
  'matrix',
  'mandelbrot',
  'sha256',
  'quicksort',
  'crc',
  'strings',
  'life',
  'queens',
] as const;

export const ASSEMBLY_SOURCE = `
let sink: i64 = 0;

function fibonacci(n: i32): i32 { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
export function k_fib(): void { sink += fibonacci(25); }

const flags = new StaticArray<u8>(200000);
export function k_sieve(): void {
  let size = 200000, count = 0;
  for (let i = 0; i < size; i++) flags[i] = 1;
  for (let i = 2; i < size; i++) {
    if (flags[i]) { count++; for (let j = i + i; j < size; j += i) flags[j] = 0; }
  }
  sink += count;
}

const N = 64;
const ma = new StaticArray<f64>(N * N), mb = new StaticArray<f64>(N * N), mc = new StaticArray<f64>(N * N);
export function k_matrix(): void {
  for (let i = 0; i < N * N; i++) { ma[i] = <f64>(i % 17); mb[i] = <f64>(i % 13); }
  for (let i = 0; i < N; i++) for (let j = 0; j < N; j++) {
    let s = 0.0;
    for (let k = 0; k < N; k++) s += ma[i * N + k] * mb[k * N + j];
    mc[i * N + j] = s;
  }
  sink += <i64>mc[N + 1];
}

export function k_mandelbrot(): void {
  let total = 0;
  for (let py = 0; py < 64; py++) for (let px = 0; px < 64; px++) {
    let x0 = <f64>px / 32.0 - 1.5, y0 = <f64>py / 32.0 - 1.0, x = 0.0, y = 0.0, n = 0;
    while (x * x + y * y <= 4.0 && n < 80) { let t = x * x - y * y + x0; y = 2.0 * x * y + y0; x = t; n++; }
    total += n;
  }
  sink += total;
}

const K = new StaticArray<u32>(64), W = new StaticArray<u32>(64), H = new StaticArray<u32>(8);
export function k_sha256(): void {
  for (let i = 0; i < 64; i++) K[i] = 0x428a2f98 ^ (i * 0x9e3779b9);
  for (let i = 0; i < 8; i++) H[i] = 0x6a09e667 + i;
  for (let block = 0; block < 400; block++) {
    for (let i = 0; i < 16; i++) W[i] = block * i;
    for (let i = 16; i < 64; i++) {
      let a = W[i - 15], b = W[i - 2];
      let s0 = rotr(a, 7) ^ rotr(a, 18) ^ (a >> 3), s1 = rotr(b, 17) ^ rotr(b, 19) ^ (b >> 10);
      W[i] = W[i - 16] + s0 + W[i - 7] + s1;
    }
    let a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
    for (let i = 0; i < 64; i++) {
      let t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i];
      let t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
    }
    H[0] += a; H[1] += b; H[2] += c; H[3] += d; H[4] += e; H[5] += f; H[6] += g; H[7] += h;
  }
  sink += H[0];
}

const data = new StaticArray<i32>(10000);
function swap(i: i32, j: i32): void { let t = data[i]; data[i] = data[j]; data[j] = t; }
function quick(low: i32, high: i32): void {
  if (low >= high) return;
  let pivot = data[(low + high) >> 1], i = low, j = high;
  while (i <= j) {
    while (data[i] < pivot) i++;
    while (data[j] > pivot) j--;
    if (i <= j) { swap(i, j); i++; j--; }
  }
  quick(low, j); quick(i, high);
}
export function k_quicksort(): void {
  let x: u32 = 1;
  for (let i = 0; i < 10000; i++) { x = x * 1664525 + 1013904223; data[i] = <i32>(x >> 8); }
  quick(0, 9999);
  sink += data[5000];
}

const table = new StaticArray<u32>(256);
export function k_crc(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let c = i;
    for (let j = 0; j < 8; j++) c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  let crc: u32 = 0xffffffff;
  for (let i: u32 = 0; i < 200000; i++) crc = table[(crc ^ i) & 0xff] ^ (crc >> 8);
  sink += crc;
}

export function k_strings(): void {
  let map = new Map<string, i32>();
  for (let i = 0; i < 1500; i++) {
    let key = "key" + (i % 300).toString();
    map.set(key, (map.has(key) ? map.get(key) : 0) + i);
  }
  sink += map.get("key7");
}

const G = 96;
let now = new StaticArray<u8>(G * G), next = new StaticArray<u8>(G * G);
export function k_life(): void {
  for (let i = 0; i < G * G; i++) now[i] = <u8>((i * 7919) % 3 == 0);
  for (let generation = 0; generation < 12; generation++) {
    for (let y = 1; y < G - 1; y++) for (let x = 1; x < G - 1; x++) {
      let p = y * G + x;
      let n = now[p - G - 1] + now[p - G] + now[p - G + 1] + now[p - 1] + now[p + 1] + now[p + G - 1] + now[p + G] + now[p + G + 1];
      next[p] = <u8>(n == 3 || (n == 2 && now[p] == 1));
    }
    let t = now; now = next; next = t;
  }
  sink += now[G + 5];
}

function place(all: i32, columns: i32, left: i32, right: i32): i32 {
  if (columns == all) return 1;
  let count = 0, free = all & ~(columns | left | right);
  while (free) { let bit = free & -free; free ^= bit; count += place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1); }
  return count;
}
export function k_queens(): void { sink += place(511, 0, 0, 0); }
`;

/** Written by hand: 64-bit memory, SIMD, bulk operations, indirect calls. */
export const WAT_KERNELS = ['collatz', 'prefixSums', 'vectors', 'dispatch'] as const;

export const WAT_SOURCE = `(module
  (memory i64 20)
  (type $step (func (param i64) (result i64)))
  (table 4 funcref)
  (elem (i32.const 0) $a $b $c $d)
  (global $sink (mut i64) (i64.const 0))
  (func $a (param i64) (result i64) (i64.add (local.get 0) (i64.const 3)))
  (func $b (param i64) (result i64) (i64.mul (local.get 0) (i64.const 5)))
  (func $c (param i64) (result i64) (i64.xor (local.get 0) (i64.const 0x5555)))
  (func $d (param i64) (result i64) (i64.rotl (local.get 0) (i64.const 7)))

  (func (export "canister_update collatz") (local $n i64) (local $x i64) (local $steps i64)
    (loop $each
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (local.set $x (local.get $n))
      (block $done (loop $next
        (br_if $done (i64.le_u (local.get $x) (i64.const 1)))
        (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
        (if (i64.eqz (i64.and (local.get $x) (i64.const 1)))
          (then (local.set $x (i64.shr_u (local.get $x) (i64.const 1))))
          (else (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1)))))
        (br $next)))
      (br_if $each (i64.lt_u (local.get $n) (i64.const 8000))))
    (global.set $sink (local.get $steps)))

  (func (export "canister_update prefixSums") (local $p i64) (local $sum i64) (local $round i32)
    (loop $rounds
      (local.set $p (i64.const 8))
      (local.set $sum (i64.const 1))
      (loop $next
        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load (local.get $p))))
        (local.set $sum (i64.xor (local.get $sum) (i64.shr_u (local.get $sum) (i64.const 17))))
        (i64.store (local.get $p) (local.get $sum))
        (local.set $p (i64.add (local.get $p) (i64.const 8)))
        (br_if $next (i64.lt_u (local.get $p) (i64.const 400000))))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $rounds (i32.lt_u (local.get $round) (i32.const 8)))))

  (func (export "canister_update vectors") (local $p i64) (local $v v128) (local $round i32)
    (memory.fill (i64.const 0) (i32.const 1) (i64.const 65536))
    (loop $rounds
      (local.set $p (i64.const 0))
      (loop $next
        (local.set $v (f32x4.mul (f32x4.convert_i32x4_s (v128.load (local.get $p))) (f32x4.splat (f32.const 0.99))))
        (v128.store offset=65536 (local.get $p) (f32x4.add (local.get $v) (f32x4.splat (f32.const 1))))
        (local.set $p (i64.add (local.get $p) (i64.const 16)))
        (br_if $next (i64.lt_u (local.get $p) (i64.const 65536))))
      (memory.copy (i64.const 0) (i64.const 65536) (i64.const 32768))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $rounds (i32.lt_u (local.get $round) (i32.const 40)))))

  (func (export "canister_update dispatch") (local $i i32) (local $x i64)
    (loop $next
      (local.set $x (call_indirect (type $step) (local.get $x) (i32.and (local.get $i) (i32.const 3))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 200000))))
    (global.set $sink (local.get $x)))
)`;
