/** Compute-heavy Motoko: one actor, one update method per kernel. */
export const MOTOKO_KERNELS = [
  'fib',
  'sieve',
  'bigNumbers',
  'sort',
  'lists',
  'nbody',
  'matrix',
  'text',
  'tree',
  'closures',
  'hash',
  'blobs',
] as const;

export const MOTOKO_SOURCE = `
import Prim "mo:prim";
persistent actor {
  type List = ?(Nat, List);
  type Tree = { #leaf; #node : (Tree, Nat, Tree) };

  func fibonacci(n : Nat) : Nat { if (n < 2) n else fibonacci(n - 1) + fibonacci(n - 2) };
  public func fib() : async Nat { fibonacci(24) };

  public func sieve() : async Nat {
    let size = 40_000;
    let flags = Prim.Array_init<Bool>(size, true);
    var count = 0;
    var i = 2;
    while (i < size) {
      if (flags[i]) {
        count += 1;
        var j = i + i;
        while (j < size) { flags[j] := false; j += i };
      };
      i += 1;
    };
    count
  };

  public func bigNumbers() : async Nat {
    var product = 1;
    var i = 1;
    while (i <= 250) { product *= i; i += 1 };
    var sum = 0;
    while (product > 0) { sum += product % 10; product /= 10 };
    sum
  };

  public func sort() : async Nat64 {
    let size = 3_000;
    let a = Prim.Array_init<Nat64>(size, 0);
    var x : Nat64 = 12345;
    var i = 0;
    while (i < size) { x := (x *% 6364136223846793005) +% 1442695040888963407; a[i] := x >> 33; i += 1 };
    var gap = 701;
    while (gap > 0) {
      var p = gap;
      while (p < size) {
        let v = a[p];
        var q = p;
        while (q >= gap and a[q - gap] > v) { a[q] := a[q - gap]; q -= gap };
        a[q] := v;
        p += 1;
      };
      gap := gap / 2;
    };
    a[0] +% a[size - 1]
  };

  public func lists() : async Nat {
    var list : List = null;
    var i = 0;
    while (i < 20_000) { list := ?(i, list); i += 1 };
    func map(l : List, f : Nat -> Nat) : List {
      var rest = l; var out : List = null;
      loop { switch rest { case null { return out }; case (?(h, t)) { out := ?(f h, out); rest := t } } };
    };
    var total = 0;
    var rest = map(map(list, func x = x * 2), func x = x + 1);
    label sum loop { switch rest { case null { break sum }; case (?(h, t)) { total += h; rest := t } } };
    total
  };

  public func nbody() : async Float {
    let n = 5;
    let x = Prim.Array_init<Float>(n, 0.0); let y = Prim.Array_init<Float>(n, 0.0);
    let vx = Prim.Array_init<Float>(n, 0.0); let vy = Prim.Array_init<Float>(n, 0.0);
    var i = 0;
    while (i < n) { x[i] := Prim.intToFloat(i * 3 + 1); y[i] := Prim.intToFloat(i * i + 2); i += 1 };
    var step = 0;
    while (step < 400) {
      i := 0;
      while (i < n) {
        var j = 0;
        while (j < n) {
          if (i != j) {
            let dx = x[j] - x[i]; let dy = y[j] - y[i];
            let d2 = dx * dx + dy * dy + 0.01;
            let m = 0.001 / (d2 * Prim.floatSqrt(d2));
            vx[i] := vx[i] + dx * m; vy[i] := vy[i] + dy * m;
          };
          j += 1;
        };
        i += 1;
      };
      i := 0;
      while (i < n) { x[i] := x[i] + vx[i]; y[i] := y[i] + vy[i]; i += 1 };
      step += 1;
    };
    x[0] + y[1]
  };

  public func matrix() : async Nat32 {
    let n = 48;
    let a = Prim.Array_tabulate<Nat32>(n * n, func i = Prim.natToNat32(i % 97));
    let b = Prim.Array_tabulate<Nat32>(n * n, func i = Prim.natToNat32(i % 89));
    var trace : Nat32 = 0;
    var i = 0;
    while (i < n) {
      var j = 0;
      while (j < n) {
        var s : Nat32 = 0;
        var k = 0;
        while (k < n) { s +%= a[i * n + k] *% b[k * n + j]; k += 1 };
        trace ^= s;
        j += 1;
      };
      i += 1;
    };
    trace
  };

  public func text() : async Nat {
    var t = "";
    var i = 0;
    while (i < 400) { t #= debug_show i # ","; i += 1 };
    var commas = 0;
    for (c in t.chars()) { if (c == ',') commas += 1 };
    commas + t.size()
  };

  func insert(t : Tree, v : Nat) : Tree {
    switch t {
      case (#leaf) { #node(#leaf, v, #leaf) };
      case (#node(l, w, r)) { if (v < w) #node(insert(l, v), w, r) else #node(l, w, insert(r, v)) };
    }
  };
  func depth(t : Tree) : Nat {
    switch t {
      case (#leaf) 0;
      case (#node(l, _, r)) { let a = depth l; let b = depth r; 1 + (if (a > b) a else b) };
    }
  };
  public func tree() : async Nat {
    var t : Tree = #leaf;
    var x = 7;
    var i = 0;
    while (i < 1_500) { x := (x * 1103515245 + 12345) % 2147483648; t := insert(t, x); i += 1 };
    depth t
  };

  public func closures() : async Nat {
    func compose(f : Nat -> Nat, g : Nat -> Nat) : Nat -> Nat = func x = f(g x);
    var f : Nat -> Nat = func x = x;
    var i = 0;
    while (i < 300) { let k = i; f := compose(f, func x = (x + k) % 10007); i += 1 };
    var total = 0;
    i := 0;
    while (i < 60) { total += f i; i += 1 };
    total
  };

  public func hash() : async Nat32 {
    var h : Nat32 = 2166136261;
    var i : Nat32 = 0;
    while (i < 200_000) {
      h := (h ^ (i & 0xff)) *% 16777619;
      h := (h << 13) | (h >> 19);
      i += 1;
    };
    h
  };

  public func blobs() : async Nat {
    let bytes = Prim.Array_tabulate<Nat8>(5_000, func i = Prim.natToNat8(i % 251));
    var total = 0;
    var round = 0;
    while (round < 10) {
      let blob = Prim.arrayToBlob(bytes);
      for (b in blob.vals()) { total += Prim.nat8ToNat(b) };
      round += 1;
    };
    total
  };
}`;
