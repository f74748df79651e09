import { IDL } from '@icp-sdk/core/candid';
import { Principal } from '@icp-sdk/core/principal';
import type { CandidType } from '@internode/encoding';
import { candid } from '@internode/encoding';
import { fromHex, toHex, utf8, valid } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import type { Random } from './random.ts';
import { below, mutate, pick, randomBytes, randomOf } from './random.ts';

const { blob, bool, int, nat, nat8, nat64, nullType, opt, principal, record } = candid;
const { reserved, text, variant, vec } = candid;

/** One type in both notations, and a generator of a value in both notations. */
type Pair = {
  ours: CandidType;
  theirs: IDL.Type;
  value(random: Random): { ours: unknown; theirs: unknown };
};

function same(ours: CandidType, theirs: IDL.Type, make: (random: Random) => unknown): Pair {
  return {
    ours,
    theirs,
    value(random) {
      const value = make(random);
      return { ours: value, theirs: value };
    },
  };
}

const big = (random: Random) => BigInt(below(random, 2 ** 32)) << BigInt(below(random, 60));
const word = (random: Random) => pick(random, ['', 'a', 'Grüße', '漢字😀', 'x'.repeat(300)]);

const scalars: readonly Pair[] = [
  same(nullType, IDL.Null, () => null),
  same(bool, IDL.Bool, (random) => random() < 0.5),
  same(nat, IDL.Nat, big),
  same(int, IDL.Int, (random) => big(random) - big(random)),
  same(nat8, IDL.Nat8, (random) => below(random, 2 ** 8)),
  same(candid.nat16, IDL.Nat16, (random) => below(random, 2 ** 16)),
  same(candid.nat32, IDL.Nat32, (random) => below(random, 2 ** 32)),
  same(nat64, IDL.Nat64, (random) => BigInt.asUintN(64, big(random))),
  same(candid.int8, IDL.Int8, (random) => below(random, 2 ** 8) - 2 ** 7),
  same(candid.int16, IDL.Int16, (random) => below(random, 2 ** 16) - 2 ** 15),
  same(candid.int32, IDL.Int32, (random) => below(random, 2 ** 32) - 2 ** 31),
  same(candid.int64, IDL.Int64, (random) => BigInt.asIntN(64, -big(random))),
  same(candid.float64, IDL.Float64, (random) => random() * 1e9),
  same(text, IDL.Text, word),
  same(blob, IDL.Vec(IDL.Nat8), (random) => randomBytes(random, below(random, 50))),
  {
    ours: principal,
    theirs: IDL.Principal,
    value(random) {
      const bytes = randomBytes(random, below(random, 30));
      return { ours: bytes, theirs: Principal.fromUint8Array(bytes) };
    },
  },
];

function randomPair(random: Random, depth: number): Pair {
  const kind = depth === 0 ? 0 : below(random, 6);
  if (kind < 2) return pick(random, scalars);
  if (kind === 2) return vecOf(randomPair(random, depth - 1));
  if (kind === 3) return optOf(randomPair(random, depth - 1));
  const names = ['id', 'name', 'controllers', 'Ünïcode', '_7_'].filter(() => random() < 0.6);
  const pairs = names.map((name): [string, Pair] => [name, randomPair(random, depth - 1)]);
  return kind === 4 || pairs.length === 0 ? recordOf(pairs) : variantOf(pairs);
}

function vecOf(item: Pair): Pair {
  if (item.ours === nat8) return item;
  return {
    ours: vec(item.ours),
    theirs: IDL.Vec(item.theirs),
    value(random) {
      const values = Array.from({ length: below(random, 5) }, () => item.value(random));
      const theirs = values.map((value) => value.theirs);
      return { ours: values.map((value) => value.ours), theirs };
    },
  };
}

function optOf(item: Pair): Pair {
  if (['opt', 'null', 'reserved'].includes(item.ours.kind)) return item;
  return {
    ours: opt(item.ours),
    theirs: IDL.Opt(item.theirs),
    value(random) {
      if (random() < 0.4) return { ours: undefined, theirs: [] };
      const value = item.value(random);
      return { ours: value.ours, theirs: [value.theirs] };
    },
  };
}

function recordOf(pairs: readonly [string, Pair][]): Pair {
  const entries = <T>(of: (pair: Pair) => T) => {
    return Object.fromEntries(pairs.map(([name, pair]) => [name, of(pair)]));
  };
  return {
    ours: record(entries((pair) => pair.ours)),
    theirs: IDL.Record(entries((pair) => pair.theirs)),
    value(random) {
      const values = pairs.map(([name, pair]) => ({ name, ...pair.value(random) }));
      return {
        ours: Object.fromEntries(values.map(({ name, ours }) => [name, ours])),
        theirs: Object.fromEntries(values.map(({ name, theirs }) => [name, theirs])),
      };
    },
  };
}

