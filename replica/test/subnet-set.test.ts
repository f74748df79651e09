import { expect, test } from 'vitest';
import { subnet } from '../src/commands/subnet.ts';

test('what cannot be waited for is refused before anything is changed', async () => {
  const args = ['set', '--halted', 'true', '--wait', '--data-dir', 'nowhere'];
  await expect(subnet(args)).rejects.toThrow(/cannot --wait/);
});
