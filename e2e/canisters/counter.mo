import Prim "mo:⛔";

persistent actor Counter {
  var count : Nat = 0;
  transient var sinceUpgrade : Nat = 0;

  public func inc() : async Nat {
    count += 1;
    sinceUpgrade += 1;
    count;
  };
  public func add(amount : Nat) : async Nat { count += amount; count };
  public query func get() : async Nat { count };
  public query func transientCount() : async Nat { sinceUpgrade };
  public query ({ caller }) func whoami() : async Principal { caller };
  public func incThenTrap() : async Nat { count += 1; Prim.trap("by order") };
  public query func trapInQuery() : async Nat { Prim.trap("query by order") };
  public func refuse() : async Nat { throw Prim.error("not today") };
  public func print(text : Text) : async () { Prim.debugPrint(text) };
  // A query, so that it ends within seconds: its limit is an eighth of an update's.
  public query func spin() : async () { var n = 0; while (true) { n += 1; n %= 7 } };
  public func recurse(n : Nat) : async Nat { deep(n) };
  func deep(n : Nat) : Nat { if (n == 0) 0 else 1 + deep(n - 1) };
};
