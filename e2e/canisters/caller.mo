import Prim "mo:⛔";

persistent actor Caller {
  type Counter = actor {
    inc : () -> async Nat;
    get : query () -> async Nat;
    incThenTrap : () -> async Nat;
    refuse : () -> async Nat;
    noSuchMethod : () -> async Nat;
  };

  public func incOf(id : Text) : async Nat { await (actor (id) : Counter).inc() };
  public func getOf(id : Text) : async Nat { await (actor (id) : Counter).get() };
  public func twice(id : Text) : async (Nat, Nat) {
    let counter = actor (id) : Counter;
    let first = counter.inc();
    let second = counter.inc();
    (await first, await second);
  };
  public func failures(id : Text) : async [Text] {
    let counter = actor (id) : Counter;
    let trapped = try { ignore await counter.incThenTrap(); "no" } catch (e) { Prim.errorMessage(e) };
    let refused = try { ignore await counter.refuse(); "no" } catch (e) { Prim.errorMessage(e) };
    let missing = try { ignore await counter.noSuchMethod(); "no" } catch (e) { Prim.errorMessage(e) };
    [trapped, refused, missing];
  };
};