function variantOf(pairs: readonly [string, Pair][]): Pair {
  return {
    ours: variant(Object.fromEntries(pairs.map(([name, pair]) => [name, pair.ours]))),
    theirs: IDL.Variant(Object.fromEntries(pairs.map(([name, pair]) => [name, pair.theirs]))),
    value(random) {
      const [name, pair] = pick(random, pairs);
      const value = pair.value(random);
      return { ours: { kind: name, value: value.ours }, theirs: { [name]: value.theirs } };
    },
  };
}

describe('against the codec of the clients', () => {
  test('each reads what the other writes', () => {
    const random = randomOf('candid reference');
    for (let i = 0; i < 1500; i++) {
      const pairs = Array.from({ length: below(random, 4) }, () => randomPair(random, 4));
      const types = pairs.map((pair) => pair.ours);
      const idl = pairs.map((pair) => pair.theirs);
      const values = pairs.map((pair) => pair.value(random));
      const ours = values.map((value) => value.ours);
      const theirs = values.map((value) => value.theirs);
      const encoded = candid.encode(types, ours);
      const reference = new Uint8Array(IDL.encode(idl, theirs as never[]));
      expect(candid.decode(types, reference)).toEqual(valid(ours));
      expect(candid.decode(types, encoded)).toEqual(valid(ours));
      expect(toHex(new Uint8Array(IDL.encode(idl, IDL.decode(idl, encoded) as never[])))).toBe(
        toHex(reference),
      );
    }
  });

  test('labels of names', () => {
    expect(candid.labelOf('canister_id')).toBe(1313628723);
    expect(candid.labelOf('_42_')).toBe(42);
  });

  test('funcs, services and recursive types of unknown fields are stepped over', () => {
    const list = IDL.Rec();
    list.fill(IDL.Opt(IDL.Record({ head: IDL.Nat, tail: list })));
    const service = IDL.Service({ go: IDL.Func([IDL.Text], [list], ['query']) });
    const callback = IDL.Func([IDL.Nat], [IDL.Text], []);
    const sent = IDL.encode(
      [IDL.Record({ list, service, callback, float: IDL.Float32, kept: IDL.Text }), list],
      [
        {
          list: [{ head: 1n, tail: [{ head: 2n, tail: [] }] }],
          service: Principal.managementCanister(),
          callback: [Principal.anonymous(), 'back'],
          float: 1.5,
          kept: 'yes',
        },
        [],
      ],
    );
    const bytes = new Uint8Array(sent);
    expect(candid.decode([record({ kept: text })], bytes)).toEqual(valid([{ kept: 'yes' }]));
    expect(candid.decode([record({ callback: candid.func })], bytes)).toEqual(
      valid([{ callback: { service: new Uint8Array([4]), method: 'back' } }]),
    );
  });
});

describe('row 100: unknown record fields and missing opts tolerated', () => {
  const wide = record({ canister_id: principal, sender_canister_version: opt(nat64), extra: text });
  const narrow = record({
    canister_id: principal,
    settings: opt(record({ x: nat })),
    any: reserved,
  });
  const id = new Uint8Array([1, 2]);

  test('unknown fields are ignored, missing opt is undefined', () => {
    const sent = candid.encode([wide], [{ canister_id: id, extra: 'e' }]);
    expect(candid.decode([narrow], sent)).toEqual(
      valid([{ canister_id: id, settings: undefined, any: null }]),
    );
  });

  test('missing and surplus arguments', () => {
    const sent = candid.encode([nat, text], [7n, 'more']);
    expect(candid.decode([nat], sent)).toEqual(valid([7n]));
    expect(candid.decode([nat, text, opt(bool)], sent)).toEqual(valid([7n, 'more', undefined]));
    expect(candid.decode([nat, text, bool], sent).kind).toBe('invalid');
    expect(candid.decode([], candid.encode([], []))).toEqual(valid([]));
  });

  test('an opt that does not fit is undefined, and what follows is still read', () => {
    const sent = candid.encode(
      [record({ a: opt(text), b: opt(record({ x: text })), c: nat })],
      [{ a: 'text', b: { x: 'text' }, c: 5n }],
    );
    expect(
      candid.decode([record({ a: opt(nat), b: opt(record({ x: nat })), c: int })], sent),
    ).toEqual(valid([{ a: undefined, b: undefined, c: 5n }]));
  });

  test('a value counts as a present opt; null and reserved as an absent one', () => {
    expect(candid.decode([opt(nat)], candid.encode([nat], [3n]))).toEqual(valid([3n]));
    expect(candid.decode([opt(nat)], candid.encode([nullType], [null]))).toEqual(
      valid([undefined]),
    );
    expect(candid.decode([opt(nat)], candid.encode([reserved], [null]))).toEqual(
      valid([undefined]),
    );
  });

  test('an unknown case is refused, but inside an opt it is undefined', () => {
    const sender = variant({ install: nullType, fly: nat });
    const receiver = variant({ install: nullType });
    const sent = candid.encode([sender], [{ kind: 'fly', value: 1n }]);
    expect(candid.decode([receiver], sent).kind).toBe('invalid');
    expect(candid.decode([opt(receiver)], sent)).toEqual(valid([undefined]));
  });

  test('types decide, also where no value shows the difference', () => {
    expect(candid.decode([vec(nat)], candid.encode([vec(text)], [[]])).kind).toBe('invalid');
    const sender = variant({ install: nullType, fly: nat });
    const sent = candid.encode([sender], [{ kind: 'install' }]);
    expect(candid.decode([variant({ install: nullType })], sent).kind).toBe('invalid');
  });

  test('an opt that stops fitting half way is undefined, and what follows is still read', () => {
    const sent = candid.encode(
      [opt(record({ _0_: nat, _1_: text, _2_: vec(nat) })), text],
      [{ _0_: 700n, _1_: 'one', _2_: [1n, 2n] }, 'next'],
    );
    const types = [opt(record({ _0_: nat, _1_: text, _2_: vec(text) })), text] as const;
    expect(candid.decode(types, sent)).toEqual(valid([undefined, 'next']));
  });

  test('a missing field that is not optional is refused', () => {
    const sent = candid.encode([record({ other: nat })], [{ other: 1n }]);
    expect(candid.decode([narrow], sent).kind).toBe('invalid');
    expect(candid.decode([nat], sent).kind).toBe('invalid');
  });
});

