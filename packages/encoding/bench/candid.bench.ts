// node packages/encoding/bench/candid.bench.ts
// The arguments of install_code with a module of 100 KiB, ours and the clients' codec.

import { IDL } from '@icp-sdk/core/candid';
import { Principal } from '@icp-sdk/core/principal';
import { candid } from '@internode/encoding';

const { blob, nat, nat64, nullType, opt, principal, record, variant, vec } = candid;

const ours = record({
  mode: variant({ install: nullType, reinstall: nullType, upgrade: nullType }),
  canister_id: principal,
  wasm_module: blob,
  arg: blob,
  sender_canister_version: opt(nat64),
});
const theirs = IDL.Record({
  mode: IDL.Variant({ install: IDL.Null, reinstall: IDL.Null, upgrade: IDL.Null }),
  canister_id: IDL.Principal,
  wasm_module: IDL.Vec(IDL.Nat8),
  arg: IDL.Vec(IDL.Nat8),
  sender_canister_version: IDL.Opt(IDL.Nat64),
});
const value = {
  mode: { kind: 'install' },
  canister_id: new Uint8Array(10),
  wasm_module: new Uint8Array(100 * 1024),
  arg: new Uint8Array(40),
} as const;
const bytes = candid.encode([ours], [value]);
const amounts = Array.from({ length: 1000 }, (_, i) => BigInt(i) * 10_000_000_000n);
const amountBytes = candid.encode([vec(nat)], [amounts]);

function measure(name: string, times: number, work: () => unknown): void {
  const runs = Array.from({ length: 20 }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < times; i++) work();
    return Number(process.hrtime.bigint() - start) / 1000 / times;
  }).sort((left, right) => left - right);
  const [best = 0, median = 0] = [runs[0], runs[10]];
  console.log(`${name.padEnd(40)} ${median.toFixed(1)} µs (best ${best.toFixed(1)})`);
}

measure('install_code: decode', 1000, () => candid.decode([ours], bytes));
measure('install_code: decode, client library', 5, () => IDL.decode([theirs], bytes));
measure('install_code: encode', 1000, () => candid.encode([ours], [value]));
measure('install_code: encode, client library', 5, () =>
  IDL.encode(
    [theirs],
    [
      {
        ...value,
        mode: { install: null },
        canister_id: Principal.fromUint8Array(value.canister_id),
        sender_canister_version: [],
      },
    ],
  ),
);
measure('vec of 1000 nat: decode', 200, () => candid.decode([vec(nat)], amountBytes));
