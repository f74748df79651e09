import { describe, expect, test } from 'vitest';
import { findingsOf } from '../tidy.ts';

function check(path: string, text: string, expected: RegExp | undefined): void {
  const found = findingsOf({ path, text });
  if (expected === undefined) expect(found).toEqual([]);
  else expect(found.join('\n')).toMatch(expected);
}

describe('tidy', () => {
  test('a core may not import the machine, adapters or other services', () => {
    check(
      'services/state/src/core/a.ts',
      "import { readFileSync } from 'node:fs';",
      /does not touch the machine/,
    );
    check(
      'services/state/src/core/a.ts',
      "import { x } from '../adapters/x.ts';",
      /never imports an adapter/,
    );
    check(
      'services/state/src/state.ts',
      "import { x } from '@internode/gateway';",
      /services never import services/,
    );
    check(
      'services/state/src/core/a.ts',
      "import { x } from '@internode/host';",
      /pure packages only/,
    );
    check(
      'services/state/src/core/a.ts',
      "import { assert } from '@internode/prelude';",
      undefined,
    );
  });

  test('a type-only import is erased before the scan', () => {
    check('services/state/src/core/a.ts', "import type { Stats } from 'node:fs';", undefined);
  });

  test('packages import only what stands after their arrow', () => {
    check(
      'packages/encoding/src/a.ts',
      "import { x } from '@internode/crypto';",
      /may import: prelude/,
    );
    check(
      'packages/prelude/src/a.ts',
      "export { x } from '../../encoding/src/x.ts';",
      /by its door/,
    );
  });

  test('words that a step may not use', () => {
    check('services/state/src/core/a.ts', 'const x = Date.now();', /Date in a core/);
    check('services/state/src/core/a.ts', 'async function f() {}', /a step ends/);
    check(
      'services/state/src/core/a.ts',
      "// await is fine here\nconst text = 'await';",
      undefined,
    );
  });

  test('owned libraries and undeclared ones', () => {
    check(
      'services/state/src/adapters/a.ts',
      "import x from '@nxtedition/rocksdb';",
      /only packages\/storage/,
    );
    check('packages/encoding/src/a.ts', "import x from 'left-pad';", /not a library of pure rooms/);
  });

  test('sizes and titles', () => {
    check('packages/prelude/src/a.ts', '\n'.repeat(401), /split it by idea/);
    check('docs/a.md', 'no title', /no title/);
  });
});