describe('hostile messages', () => {
  const header = '4449444c';

  test.each([
    ['', 'truncated'],
    ['4449444d0000', 'DIDL'],
    [`${header}0000ff`, 'trailing'],
    [`${header}016d710100ff`, 'truncated'],
    [`${header}000101`, 'unknown type'],
    [`${header}000165`, 'unknown type'],
    [`${header}016f00`, 'composite'],
    [`${header}017d00`, 'composite'],
    [`${header}016c0201710071`, 'order'],
    [`${header}ffffffff0f`, 'too large'],
    [`${header}00ffffffff0f`, 'truncated'],
    [`${header}00017e02`, 'flag'],
    [`${header}000171 01ff`, 'UTF-8'],
    [`${header}000168 00`, 'opaque'],
    [`${header}000168 011e${'00'.repeat(30)}`, 'too long'],
    [`${header}00016f`, 'empty'],
    [`${header}016b0100710100 01`, 'variant'],
  ])('%s: %s', (hex, reason) => {
    const verdict = candid.decode([], fromHex(hex.replaceAll(' ', '')));
    expect(verdict.kind).toBe('invalid');
    if (verdict.kind === 'invalid') expect(verdict.reason).toContain(reason);
  });

  test('a billion elements without bytes, read or stepped over', () => {
    const bomb = fromHex(`${header}016d7f0100ffffffff0f`);
    const nested = fromHex(`${header}026d016d7f0100ffff0f${'ffff0f'.repeat(9)}`);
    for (const types of [[], [vec(nullType)], [opt(nat)], [vec(vec(nullType))]]) {
      expect(candid.decode(types, bomb).kind).toBe('invalid');
      expect(candid.decode(types, nested).kind).toBe('invalid');
    }
  });

  test('elements without bytes run out before time and memory do', () => {
    const bomb = fromHex(`${header}016d7f0100ffff3f`);
    const reason = 'candid: too many elements without bytes';
    expect(candid.decode([], bomb)).toMatchObject({ reason });
    expect(candid.decode([vec(nullType)], bomb)).toMatchObject({ reason });
    expect(candid.decode([opt(vec(nullType))], bomb)).toMatchObject({ reason });
  });

  test('types that contain themselves end', () => {
    const endless = fromHex(`${header}016c0100000100`);
    expect(candid.decode([], endless)).toMatchObject({ reason: 'candid: too deep' });
    expect(candid.decode([record({ x: nat })], endless).kind).toBe('invalid');
    const deep = fromHex(`${header}016e000100${'01'.repeat(100_000)}00`);
    expect(candid.decode([], deep)).toMatchObject({ reason: 'candid: too deep' });
  });

  test('wide work is bounded', () => {
    const widths = fromHex(`${header}016d7e0100ffffff03`);
    const bytes = new Uint8Array(widths.length + 0x7fffff);
    bytes.set(widths);
    expect(candid.decode([], bytes)).toMatchObject({ reason: 'candid: too many values' });
  });

  test('random and mutated messages never throw', () => {
    const random = randomOf('candid fuzz');
    let accepted = 0;
    for (let i = 0; i < 20_000; i++) {
      const sent = randomPair(random, 3);
      const expected = random() < 0.5 ? sent : randomPair(random, 3);
      const good = candid.encode([sent.ours], [sent.value(random).ours]);
      const verdict = candid.decode([expected.ours], i % 3 === 0 ? good : mutate(random, good));
      if (verdict.kind === 'valid') accepted += 1;
      candid.decode([expected.ours], new Uint8Array([...utf8('DIDL'), ...randomBytes(random, 12)]));
    }
    expect(accepted).toBeGreaterThan(2000);
  });
});
