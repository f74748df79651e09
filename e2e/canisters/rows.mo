import Prim "mo:⛔";

// What the checklist asks of Motoko: self calls, upgrades, randomness, composite queries, several calls at once.
persistent actor Rows {
  var kept = 0;
  transient var fresh = 0;
  var fired = 0;

  public func step() : async Nat { kept += 1; fresh += 1; kept };
  public query func seen() : async (Nat, Nat, Nat) { (kept, fresh, fired) };
  public query func forget() : async Nat { kept += 100; kept };
  public func viaSelf() : async Nat { await step() };
  public func together() : async (Nat, Nat, Nat) {
    let first = step();
    let second = step();
    let third = step();
    (await first, await second, await third);
  };
  public func half() : async () { kept += 1000; let _ = await step(); Prim.trap("after the await") };
  public composite query func viaQuery() : async Nat { let (a, _, _) = await seen(); a };
  public func random() : async Blob {
    await (actor "aaaaa-aa" : actor { raw_rand : () -> async Blob }).raw_rand();
  };
  public func later() : async Nat {
    Prim.setTimer<system>(100_000_000, false, func() : async () { fired += 1 });
  };
  public func born() : async Principal {
    let ic = actor "aaaaa-aa" : actor {
      create_canister : { settings : ?{ compute_allocation : ?Nat } } -> async {
        canister_id : Principal;
      };
    };
    Prim.cyclesAdd<system>(5_000_000_000_000);
    (await ic.create_canister({ settings = null })).canister_id;
  };
  public shared ({ caller }) func about() : async (Principal, Nat64, Bool) {
    (caller, Prim.time(), Prim.isController(caller));
  };
};
