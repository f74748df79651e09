// What k6 sends, read by the decoder that the gateway uses: k6's runtime has no libraries, so its scripts say requests by themselves.
import { decodeCborMap, principalFromText, principalToText } from '@internode/encoding';
import { expect, test } from 'vitest';

const folder = new URL('../../k6/', import.meta.url);
const { encode } = (await import(new URL('cbor.js', folder).href)) as {
  encode: (value: unknown) => Uint8Array;
};
const { principalBytes } = (await import(new URL('principal.js', folder).href)) as {
  principalBytes: (text: string) => Uint8Array;
};

test('requests of k6 are read as they were said', () => {
  for (const number of [0n, 23n, 24n, 255n, 256n, 65_536n, 2n ** 32n, 1_790_000_000_000_000_000n]) {
    const content = {
      request_type: 'query',
      ingress_expiry: number,
      arg: new Uint8Array(Number(number % 70_000n)).fill(7),
      method_name: 'x'.repeat(Number(number % 300n)),
    };
    const read = decodeCborMap(encode({ content }));
    expect(read).toMatchObject({ kind: 'valid' });
    const { ingress_expiry, ...others } = (read as { value: { content: typeof content } }).value
      .content;
    expect({ ...others, ingress_expiry: BigInt(ingress_expiry) }).toEqual(content);
  }
});

test('principals of k6 are the same bytes', () => {
  for (const bytes of [[4], [], [0, 0, 0, 0, 0, 0, 0, 1, 1, 1], [...Array(29).keys()]]) {
    const text = principalToText(Uint8Array.from(bytes));
    expect(principalFromText(text)).toMatchObject({ kind: 'valid' });
    expect([...principalBytes(text)]).toEqual(bytes);
  }
  expect(() => principalBytes('not a principal!')).toThrow('is no principal');
});
