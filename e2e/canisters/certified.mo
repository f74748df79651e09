import Prim "mo:⛔";

persistent actor {
  public func certify(data : Blob) : async () { Prim.setCertifiedData(data) };
  public query func certificate() : async ?Blob { Prim.getCertificate() };
  public func certificateInUpdate() : async ?Blob { Prim.getCertificate() };
};
