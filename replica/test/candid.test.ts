import { IDL } from '@icp-sdk/core/candid';
import { Principal } from '@icp-sdk/core/principal';
import { describe, expect, test } from 'vitest';
import { parseInterface } from '../src/candid/interface.ts';
import { parseArguments, printValues } from '../src/candid/value.ts';

const SOURCE = `
// a comment
type Tree = variant { leaf: nat; node: record { left: Tree; right: Tree } };
type Account = record { owner: principal; "sub account": opt blob };
service : (opt nat) -> {
  inc: () -> (nat);
  get: (key: text, nat8) -> (opt text) query;
  sum: (Tree) -> (int64) composite_query;
  pay: (Account, vec record { text; nat64 }) -> ();
}
`;

describe('candid text', () => {
  const { methods } = parseInterface(SOURCE);

  test('methods with their modes', () => {
    expect([...methods.keys()]).toEqual(['inc', 'get', 'sum', 'pay']);
    expect(methods.get('get')?.annotations).toEqual(['query']);
    expect(methods.get('get')?.argTypes).toEqual([IDL.Text, IDL.Nat8]);
  });

  test('arguments encode as the official library expects them', () => {
    const check = (method: string, text: string, expected: unknown[]) => {
      const types = methods.get(method)?.argTypes ?? [];
      const values = parseArguments(text, types);
      expect(values).toEqual(expected);
      expect(IDL.decode(types, IDL.encode(types, values))).toEqual(expected);
    };
    check('get', '("a\\n\\u{e9}", 7)', ['a\né', 7]);
    check(
      'sum',
      'variant { node = record { left = variant { leaf = 1 }; right = variant { leaf = 2 : nat } } }',
      [{ node: { left: { leaf: 1n }, right: { leaf: 2n } } }],
    );
    check('pay', '(record { owner = principal "aaaaa-aa" }, vec { record { "x"; 5 } })', [
      { owner: Principal.managementCanister(), 'sub account': [] },
      [['x', 5n]],
    ]);
  });

  test.each([
    ['get', '("a")', /argument 2 is missing/],
    ['get', '("a", "b")', /expected nat8/],
    ['get', '("a", 1, 2)', /takes 2 arguments/],
    ['sum', 'variant { root = 1 }', /no variant root; there are: leaf, node/],
    ['inc', '(', /expected \)/],
    ['inc', '§', /unexpected/],
  ])('%s%s says what is wrong', (method, text, message) => {
    expect(() => parseArguments(text, methods.get(method)?.argTypes ?? [])).toThrow(message);
  });

  test('results print as Candid', () => {
    expect(printValues([5n, ['a']], [IDL.Nat, IDL.Opt(IDL.Text)])).toBe('(5, opt "a")');
  });
});
