import { free, give } from '@internode/prelude';
import { describe, expect, test } from 'vitest';

describe('memory that is given', () => {
  test('is gone when it is freed, for whoever has a view of it', () => {
    const bytes = give(new Uint8Array(8).fill(1));
    const view = bytes.subarray(2, 4);
    free(view);
    expect([bytes.length, view.length]).toEqual([0, 0]);
    free(view);
  });

  test('stays when it was not given, or was part of something larger when it was', () => {
    const [own, whole] = [new Uint8Array(8), new Uint8Array(8)];
    give(whole.subarray(0, 7));
    for (const bytes of [own, whole]) {
      free(bytes);
      expect(bytes).toHaveLength(8);
    }
  });

  test('is not that of a thread that shares it', () => {
    const shared = give(new Uint8Array(new SharedArrayBuffer(8)));
    free(shared);
    expect(shared).toHaveLength(8);
  });
});
