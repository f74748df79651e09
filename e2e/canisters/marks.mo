import Prim "mo:⛔";

// Counts how often each number was marked: what was acknowledged must be there exactly once.
persistent actor Marks {
  let counts : [var Nat] = Prim.Array_init(65536, 0);
  var total : Nat = 0;

  public func mark(index : Nat) : async Nat { counts[index] += 1; total += 1; counts[index] };
  public query func countsFrom(start : Nat, length : Nat) : async [Nat] {
    Prim.Array_tabulate<Nat>(length, func(i) { counts[start + i] });
  };
  public query func sum() : async Nat { total };
};
